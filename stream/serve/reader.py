"""Kafka to the event loop: one thread reads all partitions and hands over what it has read, some at a time.

It belongs to no group: any number of replicas read everything, and take nothing
from anybody. It sees committed records only. When Kafka is away it says so, and
reads on by itself when it is back; when topics were made anew, it begins again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as HandoverTimeoutError
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from infra.errors import BarometerError
from infra.kafka.access import denied
from infra.kafka.admin import partition_count
from infra.kafka.clients import reader_config
from infra.kafka.incoming import Incoming, headers_of
from infra.kafka.ledger import TopicPartition
from infra.settings import Settings
from stream.topics import Topics

TAIL_RECORDS = 20_000
"""Labelled tweets to begin with, over all partitions: the latest."""
_TOGETHER = 500
_WAIT_S = 0.1
_LOOK_EVERY_S = 2.0
_ANSWER_S = 3.0
_AGAIN_S = 1.0
_STOP_S = 5.0
_BUFFERED_KB = 16_384

log = logging.getLogger(__name__)


class _BeganAnewError(Exception):
    """A topic ends before where we are: it was made anew."""


@dataclass(frozen=True)
class Handlers:
    """Called in the event loop. ``take`` gets what was read; ``caught_up`` is called when all of the start is read."""

    take: Callable[[Sequence[Incoming]], None]
    caught_up: Callable[[], None]
    kafka: Callable[[bool], None]
    start_again: Callable[[], None]


@dataclass
class _Course:
    """Where one reading stands. ``goals``: ends of the partitions that must be reached before it has caught up."""

    goals: dict[tuple[str, int], int]
    reached: dict[tuple[str, int], int] = field(default_factory=dict)

    def arrive(self, place: tuple[str, int], offset: int) -> bool:
        """All before ``offset`` was read; whether that was the last goal."""
        self.reached[place] = max(offset, self.reached.get(place, 0))
        if place in self.goals and offset >= self.goals[place]:
            del self.goals[place]
            return not self.goals
        return False


class Reader:
    """Reads from a thread of its own while it is started. Create it in the event loop that it hands over to."""

    def __init__(self, settings: Settings, handlers: Handlers) -> None:
        self._settings = settings
        self._topics = Topics.of(settings)
        self._handlers = handlers
        self._loop = asyncio.get_running_loop()
        self._stopping = threading.Event()
        self._up: bool | None = None
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        """Stop reading; what was handed over stays."""
        self._stopping.set()
        await asyncio.to_thread(self._thread.join, _STOP_S)

    def alive(self) -> str | None:
        """For health: why reading has ended, which it does only when told to."""
        return None if self._thread.is_alive() or self._stopping.is_set() else "the reader has stopped"

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._read()
            except _BeganAnewError as why:
                log.warning("%s; reading everything again", why)
                self._call(self._handlers.start_again)
            except (BarometerError, KafkaException) as error:
                self._say(up=False, why=str(error))
                self._stopping.wait(_AGAIN_S)
            except Exception:
                log.exception("reading failed; beginning again")
                self._call(self._handlers.start_again)
                self._stopping.wait(_AGAIN_S)

    def _read(self) -> None:
        """From the beginning, until told to stop. Raises KafkaUnavailableError, TopicError, KafkaException."""
        consumer = Consumer(
            reader_config(
                self._settings,
                **{
                    "enable.partition.eof": True,
                    "queued.max.messages.kbytes": _BUFFERED_KB,
                    "fetch.wait.max.ms": 100,
                    "topic.metadata.refresh.interval.ms": 5_000,
                    "metadata.max.age.ms": 5_000,
                    "reconnect.backoff.max.ms": 1_000,
                },
            )
        )
        try:
            starts, goals = self._plan(consumer)
            course = _Course(goals)
            consumer.assign([KafkaPartition(*place, offset) for place, offset in starts.items()])
            self._say(up=True)
            self._call(self._handlers.start_again)
            if not goals:
                self._call(self._handlers.caught_up)
            looked_at = time.monotonic()
            while not self._stopping.is_set():
                self._hand_over(course, consumer.consume(_TOGETHER, _WAIT_S))
                if time.monotonic() - looked_at > _LOOK_EVERY_S:
                    self._look(consumer, course)
                    looked_at = time.monotonic()
        finally:
            consumer.close()

    def _plan(self, consumer: Consumer) -> tuple[dict[tuple[str, int], int], dict[tuple[str, int], int]]:
        """Where to begin, and how far it is to where we are current."""
        starts, goals = {}, {}
        topics = self._topics
        for topic in (topics.windows, topics.spikes, topics.labeled):
            partitions = partition_count(self._settings, topic, _ANSWER_S)
            for number in range(partitions):
                low, high = consumer.get_watermark_offsets(KafkaPartition(topic, number), timeout=_ANSWER_S)
                tail = max(1, TAIL_RECORDS // partitions)
                starts[topic, number] = max(low, high - tail) if topic == topics.labeled else low
                if high > starts[topic, number]:
                    goals[topic, number] = high
        return starts, goals

    def _hand_over(self, course: _Course, messages: Sequence[Message]) -> None:
        records, done = [], False
        for message in messages:
            place, error = (message.topic() or "", message.partition() or 0), message.error()
            offset = message.offset() or 0
            if error is None:
                records.append(_incoming(message))
                done |= course.arrive(place, offset + 1)
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library names it so
                done |= course.arrive(place, offset)
            elif (no_entry := denied(self._settings, error, place[0])) is not None:
                raise no_entry
            else:
                self._say(up=False, why=error.str())
        if records:
            self._say(up=True)
            self._call(lambda: self._handlers.take(records))
        if done:
            self._call(self._handlers.caught_up)

    def _look(self, consumer: Consumer, course: _Course) -> None:
        """Ask Kafka for an end: it tells whether Kafka is there, and whether the topic is the one we began with."""
        place = min(course.reached, default=(self._topics.windows, 0))
        try:
            _low, high = consumer.get_watermark_offsets(KafkaPartition(*place), timeout=_ANSWER_S)
        except KafkaException as error:
            self._say(up=False, why=error.args[0].str())
            return
        self._say(up=True)
        if high < course.reached.get(place, 0):
            raise _BeganAnewError(f"{place[0]}-{place[1]} ends before what we have read of it")

    def _say(self, *, up: bool, why: str = "") -> None:
        if up == self._up:
            return
        if up and self._up is False:
            log.warning("Kafka at %s answers again", self._settings.kafka_bootstrap_servers)
        elif not up:
            log.warning("Kafka at %s: %s; serving what was read before", self._settings.kafka_bootstrap_servers, why)
        self._up = up
        self._call(lambda: self._handlers.kafka(up))

    def _call(self, handler: Callable[[], None]) -> None:
        """Run ``handler`` in the event loop and wait for it: the loop is never given more than it can take."""

        async def run() -> None:
            handler()

        if self._stopping.is_set() or self._loop.is_closed():
            return
        done = asyncio.run_coroutine_threadsafe(run(), self._loop)
        while not self._stopping.is_set():
            try:
                done.result(timeout=0.5)
                return
            except HandoverTimeoutError:
                if done.done():
                    raise


def _incoming(message: Message) -> Incoming:
    tp = TopicPartition(message.topic() or "", message.partition() or 0)
    key, value = message.key(), message.value()
    return Incoming(
        tp,
        message.offset() or 0,
        key if isinstance(key, bytes) else None,
        value if isinstance(value, bytes) else None,
        headers_of(message),
        message.timestamp()[1],
    )
