"""The tweets of a file as entries: what a replay would publish of it, and what the stream would make of that.

A row that replay rejects, or that the worker would refuse for its time, is dead
here too. Brands are those of the row, else found by the rules. With a column of
labels, people's or a model's, nothing needs labelling.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import Any

from infra.errors import RecordError, UsageError
from model.labels import LABELS, label_of
from stream.aggregate.labelled import END_US, FIRST_US, LabelledTweet
from stream.backtest.entry import Dead, Entry, Item
from stream.backtest.labelled import is_labelled, read_labelled
from stream.classify.outcome import BrandFinder, FuturePolicy, Verdict, brands_of
from stream.decode import shorten
from stream.fields import clean_text
from stream.records import OTHER_BRAND, Tweet
from stream.replay.options import Rejected, ReplayOptions
from stream.replay.order import as_microseconds
from stream.replay.readers import Row
from stream.replay.rows import Parts, RowDecoder
from stream.replay.source import Source, open_source

REJECTED, LABEL, FUTURE = "rejected", "label", "future_timestamp"
_SAMPLE_ROWS = 500
_PLAIN = (str, int, float, bool, type(None), dt.datetime)
_MOST_PLAIN_CHARS = 100_000
MOST_BRANDS = 64


@dataclass(frozen=True)
class TweetFile:
    """A file opened: what it is, whether its tweets are labelled, and a way to read them."""

    description: str
    labelled: bool
    read: Callable[[], Iterator[Item | Dead]]


def open_tweets(
    options: ReplayOptions,
    label_column: str | None,
    find_brands: BrandFinder,
    future: FuturePolicy,
    now: dt.datetime,
) -> TweetFile:
    """Tell what the file is. ``now`` is when the tweets are taken to arrive: newer ones are from the future.

    Raises UsageError when it cannot be read, has no times, or no column of that name.
    """
    if label_column is None and options.format in ("auto", "jsonl") and is_labelled(options.path):
        description = "labelled tweets, one record on each line"
        return TweetFile(description, labelled=True, read=lambda: read_labelled(options.path))
    source = open_source(options)
    if not source.timed:
        raise UsageError(
            f"{options.path} has no column that is known to hold the times of the tweets; name it with --time-column"
        )
    description = source.describe()
    if label_column is not None:
        label_column = _existing(source, options, label_column)
        description += f", {label_column} as label"
    reader = _RowReader(source.decoder(lambda: now), find_brands, future, now)
    if label_column is None:
        return TweetFile(description, labelled=False, read=lambda: map(reader.read, source.rows()))
    column = label_column
    return TweetFile(description, labelled=True, read=lambda: reader.read_labelled(source.rows(), column))


def _existing(source: Source, options: ReplayOptions, column: str) -> str:
    """The name of the label column as the file has it."""
    rows = (row for row in islice(source.rows(), _SAMPLE_ROWS) if isinstance(row, Row))
    names = list(dict.fromkeys(name for row in rows for name in row.fields))
    found = [name for name in names if name.strip().casefold() == column.strip().casefold()]
    if not found:
        raise UsageError(f"{options.path} has no column {column!r} for the label; columns: {', '.join(names[:40])}")
    return column if column in names else found[0]


@dataclass
class _RowReader:
    """Rows to entries. ``_good``: names of brands that the rules for records have let pass."""

    decoder: RowDecoder
    find_brands: BrandFinder
    future: FuturePolicy
    now: dt.datetime
    _good: set[str] = field(default_factory=lambda: {OTHER_BRAND})

    def __post_init__(self) -> None:
        self._newest_us = as_microseconds(self.now + self.future.tolerance)

    def read(self, row: Row | Rejected) -> Entry | Dead:
        if isinstance(row, Rejected):
            return Dead(row.line, REJECTED, row.reason)
        return self._quickly(row) or self._closely(row)

    def read_labelled(self, rows: Iterable[Row | Rejected], column: str) -> Iterator[LabelledTweet | Dead]:
        """Rows of which ``column`` gives the label."""
        for row in rows:
            entry = self.read(row)
            if isinstance(entry, Dead):
                yield entry
                continue
            label = row.fields.get(column) if isinstance(row, Row) else None
            verdict = _verdict(label) if isinstance(label, str) else None
            if verdict is None:
                yield Dead(row.line, LABEL, f"{column} is {shorten(label)}; it may be {', '.join(LABELS)}")
            else:
                yield from entry.labelled(verdict, column)

    def _quickly(self, row: Row) -> Entry | Dead | None:
        """The entry of a row in which nothing is out of the ordinary; None for any doubt."""
        if not _is_plain(row.fields):
            return None
        parts = self.decoder.read(row)
        if isinstance(parts, Rejected):
            return Dead(parts.line, REJECTED, parts.reason)
        at_us = as_microseconds(parts.time)
        if not (FIRST_US <= at_us <= self._newest_us and at_us < END_US and len(parts.id) <= 256):
            return None
        text, author = clean_text(parts.text), _clean(parts.author)
        brands = self._brands(parts, text, author)
        if brands is None:
            return None
        return Entry(at_us, clean_text(parts.id), text, author, _clean(parts.source), _clean(parts.lang), brands)

    def _brands(self, parts: Parts, text: str, author: str | None) -> tuple[str, ...] | None:
        if parts.brands:
            known = len(parts.brands) <= MOST_BRANDS and self._good.issuperset(parts.brands)
            return tuple(parts.brands) if known else None
        return tuple(self.find_brands(text, author)) or (OTHER_BRAND,)

    def _closely(self, row: Row) -> Entry | Dead:
        """By the rules of the records, as the stream does."""
        decoded = self.decoder.decode(row)
        if isinstance(decoded, Rejected):
            return Dead(decoded.line, REJECTED, decoded.reason)
        try:
            tweet = self.future.apply(decoded.tweet, self.now)
        except RecordError as bad:
            return Dead(row.line, bad.reason, bad.message)
        self._good.update(name for name in tweet.brands or () if name == name.strip())
        return _entry(tweet, tuple(brands_of(tweet, self.find_brands)))


@lru_cache(maxsize=1_000)
def _verdict(name: str) -> Verdict | None:
    """A label of which its giver was sure; None when it is none."""
    known = label_of(name)
    if known is None:
        return None
    label = LABELS.index(known)
    negative, neutral, positive = (1.0 if number == label else 0.0 for number in range(len(LABELS)))
    return Verdict(label, negative, neutral, positive, confidence=1.0)


def _entry(tweet: Tweet, brands: tuple[str, ...]) -> Entry:
    at_us = as_microseconds(tweet.created_at)
    return Entry(at_us, tweet.id, tweet.text, tweet.author, tweet.source, tweet.lang, brands)


def _clean(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _is_plain(fields: Mapping[str, Any]) -> bool:
    """Whether nothing in a row could be refused for what it holds besides the tweet."""
    chars = 0
    for value in fields.values():
        if type(value) is str:
            chars += len(value)
        elif type(value) not in _PLAIN and not (type(value) is list and all(type(item) is str for item in value)):
            return False
    return chars <= _MOST_PLAIN_CHARS and "metadata" not in fields
