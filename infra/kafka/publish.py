"""Publishing that ends only when the broker has confirmed everything."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from infra.errors import BarometerError
from infra.kafka.clients import producer_config
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to publish. Without ``partition`` the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = field(default=())
    partition: int | None = None


class PublishError(BarometerError):
    """The broker refused a record for good; nothing of its batch may be acknowledged."""


class ConfirmedPublisher:
    """An idempotent producer. Blocking; safe to call from several threads.

    A broker that is away is waited for without limit (records never time out),
    which stalls the stage and so its consumption.
    """

    def __init__(self, settings: Settings) -> None:
        self._producer = Producer(producer_config(settings))
        self._closed = threading.Event()

    def publish(self, records: Iterable[Outgoing]) -> int:
        """Send all, wait until each is confirmed, return how many. Raises PublishError, or after ``close``."""
        outcomes: list[KafkaError | None] = []  # append is atomic: callbacks run in whichever thread polls

        def delivered(error: KafkaError | None, _message: Message) -> None:
            outcomes.append(error)

        sent = 0
        for record in records:
            send(self._producer, record, delivered)
            sent += 1
        while len(outcomes) < sent:
            self._producer.poll(0.05)
            if self._closed.is_set():
                raise PublishError("publishing was stopped before Kafka had confirmed every record")
        errors = [error for error in outcomes if error is not None]
        if errors:
            raise PublishError(f"Kafka refused {len(errors)} of {sent} records: {errors[0].str()}")
        return sent

    def close(self) -> None:
        """Let waiting calls fail; what they had sent may or may not arrive."""
        self._closed.set()


def send(producer: Producer, record: Outgoing, on_delivery: Any = None) -> None:
    """Hand one record to librdkafka, waiting while its queue is full."""
    where: dict[str, Any] = {} if record.partition is None else {"partition": record.partition}
    while True:
        try:
            producer.produce(
                record.topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                on_delivery=on_delivery,
                **where,
            )
        except BufferError:
            producer.poll(0.1)
        else:
            return
