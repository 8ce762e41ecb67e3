"""An independent reader of the topics, as any other consumer would see them.

It belongs to no group, so it takes nothing from the workers, and it sees only
committed records. All it reads goes into a ``Tally``; one thread reads, any
thread may ask for its numbers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import ValidationError

from infra.kafka.clients import reader_config
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from stream.demo.tally import DeadLetter, Tally
from stream.records import TYPE_HEADER, WATERMARK, DeadHeaders, LabeledTweet, Spike, Window
from stream.topics import Topics

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message

_BATCH = 500
_WAIT_S = 0.1
_STOP_S = 5.0
_BUFFERED_KB = 16_384
"""Records that wait here, at most, for each of five topics: the reader keeps up, a slow one must not hoard."""

log = logging.getLogger(__name__)


class Observer:
    """Reads ``tweets``, ``tweets.labeled``, ``tweets.dead`` and what is published of reputation, from the beginning."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._tally = Tally()
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="observer", daemon=True)
        topics = Topics.of(settings)
        self._takers: dict[str, Callable[[Message, float], None]] = {
            topics.tweets: self._take_tweet,
            topics.labeled: self._take_labeled,
            topics.dead: self._take_dead,
            topics.windows: self._take_window,
            topics.spikes: self._take_spike,
        }

    def start(self) -> None:
        """Begin to read; the topics must exist."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reading. What was read stays."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)

    def catch_up(self) -> None:
        """Read all spikes: they are published together with the windows that decide them, but read beside these."""
        topic = Topics.of(self._settings).spikes
        for message in read_to_end(self._settings, topic):
            with self._lock:
                self._take_spike(message, self._clock())

    @contextmanager
    def reading(self) -> Iterator[Tally]:
        """The tally, at rest. Safe from any thread; be quick."""
        with self._lock:
            yield self._tally

    @property
    def alive(self) -> bool:
        """False when reading has ended, which it does only when told to."""
        return self._thread.is_alive()

    def _read(self) -> None:
        from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

        config = reader_config(self._settings, **{"queued.max.messages.kbytes": _BUFFERED_KB, "fetch.wait.max.ms": 100})
        consumer = Consumer(config)
        try:
            consumer.assign(
                [
                    TopicPartition(topic, partition, OFFSET_BEGINNING)
                    for topic in self._takers
                    for partition in range(self._settings.partitions)
                ]
            )
            while not self._stopping.is_set():
                self._take(consumer)
        finally:
            consumer.close()

    def _take(self, consumer: Consumer) -> None:
        messages = consumer.consume(_BATCH, _WAIT_S)
        now = self._clock()
        with self._lock:
            for message in messages:
                error = message.error()
                if error is not None:
                    log.warning("reading failed, librdkafka will try again: %s", error)
                    continue
                try:
                    self._takers[message.topic() or ""](message, now)
                except (ValidationError, ValueError) as bad:
                    self._tally.add_unreadable()
                    log.warning("%s-%s@%s: %s", message.topic(), message.partition(), message.offset(), bad)

    def _take_tweet(self, message: Message, now: float) -> None:
        if TYPE_HEADER not in _headers(message):
            self._tally.add_tweet(_partition(message), _offset(message), _appended_ms(message), now)

    def _take_labeled(self, message: Message, now: float) -> None:
        kind = _headers(message).get(TYPE_HEADER)
        if kind is None:
            self._tally.add_labeled(LabeledTweet.model_validate_json(_value(message)), _appended_ms(message), now)
        elif kind == WATERMARK.encode():
            self._tally.add_watermark()

    def _take_dead(self, message: Message, now: float) -> None:
        if TYPE_HEADER in _headers(message):
            return  # says that a letter was sent again
        headers = {name: value.decode("utf-8", "replace") for name, value in _headers(message).items()}
        letter = DeadLetter(
            stage=headers.get(DeadHeaders.STAGE, ""),
            reason=headers.get(DeadHeaders.REASON, ""),
            message=headers.get(DeadHeaders.MESSAGE, ""),
            origin=(
                headers.get(DeadHeaders.ORIGIN_TOPIC, ""),
                int(headers.get(DeadHeaders.ORIGIN_PARTITION, "")),
                int(headers.get(DeadHeaders.ORIGIN_OFFSET, "")),
            ),
        )
        self._tally.add_dead(letter, self._labeled_in(letter, message), _appended_ms(message), now)

    def _labeled_in(self, letter: DeadLetter, message: Message) -> LabeledTweet | None:
        """The labelled tweet that a dead letter holds, if it came from ``tweets.labeled`` and can be read."""
        if letter.origin[0] != Topics.of(self._settings).labeled:
            return None
        try:
            return LabeledTweet.model_validate_json(_value(message))
        except ValidationError:
            return None

    def _take_window(self, message: Message, now: float) -> None:
        if message.value() is not None:  # none: a window that retention removed
            self._tally.add_window(Window.model_validate_json(_value(message)), _appended_ms(message))

    def _take_spike(self, message: Message, now: float) -> None:
        self._tally.add_spike(Spike.model_validate_json(_value(message)), _appended_ms(message))


def _headers(message: Message) -> dict[str, bytes]:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return {name: value for name, value in pairs if isinstance(value, bytes)}


def _value(message: Message) -> bytes:
    value = message.value()
    return value if isinstance(value, bytes) else b""


def _appended_ms(message: Message) -> int:
    _kind, time_ms = message.timestamp()
    return int(time_ms)


def _partition(message: Message) -> int:
    return message.partition() or 0


def _offset(message: Message) -> int:
    return message.offset() or 0
