"""Dead letters: the untouched original, with what happened to it in the headers; and the way back.

Everything of the original survives: bytes or null as the value, key (null is
not the empty key), all headers in their order, with repeated names and null
values, each under ``original.header.`` and its name. ``read_dead_letter`` gives
it back, ``revive`` makes the record that is sent again, which carries one more
header ``replayed`` each time: the trail, kept when it dies again.

Whatever fits into a record of the flow uncompressed fits here whole. What was
larger than MAX_WHOLE_BYTES before its producer packed it is cut, and says so; as is what has over MAX_HEADERS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import orjson

from infra.errors import BarometerError
from infra.kafka.incoming import Headers, Incoming, last_header
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import Outgoing
from stream import decode
from stream.records import REPLAYED_HEADER, DeadHeaders
from stream.topics import MIB

REASONS: Mapping[str, str] = {
    **decode.REASONS,
    "future_timestamp": "`created_at` is more than `BAROMETER_FUTURE_TOLERANCE_S` later than Kafka received it",
    "model_error": "the model fails on this text, also alone",
    "late": "older than late tweets are counted",
}
"""Every reason code of a dead letter. They are stable: alerts and queries are written against them."""
MAX_MESSAGE_CHARS = 500
MAX_WHOLE_BYTES = 60 * MIB
"""Of key, value and headers of an original that is kept whole: 4 MiB less than tweets.dead takes. The records of the
flow are far smaller; only what its producer compressed can be larger, to any size."""
MAX_HEADERS = 99_000
"""librdkafka gives a record with more than 100,000 headers none at all, so nobody could read why it is dead."""
CUT_BYTES = MIB
"""What is kept of the value, and of the headers, of an original that is larger."""
LONGEST_TRAIL = 16
LONGEST_ENTRY = 1_024


class DeadLetterError(BarometerError):
    """A record of tweets.dead is not a dead letter: somebody else wrote it."""


@dataclass(frozen=True)
class DeadLetter:
    """A record of tweets.dead, read. ``key``, ``value`` and ``headers`` are the original's."""

    stage: str
    reason: str
    message: str
    origin: TopicPartition
    offset: int
    timestamp_ms: int
    died_at: dt.datetime
    key: bytes | None
    value: bytes | None
    headers: Headers
    whole: bool = True
    """False: the original was too large; value and headers are its beginning."""

    @property
    def id(self) -> str:
        """Where the original was, such as ``tweets-4-1290``; also the dead letter's key."""
        return f"{self.origin.topic}-{self.origin.partition}-{self.offset}"

    @property
    def trail(self) -> list[bytes | None]:
        """One entry for each time it was sent again before it died here, oldest first (see ``revive``)."""
        return [value for name, value in self.headers if name == REPLAYED_HEADER]


def trail(headers: Headers) -> Headers:
    """The headers that what is made of a record must carry on, so that a later death still tells the earlier ones.

    No more than a person could have caused: anybody may write headers.
    """
    found = [(name, value) for name, value in headers if name == REPLAYED_HEADER and len(value or b"") <= LONGEST_ENTRY]
    return tuple(found[-LONGEST_TRAIL:])


def dead_letter(
    topic: str, record: Incoming, *, stage: str, reason: str, message: str, died_at: dt.datetime
) -> Outgoing:
    """The record for ``topic`` (tweets.dead) that says why ``record`` could not go on.

    Its key is the origin, so a redelivered record dies at the same place.
    """
    replays = sum(name == REPLAYED_HEADER for name, _value in record.headers)
    headers: list[tuple[str, bytes | None]] = [
        (DeadHeaders.STAGE, stage.encode()),
        (DeadHeaders.REASON, reason.encode()),
        (DeadHeaders.MESSAGE, message[:MAX_MESSAGE_CHARS].encode("utf-8", "replace")),
        (DeadHeaders.ORIGIN_TOPIC, record.tp.topic.encode()),
        (DeadHeaders.ORIGIN_PARTITION, str(record.tp.partition).encode()),
        (DeadHeaders.ORIGIN_OFFSET, str(record.offset).encode()),
        (DeadHeaders.ORIGIN_TIMESTAMP, str(record.timestamp_ms).encode()),
        (DeadHeaders.DIED_AT, died_at.isoformat().encode()),
    ]
    if replays:
        headers.append((DeadHeaders.REPLAYS, str(replays).encode()))
    key = f"{record.tp.topic}-{record.tp.partition}-{record.offset}".encode()
    original = [(f"{DeadHeaders.ORIGINAL_HEADER}{name}", value) for name, value in record.headers]
    if record.key is not None:
        original.insert(0, (DeadHeaders.ORIGINAL_KEY, record.key))
    size = len(record.value or b"") + sum(map(_header_bytes, original))
    if size <= MAX_WHOLE_BYTES and len(original) <= MAX_HEADERS:
        return Outgoing(topic, key, record.value, headers + original)
    headers.append((DeadHeaders.CUT, _what_was_cut(record)))
    return Outgoing(topic, key, (record.value or b"")[:CUT_BYTES], headers + list(_up_to(CUT_BYTES, original)))


