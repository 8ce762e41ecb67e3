"""A record as it came from Kafka: bytes, where it was, when it arrived."""

from __future__ import annotations

from dataclasses import dataclass
from operator import methodcaller
from typing import TYPE_CHECKING

from infra.kafka.ledger import TopicPartition

if TYPE_CHECKING:
    from confluent_kafka import Message

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


_ask_for_headers = methodcaller("headers")
"""By way of a call that checks what it gets: the binding returns with an exception pending where a name is not UTF-8,
which a plain call in a hot loop does not notice, so that it comes out anywhere later."""


def headers_of(message: Message) -> Headers:
    """The headers of a record that librdkafka read; none where a name is not UTF-8: its binding gives up there."""
    try:
        return tuple(_ask_for_headers(message) or ())
    except (SystemError, UnicodeDecodeError):
        return ()


def last_header(headers: Headers, name: str) -> bytes | None:
    """The value of a header, None without one or where it is null; of several the last, as in Java's ``lastHeader``."""
    return next((value for key, value in reversed(headers) if key == name), None)
