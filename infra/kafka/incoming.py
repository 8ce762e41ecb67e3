"""A record as it came from Kafka: bytes, where it was, when it arrived."""

from __future__ import annotations

from dataclasses import dataclass

from infra.kafka.ledger import TopicPartition

Headers = tuple[tuple[str, bytes | None], ...]
"""As Kafka has them: in order, a name may come twice, and a value may be null. A dict would lose some."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One fetched record. ``timestamp_ms`` is the broker's append time, Unix milliseconds."""

    tp: TopicPartition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    generation: int = 0


def last_header(headers: Headers, name: str) -> bytes | None:
    """The value of a header, None without one or where it is null; of several the last, as in Java's ``lastHeader``."""
    return next((value for key, value in reversed(headers) if key == name), None)
