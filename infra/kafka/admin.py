"""Topics as the project wants them: created once, checked at every start, never changed behind anyone's back."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    ClusterMetadata,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    TopicDescription,
    TopicMetadata,
)

from infra.errors import KafkaUnavailableError, TopicError
from infra.kafka.access import KafkaAccessError, denied, refused
from infra.kafka.clients import common_config
from infra.settings import Settings

TIMEOUT_S = 10.0
_LEADERS_POLL_S = 0.05

_ENTER_POLL_S = 0.05
_ASK_FIRST_S = 0.5
"""So long may the first question wait for its answer, each further one twice as long."""
_REFUSALS = {KafkaError._AUTHENTICATION, KafkaError._SSL}  # noqa: SLF001 - librdkafka's own names

_NO_LEADER_YET = {
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.FENCED_LEADER_EPOCH,
}
"""Answers of a broker that has not heard yet what another one says of a partition."""

T = TypeVar("T")


@dataclass(frozen=True)
class TopicSpec:
    """What a topic must be. ``config`` is what it is created with; see ``differences`` for what is checked later."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class TopicState:
    """What a topic is. ``id`` is Kafka's own: a topic that was deleted and made again has another one."""

    name: str
    id: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


@dataclass(frozen=True)
class Difference:
    """One thing in which a topic is not as its spec says, and how to mend it."""

    what: str
    found: str
    wanted: str
    fix: str

    def __str__(self) -> str:
        return f"{self.what} is {self.found}, wanted {self.wanted}: {self.fix}"


def ensure_topics(settings: Settings, specs: Sequence[TopicSpec], timeout: float = TIMEOUT_S) -> list[str]:
    """Create the topics that are missing, check the others; return the names of those created.

    Returns when every partition has a leader. Raises TopicError (a topic is
    not as specified, or cannot be made so) and KafkaUnavailableError.
    """
    kafka = _Connection(settings, timeout)
    found = _describe(kafka, [spec.name for spec in specs])
    require_as_specified(specs, found)
    missing = [spec for spec in specs if spec.name not in found]
    if not missing:
        return []
    _require_brokers(missing, len(kafka.metadata().brokers), kafka.address)
    created = _create(kafka, missing)
    _wait_for_leaders(kafka, missing)
    others = [spec for spec in missing if spec.name not in created]  # someone else was quicker
    require_as_specified(others, _describe(kafka, [spec.name for spec in others]))
    return created


def check_topics(settings: Settings, specs: Sequence[TopicSpec], timeout: float = TIMEOUT_S) -> dict[str, TopicState]:
    """The state of each topic, by name, when all are there and as specified.

    Raises TopicError naming what is missing or different, and KafkaUnavailableError.
    """
    found = describe_topics(settings, [spec.name for spec in specs], timeout)
    missing = [spec.name for spec in specs if spec.name not in found]
    if missing:
        raise TopicError(
            f"Kafka at {settings.kafka_bootstrap_servers} lacks the topic{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}; run: barometer topics create"
        )
    require_as_specified(specs, found)
    return found


def describe_topics(settings: Settings, names: Sequence[str], timeout: float = TIMEOUT_S) -> dict[str, TopicState]:
    """Those of the named topics that exist, by name. Raises KafkaUnavailableError."""
    return _describe(_Connection(settings, timeout), names)


def partition_count(settings: Settings, topic: str, timeout: float = TIMEOUT_S) -> int:
    """How many partitions a topic has. Raises TopicError when there is no such topic, and KafkaUnavailableError."""
    found = _existing(_Connection(settings, timeout), [topic])
    if topic not in found:
        raise TopicError(
            f"Kafka at {settings.kafka_bootstrap_servers} lacks the topic {topic}; run: barometer topics create"
        )
    return len(found[topic].partitions)


def topic_id(settings: Settings, topic: str, timeout: float = TIMEOUT_S) -> str:
    """Kafka's UUID of a topic, in Kafka's notation. Raises TopicError when there is no such topic."""
    found = describe_topics(settings, [topic], timeout)
    if topic not in found:
        raise TopicError(
            f"Kafka at {settings.kafka_bootstrap_servers} lacks the topic {topic}; run: barometer topics create"
        )
    return found[topic].id


def record_counts(settings: Settings, topics: Iterable[TopicState], timeout: float = TIMEOUT_S) -> dict[str, int]:
    """Offsets between the beginning and the end of each topic, by name.

    At least the number of its records: compaction and transaction markers
    leave offsets without one. Raises KafkaUnavailableError.
    """
    kafka = _Connection(settings, timeout)
    sizes = {topic.name: topic.partitions for topic in topics}
    ends, beginnings = (_offsets(kafka, sizes, spec) for spec in (OffsetSpec.latest(), OffsetSpec.earliest()))
    return {name: sum(ends[name, number] - beginnings[name, number] for number in range(sizes[name])) for name in sizes}


