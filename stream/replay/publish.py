"""Tweets to Kafka, each confirmed by the broker, and the marker that ends a replay."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka.clients import producer_config
from infra.kafka.publish import PublishError
from infra.settings import Settings
from stream.records import END_OF_REPLAY, TYPE_HEADER, EndOfReplay
from stream.replay.order import as_time
from stream.replay.schedule import Turn

QUEUE_BYTES = 64 << 20
"""Tweets that wait in memory for the broker; more wait on disk."""
LAST_WORDS_S = 10.0
"""After a stop, what was sent is given this long to be confirmed."""
_POLL_EVERY = 64
_SLICE_S = 0.1
_SILENCE_S = 15.0

log = logging.getLogger(__name__)


@dataclass
class Confirmed:
    """Tweets that the broker has written, and their event times in µs since 1970."""

    tweets: int = 0
    repaired: int = 0
    first_us: int | None = None
    latest_us: int | None = None

    def add(self, turn: Turn) -> None:
        self.tweets += 1
        self.repaired += turn.repaired
        if self.first_us is None or turn.time_us < self.first_us:
            self.first_us = turn.time_us
        if self.latest_us is None or turn.time_us > self.latest_us:
            self.latest_us = turn.time_us


class TweetPublisher:
    """Publishes to one topic. Blocks while Kafka is slow or away, until ``stop`` is set.

    ``meanwhile`` is called at least ten times a second while it blocks.
    """

    def __init__(self, settings: Settings, topic: str, stop: threading.Event, meanwhile: Callable[[], None]) -> None:
        config: dict[str, Any] = {"queue.buffering.max.kbytes": QUEUE_BYTES >> 10, "error_cb": self._note}
        self._producer = Producer(producer_config(settings, **config))
        self._topic = topic
        self._stop = stop
        self._meanwhile = meanwhile
        self._failure: KafkaError | None = None
        self._trouble = ""
        self._heard = time.monotonic()
        self._sent = 0
        self.confirmed = Confirmed()

    def send(self, turn: Turn) -> bool:
        """Hand one tweet over; False when stopped before. Raises PublishError when the broker has refused one."""
        delivered = partial(self._delivered, turn)
        while True:
            try:
                self._producer.produce(self._topic, turn.value, turn.id, on_delivery=delivered)
            except BufferError:
                self._poll(_SLICE_S)
                if self._stop.is_set():
                    return False
            except KafkaException as error:
                raise PublishError(
                    f"Kafka's client refused a tweet for {self._topic}: {error.args[0].str()}"
                ) from error
            else:
                break
        self._sent += 1
        if self._sent % _POLL_EVERY == 0:
            self._poll(0)
        return True

    def wait(self, until: float) -> bool:
        """Wait for a moment of the monotonic clock, minding deliveries; False when stopped before."""
        while not self._stop.is_set():
            left = until - time.monotonic()
            if left <= 0:
                return True
            self._poll(min(left, _SLICE_S))
        return False

    def flush(self) -> None:
        """Wait until everything sent is confirmed; once stopped, for LAST_WORDS_S at most."""
        deadline = float("inf")
        while unconfirmed := len(self._producer):
            self._poll(_SLICE_S)
            now = time.monotonic()
            if deadline == float("inf") and self._stop.is_set():
                deadline = now + LAST_WORDS_S
            if now > deadline:
                log.warning("%d more tweets were sent, but Kafka has not confirmed them", unconfirmed)
                return

    def end(self, partitions: int) -> None:
        """Write the end marker into every partition, once every tweet is confirmed."""
        if self.confirmed.latest_us is None:
            return
        marker = EndOfReplay(latest=as_time(self.confirmed.latest_us)).encode()
        headers: list[tuple[str, str | bytes | None]] = [(TYPE_HEADER, END_OF_REPLAY.encode())]
        for number in range(partitions):
            self._producer.produce(
                self._topic, marker, partition=number, headers=headers, on_delivery=partial(self._delivered, None)
            )
        self.flush()

    def close(self) -> None:
        """Drop what is not confirmed."""
        self._producer.purge()
        self._producer.poll(0)

    def _poll(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)
        self._meanwhile()
        if self._failure is not None:
            raise PublishError(
                f"Kafka refused a tweet for {self._topic} after {self.confirmed.tweets:,}: {self._failure.str()}"
            )
        now = time.monotonic()
        if not len(self._producer):
            self._heard = now
        elif now - self._heard > _SILENCE_S:
            log.warning("Kafka has confirmed nothing for %.0f s%s; waiting for it", _SILENCE_S, self._trouble)
            self._heard = now

    def _delivered(self, turn: Turn | None, error: KafkaError | None, _message: Message) -> None:
        """``turn`` is None for a marker."""
        if error is None:
            self._heard = time.monotonic()
            if turn is not None:
                self.confirmed.add(turn)
        elif error.code() != KafkaError._PURGE_QUEUE and self._failure is None:  # noqa: SLF001  (librdkafka's name)
            self._failure = error

    def _note(self, error: KafkaError) -> None:
        """Such as: host:port/bootstrap: Connect to ... failed: Connection refused (after 0ms in state CONNECT)."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001
            self._trouble = f" ({error.str().partition(' (after ')[0]})"
