"""Who is in a consumer group, and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConsumerGroupDescription, OffsetSpec

from infra.errors import KafkaUnavailableError
from infra.kafka.access import denied
from infra.kafka.clients import common_config
from infra.settings import Settings

T = TypeVar("T")

_TIMEOUT_S = 10.0
_NO_GROUP = {KafkaError.GROUP_ID_NOT_FOUND, KafkaError.COORDINATOR_NOT_AVAILABLE}
_NOT_YET = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}
"""A Kafka that is asked for a group for the first time makes the topic of groups then, and says this for a second."""
_AGAIN_S = 0.1


def group_members(settings: Settings, timeout: float = _TIMEOUT_S) -> list[str]:
    """The members of the workers' group, such as ``barometer-1 at /10.0.0.7``; none when nobody works.

    Raises KafkaUnavailableError, and KafkaAccessError when Kafka does not let us.
    """
    admin = AdminClient(common_config(settings))  # named: it answers only for as long as it lives
    asked = [settings.group]

    def describe() -> ConsumerGroupDescription:
        answer = admin.describe_consumer_groups(asked, request_timeout=timeout)[settings.group]
        described: ConsumerGroupDescription = answer.result(timeout + 5)
        return described

    try:
        found = _once_ready(describe, timeout)
    except (KafkaException, TimeoutError) as error:
        cause = error.args[0] if error.args else None
        if isinstance(cause, KafkaError):
            if cause.code() in _NO_GROUP:
                return []
            if refused := denied(settings, cause):
                raise refused from error
        raise KafkaUnavailableError(
            f"Kafka at {settings.kafka_bootstrap_servers} does not say who is in the group {settings.group}: "
            f"{cause or 'no answer'}; check BAROMETER_KAFKA_BOOTSTRAP_SERVERS"
        ) from error
    return [f"{member.client_id} at {member.host}" for member in found.members]


@dataclass(frozen=True)
class GroupProgress:
    """Of one topic, by partition: what the group has done (``next``, where it has committed) and where records are."""

    next: Mapping[int, int]
    beginnings: Mapping[int, int]
    ends: Mapping[int, int]

    @property
    def lag(self) -> int:
        """Records not worked on yet; where nothing was committed, all of them."""
        return sum(
            max(0, end - max(self.beginnings[partition], self.next.get(partition, 0)))
            for partition, end in self.ends.items()
        )


def group_progress(settings: Settings, topic: str, partitions: int, timeout: float = _TIMEOUT_S) -> GroupProgress:
    """How far the workers' group has come in a topic. Raises KafkaUnavailableError."""
    admin = AdminClient(common_config(settings))
    places = [TopicPartition(topic, number) for number in range(partitions)]
    asked = ConsumerGroupTopicPartitions(settings.group, places)
    try:
        bounds = []
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest()):
            answers = admin.list_offsets(dict.fromkeys(places, spec), request_timeout=timeout)
            bounds.append({place.partition: answer.result(timeout).offset for place, answer in answers.items()})
        committed = _committed(admin, asked, timeout)
    except (KafkaException, TimeoutError) as error:
        raise KafkaUnavailableError(
            f"Kafka at {settings.kafka_bootstrap_servers} does not say how far the group {settings.group} is: {error}"
        ) from error
    return GroupProgress(committed, *bounds)


def _committed(admin: AdminClient, asked: ConsumerGroupTopicPartitions, timeout: float) -> dict[int, int]:
    def offsets() -> ConsumerGroupTopicPartitions:
        answer = admin.list_consumer_group_offsets([asked], request_timeout=timeout)[asked.group_id]
        found: ConsumerGroupTopicPartitions = answer.result(timeout)
        return found

    places = _once_ready(offsets, timeout).topic_partitions or ()
    return {place.partition: place.offset for place in places if place.offset >= 0}


def _once_ready(ask: Callable[[], T], timeout: float) -> T:
    """What is answered once the group's coordinator is there."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _NOT_YET or time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_S)