def differences(spec: TopicSpec, state: TopicState) -> list[Difference]:
    """In what a topic is not as specified, of what would do harm.

    Retention, segment sizes and the like are the operator's to tune. Not so
    the number of partitions (keys and state depend on it), the cleanup policy
    (deleted state is lost, compacted tweets too), the timestamp type
    (retention would act on event times), and a message size smaller than ours.
    """
    elsewhere = "use another BAROMETER_TOPIC_PREFIX"
    found = []
    if state.partitions != spec.partitions:
        found.append(
            Difference(
                "the number of partitions",
                str(state.partitions),
                str(spec.partitions),
                f"set BAROMETER_PARTITIONS={state.partitions}, or {elsewhere}",
            )
        )
    for name, wanted in spec.config.items():
        actual = state.config.get(name, "unknown")
        if not _suits(name, actual, wanted):
            found.append(Difference(name, actual, wanted, f"set it with Kafka's kafka-configs --alter, or {elsewhere}"))
    return found


def require_as_specified(specs: Iterable[TopicSpec], found: Mapping[str, TopicState]) -> None:
    """Raise TopicError with every difference of the topics that exist."""
    problems: dict[str, list[str]] = {}
    for spec in specs:
        for difference in differences(spec, found[spec.name]) if spec.name in found else ():
            problems.setdefault(str(difference), []).append(spec.name)
    if problems:
        raise TopicError(
            "; ".join(
                f"topic{'s' if len(names) > 1 else ''} {', '.join(names)}: {problem}"
                for problem, names in problems.items()
            )
        )


def _suits(name: str, actual: str, wanted: str) -> bool:
    match name:
        case "cleanup.policy":
            return set(actual.replace(" ", "").split(",")) == set(wanted.split(","))
        case "message.timestamp.type":
            return actual == wanted
        case "max.message.bytes":
            return not actual.isdigit() or int(actual) >= int(wanted)
        case _:
            return True


def _require_brokers(specs: Iterable[TopicSpec], brokers: int, address: str) -> None:
    for spec in specs:
        if spec.replication_factor > brokers:
            raise TopicError(
                f"topic {spec.name} wants {spec.replication_factor} replicas, but Kafka at {address} has "
                f"{brokers} broker{'s' if brokers != 1 else ''}; set BAROMETER_REPLICATION_FACTOR={brokers}"
            )


class _Connection:
    """An AdminClient, the time it has left, and errors in words.

    ``error_cb`` is kept for its reasons: "connection refused" is told there
    and nowhere else; the calls themselves only time out. Raises
    KafkaAccessError at once when Kafka is there but does not let us in.
    """

    def __init__(self, settings: Settings, timeout: float) -> None:
        self._settings = settings
        self.address = settings.kafka_bootstrap_servers
        self._timeout = timeout
        self._deadline = time.monotonic() + timeout
        self._reason = ""
        self._trouble: KafkaError | None = None
        config: dict[str, Any] = {**common_config(settings), "error_cb": self._note}
        self.admin = AdminClient(config)
        self._enter()

    def left(self) -> float:
        """Seconds until the deadline, never too few for one attempt."""
        return max(0.5, self._deadline - time.monotonic())

    @property
    def expired(self) -> bool:
        return time.monotonic() > self._deadline

    def _enter(self) -> None:
        """Return when Kafka answers, or when it is away: then the calls say so."""
        enough = threading.Event()
        asking = threading.Thread(target=self._ask, args=(enough,), daemon=True)
        asking.start()
        asked = False
        try:
            while asking.is_alive():
                asking.join(_ENTER_POLL_S)
                self.admin.poll(0)
                # Asked once: a Kafka that is just starting also hangs up.
                trouble, self._trouble = self._trouble, None
                if trouble is not None and (not asked or trouble.code() in _REFUSALS):
                    asked = True
                    error = refused(self._settings, trouble)
                    if error is not None:
                        raise error
        finally:
            # The thread holds the client. One that is alive when the process ends can crash it: its threads then
            # use what the exit of OpenSSL has freed.
            enough.set()
            asking.join()

    def _ask(self, enough: threading.Event) -> None:
        # Metadata, not an admin request: where a broker hangs, librdkafka can end the process over one of these
        # ("Assertion `rko_result' failed" in rd_kafka_admin_response_parse).
        patience = _ASK_FIRST_S
        while not self.expired:
            try:
                self.admin.list_topics(timeout=min(patience, self.left()))
                break
            except KafkaException:
                # Whoever is refused hangs up at once, and is told why a moment later.
                if enough.wait(_ENTER_POLL_S):
                    break
                patience *= 2

    def metadata(self) -> ClusterMetadata:
        """Brokers and topics. Raises KafkaUnavailableError."""
        try:
            return self.admin.list_topics(timeout=self.left())
        except KafkaException as error:
            raise self._in_words(error) from error

    def result(self, answer: Future[T], name: str = "") -> T:
        """What a call about ``name`` came to. Raises KafkaUnavailableError, or TopicError with Kafka's own words."""
        try:
            return answer.result(self.left() + 5)  # librdkafka's timeout comes first
        except (KafkaException, TimeoutError) as error:
            raise self._in_words(error, name) from error

    def _note(self, error: KafkaError) -> None:
        self._trouble = error
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - librdkafka's own name for it
            # Such as: host:port/bootstrap: Connect to ... failed: Connection refused (after 0ms in state CONNECT)
            self._reason = error.str().partition(": ")[2].partition(" (after ")[0] or error.str()

    def _in_words(self, error: Exception, name: str = "") -> TopicError | KafkaUnavailableError | KafkaAccessError:
        cause = error.args[0] if error.args else None
        if isinstance(cause, KafkaError) and (no_right := denied(self._settings, cause, name)):
            return no_right
        if isinstance(cause, KafkaError) and cause.code() > 0:  # the broker answered; negative codes are librdkafka's
            return TopicError(f"Kafka at {self.address} refused: {cause.str()}")
        self.admin.poll(0)
        return KafkaUnavailableError(
            f"Kafka at {self.address} did not answer within {self._timeout:.0f} s"
            f"{f' ({self._reason})' if self._reason else ''}; check BAROMETER_KAFKA_BOOTSTRAP_SERVERS, "
            "or start one with: barometer broker"
        )