def _header_bytes(header: tuple[str, bytes | None]) -> int:
    name, value = header
    return 4 * len(name) + len(value or b"") + 10  # a character has up to 4 bytes; each length up to 5


def _up_to(most: int, headers: Iterable[tuple[str, bytes | None]]) -> Iterator[tuple[str, bytes | None]]:
    for header in headers:
        most -= _header_bytes(header)
        if most < 0:
            return
        yield header


def _what_was_cut(record: Incoming) -> bytes:
    value = record.value or b""
    facts = {"bytes": len(value), "sha256": sha256(value).hexdigest(), "headers": len(record.headers)}
    return orjson.dumps(facts)


def read_dead_letter(value: bytes | None, headers: Headers) -> DeadLetter:
    """What ``dead_letter`` wrote. Raises DeadLetterError when something else wrote it."""

    def text(name: str) -> str:
        found = last_header(headers, name)
        if found is None:
            raise DeadLetterError(f"the record is not a dead letter: it has no header {name}; leave it out")
        return found.decode("utf-8", "replace")

    def number(name: str) -> int:
        try:
            return int(text(name))
        except ValueError as error:
            raise DeadLetterError(
                f"the record is not a dead letter: its header {name} is {text(name)[:40]!r}, not a number; leave it out"
            ) from error

    try:
        died_at = dt.datetime.fromisoformat(text(DeadHeaders.DIED_AT))
    except ValueError as error:
        raise DeadLetterError(
            f"the record is not a dead letter: its header {DeadHeaders.DIED_AT} is no time; leave it out"
        ) from error
    return DeadLetter(
        stage=text(DeadHeaders.STAGE),
        reason=text(DeadHeaders.REASON),
        message=text(DeadHeaders.MESSAGE),
        origin=TopicPartition(text(DeadHeaders.ORIGIN_TOPIC), number(DeadHeaders.ORIGIN_PARTITION)),
        offset=number(DeadHeaders.ORIGIN_OFFSET),
        timestamp_ms=number(DeadHeaders.ORIGIN_TIMESTAMP),
        died_at=died_at,
        key=last_header(headers, DeadHeaders.ORIGINAL_KEY),
        value=value,
        headers=tuple(
            (name.removeprefix(DeadHeaders.ORIGINAL_HEADER), content)
            for name, content in headers
            if name.startswith(DeadHeaders.ORIGINAL_HEADER)
        ),
        whole=last_header(headers, DeadHeaders.CUT) is None,
    )


def revive(letter: DeadLetter, at: dt.datetime) -> Outgoing:
    """The original as it goes to its topic again: same bytes, key and headers, and the trail one entry longer.

    Raises DeadLetterError when the letter is not the whole original.
    """
    if not letter.whole:
        raise DeadLetterError(
            f"dead letter {letter.id} is only the beginning of a record that was too large; it cannot be sent again"
        )
    entry = orjson.dumps(
        {
            "origin": letter.id,
            "stage": letter.stage,
            "reason": letter.reason,
            "died_at": letter.died_at,
            "replayed_at": at,
        },
        option=orjson.OPT_UTC_Z,
    )
    return Outgoing(letter.origin.topic, letter.key, letter.value, (*letter.headers, (REPLAYED_HEADER, entry)))
