"""Reading ``tweets.dead``: letters, and the records that say which of them are dealt with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from infra.kafka.incoming import headers_of, last_header
from infra.kafka.publish import Outgoing
from infra.kafka.reading import read_to_end
from stream.dead import DeadLetter, DeadLetterError, read_dead_letter
from stream.records import OTHER_BRAND, TYPE_HEADER
from stream.topics import Topics

if TYPE_CHECKING:
    from infra.settings import Settings

SETTLED = "settled"
_HOW = "how"
_AT = "at"
How = Literal["replayed", "counted"]
"""Sent again to where it came from; or counted after all, by a rebuild that kept later tweets than before."""
COUNTED: Final = "counted"
BrandFinder = Callable[[str, str | None], list[str]]
"""Text and author in, brands out."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What was done about a letter."""

    id: str
    how: str
    at: str


def settlement(topic: str, letter_id: str, how: How, at: dt.datetime) -> Outgoing:
    """The record for ``topic`` (tweets.dead) that says what was done; its key puts it behind its letter."""
    headers = ((TYPE_HEADER, SETTLED.encode()), (_HOW, how.encode()), (_AT, at.isoformat().encode()))
    return Outgoing(topic, letter_id.encode(), None, headers)


def read_dead(settings: Settings) -> Iterator[DeadLetter | Settlement | None]:
    """Everything in ``tweets.dead``, up to its end; None for a record that somebody else wrote.

    A letter's settlement comes after it. Raises KafkaUnavailableError or TopicError.
    """
    for message in read_to_end(settings, Topics.of(settings).dead):
        headers = headers_of(message)
        if last_header(headers, TYPE_HEADER) == SETTLED.encode():
            how, at = (_text(last_header(headers, name)) for name in (_HOW, _AT))
            yield Settlement(_text(message.key()), how, at)
            continue
        try:
            yield read_dead_letter(message.value(), headers)
        except DeadLetterError:
            yield None


@dataclass(frozen=True)
class Wanted:
    """Which letters are meant. ``since`` and ``until`` are times of death; nothing given means all."""

    ids: frozenset[str] = frozenset()
    reasons: frozenset[str] = frozenset()
    stage: str | None = None
    brand: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def wants(self, letter: DeadLetter, find_brands: BrandFinder) -> bool:
        """Whether a letter is meant; its value is looked into only when a brand is asked for."""
        return (
            (not self.ids or letter.id in self.ids)
            and (not self.reasons or letter.reason in self.reasons)
            and (self.stage is None or letter.stage == self.stage)
            and (self.since is None or letter.died_at >= self.since)
            and (self.until is None or letter.died_at < self.until)
            and (self.brand is None or self._of_brand(letter, find_brands))
        )

    def _of_brand(self, letter: DeadLetter, find_brands: BrandFinder) -> bool:
        wanted = (self.brand or "").strip().casefold()
        return any(brand.casefold() == wanted for brand in brands_of(letter.value, find_brands))


def brands_of(value: bytes | None, find_brands: BrandFinder) -> list[str]:
    """The brands that a dead record is about, as far as it can be read."""
    try:
        fields: Any = orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return []
    if not isinstance(fields, dict):
        return []
    if isinstance(fields.get("brand"), str):  # a labelled tweet
        return [fields["brand"]]
    if isinstance(fields.get("brands"), list) and fields["brands"]:
        return [brand for brand in fields["brands"] if isinstance(brand, str)]
    text, author = fields.get("text"), fields.get("author")
    if not isinstance(text, str):
        return []
    return find_brands(text, author if isinstance(author, str) else None) or [OTHER_BRAND]


@dataclass(frozen=True, slots=True)
class Entry:
    """A letter without its bytes, so that many fit in memory. ``size``: bytes of its value, None where it is null."""

    id: str
    died_at: dt.datetime
    stage: str
    reason: str
    message: str
    origin_topic: str
    partition: int
    offset: int
    timestamp_ms: int
    size: int | None
    replays: int
    whole: bool

    @classmethod
    def of(cls, letter: DeadLetter) -> Entry:
        return cls(
            id=letter.id,
            died_at=letter.died_at,
            stage=letter.stage,
            reason=letter.reason,
            message=letter.message,
            origin_topic=letter.origin.topic,
            partition=letter.origin.partition,
            offset=letter.offset,
            timestamp_ms=letter.timestamp_ms,
            size=None if letter.value is None else len(letter.value),
            replays=len(letter.trail),
            whole=letter.whole,
        )


@dataclass
class Index:
    """The letters that are wanted, by id (one that died twice at the same place is one), and what is settled."""

    entries: dict[str, Entry] = field(default_factory=dict)
    settled: dict[str, Settlement] = field(default_factory=dict)
    unreadable: int = 0

    def oldest_first(self) -> list[Entry]:
        return sorted(self.entries.values(), key=lambda entry: (entry.died_at, entry.partition, entry.offset))

    def waiting(self) -> list[Entry]:
        """Those with which nothing was done yet, oldest first."""
        return [entry for entry in self.oldest_first() if entry.id not in self.settled]


def read_index(settings: Settings, wanted: Wanted, find_brands: BrandFinder) -> Index:
    """All letters that are wanted. Raises KafkaUnavailableError or TopicError."""
    index = Index()
    for found in read_dead(settings):
        if isinstance(found, Settlement):
            index.settled[found.id] = found
        elif found is None:
            index.unreadable += 1
        elif wanted.wants(found, find_brands):
            index.entries[found.id] = Entry.of(found)
    return index


def uncounted(settings: Settings) -> dict[int, dict[int, str]]:
    """By partition and offset of ``tweets.labeled``, the ids of the letters of records that do not count.

    Raises KafkaUnavailableError or TopicError.
    """
    labeled = Topics.of(settings).labeled
    letters: dict[int, dict[int, str]] = {}
    counted = set()
    for found in read_dead(settings):
        if isinstance(found, Settlement):
            if found.how == COUNTED:
                counted.add(found.id)
        elif found is not None and found.origin.topic == labeled:
            letters.setdefault(found.origin.partition, {})[found.offset] = found.id
    return {
        partition: {offset: letter_id for offset, letter_id in of_partition.items() if letter_id not in counted}
        for partition, of_partition in letters.items()
    }


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", "replace")
