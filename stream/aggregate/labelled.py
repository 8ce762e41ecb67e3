"""Records of ``tweets.labeled`` as the fold needs them, read ten times as fast as pydantic does.

What is all as our own program writes it is decoded and checked by msgspec in
one pass; for any doubt the record is read by ``stream.decode``, which decides
what it means, or why it means nothing. A test holds that both say the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from pydantic import TypeAdapter, ValidationError

from model.labels import LABELS, Label
from stream.decode import decode_labelled
from stream.fields import FIRST_YEAR, LAST_YEAR, MAX_METADATA_DEPTH, BrandName
from stream.records import LabeledTweet

FIRST_US: Final = int(dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
END_US: Final = int(dt.datetime(LAST_YEAR + 1, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NUMBERS = {label: number for number, label in enumerate(LABELS)}
_BRAND: TypeAdapter[str] = TypeAdapter(BrandName)
_NAMES_KEPT = 20_000


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


class _Tweet(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    text: str
    created_at: Annotated[str, msgspec.Meta(min_length=20)]
    author: str | None = None
    brands: Annotated[list[str], msgspec.Meta(max_length=64)] | None = None
    lang: str | None = None
    source: str | None = None
    metadata: dict[str, Any] | None = None
    schema_version: Literal[1] = 1


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

    tweet: _Tweet
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
    if written[10] != "T" or written[4] != "-":  # digits alone may be seconds
        return None
    try:
        at_us = (dt.datetime.fromisoformat(written) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError):  # no time, or one without a zone
        return None
    if not (FIRST_US <= at_us < END_US and _is_brand(brand) and _is_time(plain.labeled_at)):
        return None
    if tweet.metadata and not _is_shallow(tweet.metadata.values(), MAX_METADATA_DEPTH):
        return None
    if tweet.brands and not all(map(_is_brand, tweet.brands)):
        return None
    return LabelledTweet(
        at_us,
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


@lru_cache(maxsize=_NAMES_KEPT)
def _is_brand(name: str) -> bool:
    """Whether this is a brand's name, exactly as it is."""
    try:
        return _BRAND.validate_python(name) == name
    except ValidationError:
        return False


@lru_cache(maxsize=1_000)
def _is_time(written: str) -> bool:
    """Whether it is a time in UTC; all that one batch labels has the same."""
    try:
        return written.endswith("Z") and dt.datetime.fromisoformat(written).tzinfo is not None
    except ValueError:
        return False


def _is_shallow(values: Iterable[Any], levels: int) -> bool:
    for value in values:
        kind = type(value)
        if kind is dict or kind is list:
            inner = value.values() if kind is dict else value
            if levels == 1 or not _is_shallow(inner, levels - 1):
                return False
    return True
