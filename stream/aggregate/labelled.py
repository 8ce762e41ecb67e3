"""Records of ``tweets.labeled`` as the fold needs them, read ten times as fast as pydantic does.

What is all as our own program writes it is decoded and checked by msgspec in
one pass; for any doubt the record is read by ``stream.decode``, which decides
what it means, or why it means nothing. A test holds that both say the same.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Annotated, Final, Literal, NamedTuple

import msgspec

from model.labels import LABELS, Label
from stream.decode import decode_labelled
from stream.fields import FIRST_YEAR, LAST_YEAR
from stream.plain import PlainTweet, is_brand, is_plain, written_time
from stream.records import LabeledTweet

FIRST_US: Final = int(dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
END_US: Final = int(dt.datetime(LAST_YEAR + 1, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NUMBERS = {label: number for number, label in enumerate(LABELS)}


class LabelledTweet(NamedTuple):
    """What the fold needs of a labelled tweet, in plain values: one about each brand.

    ``at_us``: event time in microseconds since 1970. ``label``: its index in
    LABELS. The probabilities are in the order of LABELS, ``confidence`` is that
    of the label, ``model`` the version of what gave it.
    """

    at_us: int
    brand: str
    id: str
    label: int
    negative: float
    neutral: float
    positive: float
    confidence: float
    model: str
    author: str | None
    text: str
    source: str | None
    lang: str | None

    @classmethod
    def of(cls, record: LabeledTweet) -> LabelledTweet:
        """What a record of ``tweets.labeled`` says."""
        tweet, probabilities = record.tweet, record.probabilities
        return cls(
            (tweet.created_at - _EPOCH) // _MICROSECOND,
            record.brand,
            tweet.id,
            _NUMBERS[record.label],
            probabilities.negative,
            probabilities.neutral,
            probabilities.positive,
            record.confidence,
            record.model.version,
            tweet.author,
            tweet.text,
            tweet.source,
            tweet.lang,
        )


class Arrival(NamedTuple):
    """A labelled tweet and where in ``tweets`` it came from."""

    tweet: LabelledTweet
    partition: int
    offset: int


_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Place = Annotated[int, msgspec.Meta(ge=0)]


class _Probabilities(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    negative: _Share
    neutral: _Share
    positive: _Share


class _Model(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    name: str
    version: str


class _Origin(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    partition: _Place
    offset: _Place


class Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A record as our own program writes it. Anything unusual is an error to msgspec, and read closely instead."""

    tweet: PlainTweet
    brand: str
    label: Label
    confidence: _Share
    probabilities: _Probabilities
    model: _Model
    origin: _Origin
    labeled_at: str
    schema_version: Literal[1] = 1


_decode = msgspec.json.Decoder(Plain).decode


def read_labelled(value: bytes | None) -> Arrival:
    """Read one record. Raises BadRecord, as ``decode_labelled`` does."""
    try:
        plain = _decode(value or b"")
    except (ValueError, RecursionError):  # also what is no UTF-8
        plain = None
    tweet = None if plain is None else as_tweet(plain)
    if plain is None or tweet is None:
        record = decode_labelled(value)
        return Arrival(LabelledTweet.of(record), record.origin.partition, record.origin.offset)
    return Arrival(tweet, plain.origin.partition, plain.origin.offset)


def as_tweet(plain: Plain) -> LabelledTweet | None:
    """What a record says, None where it takes a closer look to know."""
    tweet, brand, shares, written = plain.tweet, plain.brand, plain.probabilities, plain.tweet.created_at
    time = written_time(written)
    if time is None or not (is_plain(tweet) and is_brand(brand) and _is_time(plain.labeled_at)):
        return None
    return LabelledTweet(
        (time - _EPOCH) // _MICROSECOND,
        brand,
        tweet.id,
        _NUMBERS[plain.label],
        shares.negative,
        shares.neutral,
        shares.positive,
        plain.confidence,
        plain.model.version,
        tweet.author,
        tweet.text,
        tweet.source,
        tweet.lang,
    )


@lru_cache(maxsize=1_000)
def _is_time(written: str) -> bool:
    """Whether it is a time in UTC; all that one batch labels has the same."""
    try:
        return written.endswith("Z") and dt.datetime.fromisoformat(written).tzinfo is not None
    except ValueError:
        return False
