"""A record as it came from Kafka: bytes, where it was, when it arrived."""

from __future__ import annotations

from dataclasses import dataclass

from infra.kafka.ledger import TopicPartition


@dataclass(frozen=True, slots=True)
class Incoming:
    """One fetched record. ``timestamp_ms`` is the broker's append time, Unix milliseconds."""

    tp: TopicPartition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    timestamp_ms: int
    generation: int = 0