def _code(error: BaseException) -> int | None:
    """Kafka's error code behind one of our errors."""
    cause = error.__cause__
    return cause.args[0].code() if isinstance(cause, KafkaException) else None


def _describe(kafka: _Connection, names: Sequence[str]) -> dict[str, TopicState]:
    if not names:
        return {}
    kafka.metadata()  # it alone fails in time and with a reason when nobody is there
    described = _existing(kafka, names)
    configs = _configs(kafka, list(described))
    return {
        name: TopicState(
            name=name,
            id=str(topic.topic_id),
            partitions=len(topic.partitions),
            replication_factor=min((len(partition.replicas) for partition in topic.partitions), default=0),
            config=configs[name],
        )
        for name, topic in described.items()
    }


def _existing(kafka: _Connection, names: Sequence[str]) -> dict[str, TopicDescription]:
    described: dict[str, TopicDescription] = {}
    answers = kafka.admin.describe_topics(TopicCollection(list(names)), request_timeout=kafka.left())
    for name, answer in answers.items():
        try:
            described[name] = kafka.result(answer, name)
        except TopicError as error:
            if _code(error) != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise
    return described


def _configs(kafka: _Connection, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    answers = kafka.admin.describe_configs(resources, request_timeout=kafka.left())
    return {
        resource.name: {name: entry.value or "" for name, entry in kafka.result(answer, resource.name).items()}
        for resource, answer in answers.items()
    }


def _create(kafka: _Connection, specs: Sequence[TopicSpec]) -> list[str]:
    """Names of those that we made; the others were there already."""
    topics = [NewTopic(spec.name, spec.partitions, spec.replication_factor, config=dict(spec.config)) for spec in specs]
    left = kafka.left()
    created = []
    for name, answer in kafka.admin.create_topics(topics, operation_timeout=left, request_timeout=left).items():
        try:
            kafka.result(answer, name)
        except TopicError as error:
            if _code(error) != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicError(f"topic {name} could not be created: {error}") from error
        else:
            created.append(name)
    return created


def _wait_for_leaders(kafka: _Connection, specs: Sequence[TopicSpec]) -> None:
    """Return when clients may use the topics: brokers hear of a new one a moment after the controller."""
    while True:
        topics = kafka.metadata().topics
        waiting = [spec.name for spec in specs if not _has_leaders(topics.get(spec.name), spec.partitions)]
        if not waiting:
            break
        if kafka.expired:
            raise TopicError(f"{', '.join(waiting)} created, but no leader for every partition yet; run it again")
        time.sleep(_LEADERS_POLL_S)
    _offsets(kafka, {spec.name: spec.partitions for spec in specs}, OffsetSpec.latest())  # the leaders know it too


def _offsets(kafka: _Connection, sizes: Mapping[str, int], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    """An offset for each (topic, partition) of ``sizes``, once its leader answers."""
    found: dict[tuple[str, int], int] = {}
    wanted = {(name, number) for name, size in sizes.items() for number in range(size)}
    while wanted:
        asked = {TopicPartition(name, number): spec for name, number in wanted}
        for partition, answer in kafka.admin.list_offsets(asked, request_timeout=kafka.left()).items():
            try:
                offset = kafka.result(answer, partition.topic).offset
            except TopicError as error:
                if _code(error) not in _NO_LEADER_YET or kafka.expired:
                    raise
            else:
                found[partition.topic, partition.partition] = offset
        wanted -= found.keys()
        if wanted:
            time.sleep(_LEADERS_POLL_S)
    return found


def _has_leaders(topic: TopicMetadata | None, partitions: int) -> bool:
    return (
        topic is not None
        and len(topic.partitions) >= partitions
        and all(partition.leader >= 0 for partition in topic.partitions.values())
    )
