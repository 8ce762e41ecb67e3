"""Publishing that ends only when the broker has confirmed everything."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.errors import BarometerError
from infra.kafka.clients import producer_config
from infra.settings import Settings

AT_ONCE = 256
BYTES_AT_ONCE = 1 << 20
"""A call of librdkafka is full with so many records, or so many bytes: more would only wait in memory."""


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

        sent = send_all(self._producer, records, delivered)
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


def send_all(producer: Producer, records: Iterable[Outgoing], on_delivery: Any = None) -> int:
    """Hand records to librdkafka in their order, waiting while its queue is full; how many they were.

    Many in one call where that can be. Raises KafkaException for a record that librdkafka refuses, such as one that
    is too large; those after it in its call may have been sent.
    """
    sent = 0
    for alike in _in_calls(records):
        if len(alike) == 1:
            send(producer, alike[0], on_delivery)
        else:
            _send_in_one_call(producer, alike, on_delivery)
        sent += len(alike)
    return sent


def _in_calls(records: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Neighbours that can go in one call: to one topic, where their keys lead, without headers."""
    alike: list[Outgoing] = []
    size = 0
    for record in records:
        alone = bool(record.headers) or record.partition is not None
        if alike and (alone or record.topic != alike[0].topic or len(alike) == AT_ONCE or size >= BYTES_AT_ONCE):
            yield alike
            alike, size = [], 0
        if alone:
            yield [record]
        else:
            alike.append(record)
            size += len(record.value or b"")
    if alike:
        yield alike


def _send_in_one_call(producer: Producer, records: Sequence[Outgoing], on_delivery: Any) -> None:
    left = [{"key": record.key, "value": record.value} for record in records]
    while left:
        producer.produce_batch(records[0].topic, left, on_delivery=on_delivery)
        left = [message for message in left if "_error" in message]  # from the first for which there was no room
        for message in left:
            error: Any = message.pop("_error")
            if error.code() != KafkaError._QUEUE_FULL:  # noqa: SLF001  librdkafka's name
                raise KafkaException(error)
        if left:
            producer.poll(0.1)


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
