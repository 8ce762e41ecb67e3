"""A real Kafka of its own, and for each measurement topics of its own and workers as processes."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from infra.errors import BarometerError
from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.admin import ensure_topics
from infra.kafka.clients import common_config, reader_config
from infra.kafka.groups import group_members
from infra.kafka.local import LocalBroker
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import ENV_PREFIX, Settings
from stream.bench.pipeline.timing import Usage
from stream.records import Tweet
from stream.topics import Topics, topic_specs

PARTITIONS = 12
STUCK_S = 120.0
"""No worker may make no progress for this long."""
_LOOK_EVERY_S = 0.5
_ANSWER_S = 10.0
_LOG_CHARS = 2_000


class PipelineBenchError(BarometerError):
    """A worker ended, or did nothing; there is nothing to tell."""


class Site:
    """Where it is measured. A context manager; ``base`` gives what the settings of all measurements share."""

    def __init__(self, base: Settings) -> None:
        self._base = base
        self._running = ExitStack()
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            self._folder = Path(starting.enter_context(tempfile.TemporaryDirectory(prefix="barometer-bench-")))
            broker = LocalBroker(self._base.cache, repository=self._base.maven_repository)
            starting.enter_context(broker)
            self._address = broker.bootstrap_servers
            self._running = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.close()

    @contextmanager
    def topics(self) -> Iterator[Settings]:
        """Settings with empty topics and a group of their own, which are gone afterwards."""
        settings = self._base.model_copy(
            update={
                "kafka_bootstrap_servers": self._address,
                "topic_prefix": f"bench-{next(self._numbers)}.",
                "partitions": PARTITIONS,
                "replication_factor": 1,
            }
        )
        specs = topic_specs(settings)
        ensure_topics(settings, specs, timeout=60)
        try:
            yield settings
        finally:
            admin = AdminClient(common_config(settings))
            for gone in admin.delete_topics([spec.name for spec in specs]).values():
                gone.result(30)

    @contextmanager
    def workers(self, settings: Settings, count: int, *options: str) -> Iterator[Workers]:
        """So many workers, with options of ``stream.bench.pipeline.worker``; they are stopped afterwards."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            workers = Workers(settings, Path(folder))
            try:
                for _ in range(count):
                    workers.start(*options)
                yield workers
            finally:
                workers.stop()


class Workers:
    """Worker processes with the same settings."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._processes: list[GuardedProcess] = []
        self.started_ms: list[float] = []

    def start(self, *options: str) -> None:
        number = len(self._processes)
        command = [sys.executable, "-m", "stream.bench.pipeline.worker", str(self._usage_file(number)), *options]
        with self._log_file(number).open("wb") as log:
            self.started_ms.append(time.time() * 1_000)
            process = spawn_guarded(command, env=_environment(self._settings), stdout=log, stderr=log)
        self._processes.append(process)

    def until_joined(self) -> None:
        """Wait until all are in the group."""
        deadline = time.monotonic() + STUCK_S
        while len(group_members(self._settings)) < len(self._processes):
            self._require_alive(deadline)
            time.sleep(_LOOK_EVERY_S)

    def until_done(self, topic: str) -> None:
        """Wait until the group has committed all of a topic."""
        left: int | None = -1
        deadline = time.monotonic() + STUCK_S
        with _lag(self._settings, topic) as lag:
            while (now := lag()) != 0:
                if now != left:
                    left, deadline = now, time.monotonic() + STUCK_S
                self._require_alive(deadline)
                time.sleep(_LOOK_EVERY_S)

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until ``done()``."""
        deadline = time.monotonic() + STUCK_S
        while not done():
            self._require_alive(deadline)
            time.sleep(_LOOK_EVERY_S)

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()

    def usage(self) -> list[list[Usage]]:
        """What each worker wrote down so far."""
        return [
            read_usage(self._usage_file(number).read_text(encoding="ascii")) for number in range(len(self._processes))
        ]

    def _usage_file(self, number: int) -> Path:
        return self._folder / f"usage-{number}"

    def _log_file(self, number: int) -> Path:
        return self._folder / f"worker-{number}.log"

    def _require_alive(self, deadline: float) -> None:
        for number, process in enumerate(self._processes):
            code = process.poll()
            if code is not None or time.monotonic() > deadline:
                log = self._log_file(number).read_text(encoding="utf-8", errors="replace")[-_LOG_CHARS:]
                why = f"did nothing for {STUCK_S:.0f} s" if code is None else f"ended with exit code {code}"
                raise PipelineBenchError(f"a worker {why}; its log ends:\n{log}")


@contextmanager
def _lag(settings: Settings, topic: str) -> Iterator[Callable[[], int | None]]:
    """How many records of a topic the group has not committed; None while Kafka does not say.

    By one consumer for all looks, rather than an admin client for each.
    """
    consumer = Consumer(reader_config(settings, **{"group.id": settings.group}))
    partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
    ends = [TopicPartition(topic, number, OFFSET_END) for number in range(settings.partitions)]

    def look() -> int | None:
        try:
            committed = consumer.committed(partitions, timeout=_ANSWER_S)
            return sum(
                end.offset - max(0, done.offset)
                for end, done in zip(consumer.offsets_for_times(ends, timeout=_ANSWER_S), committed, strict=True)
            )
        except KafkaException:
            return None

    try:
        yield look
    finally:
        consumer.close()


def read_usage(lines: str) -> list[Usage]:
    """What ``stream.bench.pipeline.worker`` wrote; a last line that is not yet whole does not count."""
    whole, _, _ = lines.rpartition("\n")
    return [Usage(int(at), float(cpu), float(peak)) for at, cpu, peak in (line.split() for line in whole.splitlines())]


def publish(settings: Settings, tweets: Iterable[Tweet], publisher: ConfirmedPublisher | None = None) -> None:
    """Publish to ``tweets``, and wait until Kafka has confirmed all."""
    topic = Topics.of(settings).tweets
    records = (Outgoing(topic, tweet.id.encode(), tweet.encode()) for tweet in tweets)
    (publisher or ConfirmedPublisher(settings)).publish(records)


def _environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    return kept | settings.environment()
