"""Tweets as nearly all of them are, decoded and checked by msgspec in a tenth of the time that pydantic takes.

What is here says yes or "look closely", never no: whatever is unusual (a field
that is unknown, a number for a string, a time in seconds, a name to be trimmed)
is read by the models of ``stream.records``, which decide what it means.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from pydantic import TypeAdapter, ValidationError

from stream.fields import FIRST_YEAR, LAST_YEAR, MAX_METADATA_DEPTH, BrandName

_BRAND: TypeAdapter[str] = TypeAdapter(BrandName)
_NAMES_KEPT = 20_000
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


class PlainTweet(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A value of ``tweets``. Of the right types; ``is_plain`` and ``written_time`` say the rest."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    text: str
    created_at: Annotated[str, msgspec.Meta(min_length=20)]
    author: str | None = None
    brands: Annotated[list[str], msgspec.Meta(max_length=64)] | None = None
    lang: str | None = None
    source: str | None = None
    metadata: dict[str, Any] | None = None
    schema_version: Literal[1] = 1


def is_plain(tweet: PlainTweet) -> bool:
    """Whether its brands and metadata mean what they say."""
    if tweet.metadata and not _are_plain(tweet.metadata.values(), MAX_METADATA_DEPTH):
        return False
    brands = tweet.brands
    return not brands or (all(map(is_brand, brands)) and len(set(brands)) == len(brands))


def written_time(written: str) -> dt.datetime | None:
    """The time that an ISO 8601 text of the usual form names; None for anything else."""
    if written[10] != "T" or written[4] != "-":  # digits alone may be seconds
        return None
    try:
        time = dt.datetime.fromisoformat(written)
    except ValueError:
        return None
    # A day inside the years allowed, so that no zone leads out of them.
    return time if time.tzinfo is not None and FIRST_YEAR < time.year < LAST_YEAR else None


@lru_cache(maxsize=_NAMES_KEPT)
def is_brand(name: str) -> bool:
    """Whether this is a brand's name, exactly as it is."""
    try:
        return _BRAND.validate_python(name) == name
    except ValidationError:
        return False


def _are_plain(values: Iterable[Any], levels: int) -> bool:
    """Whether JSON can carry them as they are."""
    for value in values:
        kind = type(value)
        if kind is int:
            if not _INT_MIN <= value <= _INT_MAX:
                return False
        elif kind is dict or kind is list:
            inner = value.values() if kind is dict else value
            if levels == 1 or not _are_plain(inner, levels - 1):
                return False
    return True
