"""The durable queue: what is to be sent is in Kafka before anybody is told yes, and what was sent is too.

One process at a time: it fences every earlier one, as the owner of a partition
does, and recovers what that had queued.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from confluent_kafka import KafkaException, Producer
from pydantic import ValidationError

from infra.errors import BarometerError, KafkaUnavailableError
from infra.kafka.publish import Outgoing
from infra.kafka.reading import read_to_end
from infra.kafka.transactions import FencedError, fenced_producer, transact
from infra.settings import Settings
from stream.notify.memory import Memory, Message, Told, settled
from stream.notify.webhook import Alert, Post
from stream.topics import Topics

STUCK_S = 10.0
"""Kafka confirms within milliseconds; after this it is away."""

log = logging.getLogger(__name__)
Clock = Callable[[], dt.datetime]


class TakenOverError(BarometerError):
    """Another process has the queue now."""

    def __init__(self) -> None:
        super().__init__("another `barometer notify` has taken over; only one can run at a time, stop the other first")


def now() -> dt.datetime:
    """The wall clock."""
    return dt.datetime.now(dt.UTC)


class Outbox:
    """Blocking, and safe to call from several threads. Every call waits for a Kafka that is away."""

    def __init__(self, settings: Settings, clock: Clock = now) -> None:
        """Fence and recover. Raises KafkaUnavailableError, and what reading raises."""
        self._topic = Topics.of(settings).notifications
        self._clock = clock
        self._memory = Memory()
        self._writing_since: float | None = None
        self._lock = threading.Lock()
        try:
            self._producer: Producer = fenced_producer(settings, f"{settings.topic_prefix}barometer-notify")
        except KafkaException as error:
            raise KafkaUnavailableError(
                f"cannot take over the queue of notifications: {error.args[0].str()}; is Kafka well?"
            ) from error
        self._recover(settings)

    def accept(self, post: Post, targets: Sequence[str]) -> list[Message]:
        """Queue what these targets have not been told, and return all that is queued now.

        Raises TakenOverError, and TransactionError when Kafka refuses it.
        """
        with self._lock:
            news = self._memory.news(post, targets, self._clock())
            self._write(news)
            self._memory.forget(self._clock())
            return self._memory.queued()

    def settle(self, message: Message, state: Literal["sent", "abandoned"], spikes: Mapping[str, str]) -> None:
        """Remember what became of a message; ``spikes``: those told with it, by fingerprint. Raises as ``accept``."""
        with self._lock:
            self._write(settled(message, state, spikes, self._clock()))

    def queued(self) -> list[Message]:
        """What is still to be sent, the oldest first."""
        with self._lock:
            return self._memory.queued()

    def spike_of(self, alert: Alert) -> str | None:
        """The spike that was told when this alert began."""
        with self._lock:
            return self._memory.spike_of(alert)

    def check(self) -> str | None:
        """For health: why nothing can be taken responsibility for now."""
        since = self._writing_since
        if since is not None and time.monotonic() - since > STUCK_S:
            return "Kafka does not confirm what is queued"
        return None

    def _write(self, told: Sequence[Told]) -> None:
        if not told:
            return
        self._writing_since = time.monotonic()
        try:
            transact(self._producer, [Outgoing(self._topic, one.key.encode(), one.encode()) for one in told])
        except FencedError as error:
            raise TakenOverError from error
        finally:
            self._writing_since = None
        self._memory.take(told)

    def _recover(self, settings: Settings) -> None:
        for message in read_to_end(settings, self._topic):
            value = message.value()
            if value is None:
                continue
            try:
                self._memory.take([Told.model_validate_json(value)])
            except ValidationError as error:
                log.warning("%s-%s@%s is passed over: %s", self._topic, message.partition(), message.offset(), error)
