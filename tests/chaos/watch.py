"""Looks on while faults happen: what is labelled when and by whom, what is committed, how large the workers are.

The one promise that can only be checked while it is kept: at no moment may the
group's committed offset in ``tweets`` lie beyond a record that is neither in
``tweets.labeled`` nor in ``tweets.dead``. The offsets are read first, then both
topics to their ends: what was confirmed before the commit is there.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Container
from typing import NamedTuple, Self

import orjson
from confluent_kafka import Consumer, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from infra.kafka.clients import reader_config
from infra.settings import Settings
from stream.records import TYPE_HEADER
from stream.topics import Topics
from tests.outcome import Follower, KafkaAwayError, Place, letter_of

_PAUSE_S = 0.25
_PATIENCE_S = 5.0


class Progress(NamedTuple):
    """A record of a source partition was labelled: when (Unix seconds, by the broker), by which worker."""

    at: float
    name: str


class Watch:
    """A thread that follows one run; a context manager. ``rss_mb`` is asked now and then, by worker's name.

    ``sources`` holds every place in ``tweets`` at which a record lies that must
    become something.
    """

    def __init__(
        self, settings: Settings, sources: Container[Place], rss_mb: Callable[[], dict[str, float]] = dict
    ) -> None:
        self.done: set[Place] = set()
        """Source records that are labelled or dead."""
        self.passed: list[str] = []
        """Commits that passed an unconfirmed record."""
        self.commits_checked = 0
        self.blind = 0
        """Looks at which Kafka did not answer."""
        self.rss_mb: dict[str, list[float]] = {}
        self.failure: BaseException | None = None
        self._settings = settings
        self._topics = Topics.of(settings)
        self._sources = sources
        self._ask_rss_mb = rss_mb
        self._progress: dict[int, list[Progress]] = {number: [] for number in range(settings.partitions)}
        self._frontier = dict.fromkeys(range(settings.partitions), 0)
        self._committed = dict(self._frontier)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def owners(self, at: float) -> dict[int, str]:
        """By source partition, who had labelled last at a moment."""
        owners = {}
        for number, progress in self._progress.items():
            progress.sort()  # it comes from many labelled partitions
            before = bisect_right(progress, at, key=lambda each: each.at)
            if before:
                owners[number] = progress[before - 1].name
        return owners

    def recovery_s(self, at: float, name: str) -> dict[int, float]:
        """For each partition that worker ``name`` had when it was killed, the time until another one moved it."""
        times = {}
        for number, owner in self.owners(at).items():
            if owner == name:
                later = (each.at - at for each in self._progress[number] if each.at > at and each.name != name)
                if (took := next(later, None)) is not None:
                    times[number] = took
        return times

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join(60)

    def _run(self) -> None:
        # An outage of Kafka is seen here too: look again later.
        try:
            asker = Consumer(reader_config(self._settings, **{"group.id": self._settings.group, "log_level": 0}))
            # Uncommitted: an open transaction in tweets.dead must not hide a letter that was confirmed.
            topics = (self._topics.labeled, self._topics.dead)
            with Follower(self._settings, topics, isolation="read_uncommitted") as follower:
                while not self._stopping.wait(_PAUSE_S):
                    for name, rss_mb in self._ask_rss_mb().items():
                        self.rss_mb.setdefault(name, []).append(rss_mb)
                    try:
                        committed = self._ask_committed(asker)
                        for message in follower.more(_PATIENCE_S):
                            self._take_in(message)
                    except (KafkaException, KafkaAwayError):
                        self.blind += 1
                        continue
                    self._check(committed)
            asker.close()
        except BaseException as error:
            self.failure = error
            raise

    def _ask_committed(self, asker: Consumer) -> dict[int, int]:
        wanted = [KafkaPartition(self._topics.tweets, number) for number in self._frontier]
        return {tp.partition: tp.offset for tp in asker.committed(wanted, timeout=_PATIENCE_S) if tp.offset > 0}

    def _take_in(self, message: Message) -> None:
        if message.topic() == self._topics.dead:
            topic, number, offset = letter_of(message).origin
            if topic == self._topics.tweets:
                self.done.add((number, offset))
        elif TYPE_HEADER not in dict(message.headers() or []):
            record = orjson.loads(message.value() or b"{}")
            place = (record["origin"]["partition"], record["origin"]["offset"])
            self.done.add(place)
            self._progress[place[0]].append(Progress(message.timestamp()[1] / 1000, record["model"]["name"]))

    def _check(self, committed: dict[int, int]) -> None:
        for number, offset in committed.items():
            frontier = self._frontier[number]
            while frontier < offset and not self._unconfirmed((number, frontier)):
                frontier += 1
            self._frontier[number] = frontier
            self.commits_checked += offset != self._committed[number]
            self._committed[number] = offset
            missing = [later for later in range(frontier, offset) if self._unconfirmed((number, later))]
            if missing:
                when = time.strftime("%H:%M:%S")
                self.passed.append(
                    f"passed: at {when} {self._topics.tweets}-{number} was committed up to {offset}, but "
                    f"{len(missing)} records from offset {missing[0]} on were neither labelled nor dead"
                )
                self._frontier[number] = offset  # told once

    def _unconfirmed(self, place: Place) -> bool:
        return place in self._sources and place not in self.done
