"""Tweets to Kafka, each confirmed by the broker, and the marker that ends a replay."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.kafka.clients import producer_config
from infra.kafka.publish import PublishError
from infra.settings import Settings
from stream.records import END_OF_REPLAY, TYPE_HEADER, EndOfReplay

QUEUE_BYTES = 64 << 20
"""Tweets that wait in memory for the broker; more wait on disk."""
LAST_WORDS_S = 10.0
"""After a stop, what was sent is given this long to be confirmed."""
_POLL_EVERY = 64
_SLICE_S = 0.1
_SILENCE_S = 15.0

log = logging.getLogger(__name__)


class TweetPublisher:
    """Publishes to one topic. Blocks while Kafka is slow or away, until ``stop`` is set.

    ``meanwhile`` is called at least ten times a second while it blocks.
    ``confirmed`` counts the tweets that the broker has written.
    """

    def __init__(self, settings: Settings, topic: str, stop: threading.Event, meanwhile: Callable[[], None]) -> None:
        config: dict[str, Any] = {"queue.buffering.max.kbytes": QUEUE_BYTES >> 10}
        self._producer = Producer(producer_config(settings, **config))
        self._topic = topic
        self._stop = stop
        self._meanwhile = meanwhile
        self._failure: KafkaError | None = None
        self._sent = 0
        self.confirmed = 0

    def send(self, key: str, value: bytes) -> bool:
        """Hand one tweet over; False when stopped before. Raises PublishError when the broker has refused one."""
        waiting = _Silence()
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=self._delivered)
            except BufferError:
                self._poll(_SLICE_S)
                waiting.note(self.confirmed)
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
        waiting, deadline = _Silence(), float("inf")
        while len(self._producer):
            self._poll(_SLICE_S)
            waiting.note(self.confirmed)
            if self._stop.is_set():
                deadline = min(deadline, time.monotonic() + LAST_WORDS_S)
            if time.monotonic() > deadline:
                return

    def end(self, marker: EndOfReplay, partitions: int) -> None:
        """Write the end marker into every partition. Call it after ``flush``."""
        failures: list[KafkaError] = []

        def written(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                failures.append(error)

        headers: list[tuple[str, str | bytes | None]] = [(TYPE_HEADER, END_OF_REPLAY.encode())]
        for number in range(partitions):
            self._producer.produce(self._topic, marker.encode(), partition=number, headers=headers, on_delivery=written)
        self.flush()
        if failures:
            raise PublishError(f"Kafka refused the end of the replay in {self._topic}: {failures[0].str()}")

    def close(self) -> None:
        """Drop what is not confirmed."""
        self._producer.purge()
        self._producer.poll(0)

    def _poll(self, timeout_s: float) -> None:
        self._producer.poll(timeout_s)
        self._meanwhile()
        if self._failure is not None:
            raise PublishError(
                f"Kafka refused a tweet for {self._topic}: {self._failure.str()}; {self.confirmed:,} were published"
            )

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.confirmed += 1
        elif error.code() != KafkaError._PURGE_QUEUE and self._failure is None:  # noqa: SLF001  (librdkafka's name)
            self._failure = error


class _Silence:
    """Says, once in a while, that Kafka confirms nothing any more."""

    def __init__(self) -> None:
        self._confirmed = -1
        self._since = time.monotonic()

    def note(self, confirmed: int) -> None:
        now = time.monotonic()
        if confirmed != self._confirmed:
            self._confirmed, self._since = confirmed, now
        elif now - self._since > _SILENCE_S:
            log.warning("Kafka has confirmed nothing for %.0f s; waiting for it", _SILENCE_S)
            self._since = now
