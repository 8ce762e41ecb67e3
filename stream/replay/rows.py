"""A row becomes a tweet, or the reason why it cannot."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from stream.decode import is_empty, shorten
from stream.records import Tweet
from stream.replay.columns import Columns
from stream.replay.options import Rejected
from stream.replay.readers import Row
from stream.times import DateOrder

MAX_TWEET_BYTES = 950_000
"""Of the encoded tweet. Kafka takes records of 1 MB, and the label, or the note on a dead one, must still fit."""

TWITTER_EPOCH_MS = 1_288_834_974_657
"""Twitter's snowflake ids count milliseconds from here (``id >> 22``)."""
FIRST_SNOWFLAKE = dt.datetime(2010, 11, 4, 20, tzinfo=dt.UTC)
"""Hours after their epoch, and before the first was issued. Row numbers and other small ids lie before it."""
_NEWEST_SLACK = dt.timedelta(days=1)
"""The damaged row may be the newest of its file."""

_NAMESPACE = uuid.UUID("6f1b3f0e-6f57-5b0c-9d0e-0d7a2b1c9e55")
_MISSING = frozenset({"", "nan", "NaN", "null", "NULL", "None", "NaT", "\\N"})
_FLOAT_ID = re.compile(r"(\d+(?:\.\d*)?)[eE]\+?(\d{1,2})|(\d+)\.0*")
_EXACT_DIGITS = 15
"""Significant digits a float keeps: an id written with fewer, such as 5.70306E+17, stands for a million tweets."""


class Parts(NamedTuple):
    """What the cells of a row say, before the rules for tweets were asked. ``repaired``: ``time`` is from the id."""

    id: str
    text: str
    time: dt.datetime
    repaired: bool
    author: str | None
    brands: list[str] | None
    lang: str | None
    source: str | None


class Decoded(NamedTuple):
    """A tweet, its encoding, and its line. ``repaired``: its time was read from its id."""

    line: int
    tweet: Tweet
    value: bytes
    repaired: bool


@dataclass(frozen=True)
class RowDecoder:
    """Makes tweets of a file's rows.

    ``digest`` is the file's, for rows without an id. ``newest`` gives the
    newest time that can be read in the file, if any; asked only when a row's
    time cannot be read. ``now`` dates the tweets of a file that has no time column.
    """

    columns: Columns
    dates: DateOrder
    digest: str
    newest: Callable[[], dt.datetime | None]
    now: Callable[[], dt.datetime]

    def read(self, row: Row) -> Parts | Rejected:
        """The cells of a row that have a role, or the line and reason why it is no tweet."""
        fields, columns = row.fields, self.columns
        text = self.text(row)
        if isinstance(text, Rejected):
            return text
        time, repaired = self._time(fields)
        if time is None:
            return Rejected(row.line, self._no_time(fields))
        return Parts(
            id=(_id(fields.get(columns.id)) if columns.id else None) or row_id(self.digest, row.number),
            text=text,
            time=time,
            repaired=repaired,
            author=_name(fields.get(columns.author)) if columns.author else None,
            brands=_brands(fields.get(columns.brand)) if columns.brand else None,
            lang=_name(fields.get(columns.lang)) if columns.lang else None,
            source=_name(fields.get(columns.source)) if columns.source else None,
        )

    def text(self, row: Row) -> str | Rejected:
        """The text of a row, or why there is nothing in it to label."""
        name = self.columns.text
        text = row.fields.get(name)
        if not isinstance(text, str):
            return Rejected(row.line, f"no text: {name} is {'missing' if text is None else shorten(text)}")
        if is_empty(text):
            return Rejected(row.line, f"empty text: {name} is {shorten(text)}")
        return text

    def brands(self, row: Row) -> list[str]:
        """The brands that a row names."""
        return (_brands(row.fields.get(self.columns.brand)) if self.columns.brand else None) or []

    def decode(self, row: Row) -> Decoded | Rejected:
        """The tweet of a row, or the line and reason why it is none."""
        parts = self.read(row)
        if isinstance(parts, Rejected):
            return parts
        try:
            tweet = Tweet(
                id=parts.id,
                text=parts.text,
                created_at=parts.time,
                author=parts.author,
                brands=parts.brands,
                lang=parts.lang,
                source=parts.source,
                metadata=self._metadata(row.fields),
            )
            value = tweet.encode()
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            place = ".".join(map(str, problem["loc"]))
            return Rejected(row.line, f"{place} is {shorten(problem['input'])}: {problem['msg']}")
        except (orjson.JSONEncodeError, PydanticSerializationError) as error:
            return Rejected(row.line, f"cannot be written as JSON: {error}")
        if len(value) > MAX_TWEET_BYTES:
            return Rejected(row.line, f"{len(value):,} bytes as a record; Kafka takes {MAX_TWEET_BYTES:,}")
        return Decoded(row.line, tweet, value, parts.repaired)

    def _time(self, fields: Mapping[str, Any]) -> tuple[dt.datetime | None, bool]:
        if self.columns.time is None:
            return self.now(), False
        time = self.columns.read_time(fields, self.dates)
        if time is not None:
            return time, False
        time = snowflake_time(fields.get(self.columns.id)) if self.columns.id else None
        return (time, True) if time is not None and time <= self._latest_plausible() else (None, False)

    def _latest_plausible(self) -> dt.datetime:
        newest = self.newest()
        return self.now() if newest is None else min(newest + _NEWEST_SLACK, self.now())

    def _no_time(self, fields: Mapping[str, Any]) -> str:
        unread = f"time {shorten(fields.get(self.columns.time or ''), 40)} cannot be read"
        if self.columns.id is None:
            return f"{unread}, and there is no id to take it from"
        return f"{unread}, and id {shorten(fields.get(self.columns.id), 40)} does not tell it"

    def _metadata(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The columns that are left, but for empty ones; an object named metadata is merged in."""
        used = self.columns.used
        rest = {name: value for name, value in fields.items() if name not in used and value is not None and value != ""}
        own = rest.get("metadata")
        if isinstance(own, str) and own.startswith("{"):
            try:
                own = orjson.loads(own)
            except orjson.JSONDecodeError:
                return rest
        if isinstance(own, dict):
            del rest["metadata"]
            rest.update(own)
        if rest.get("schema_version") == 1:  # one of our own records
            del rest["schema_version"]
        return rest


def row_id(digest: str, number: int) -> str:
    """The id of a row that has none: the same whenever the same file is read."""
    return str(uuid.uuid5(_NAMESPACE, f"{digest}:{number}"))


def pass_id(tweet_id: str, number: int) -> str:
    """The id of a tweet on a further pass through its file."""
    return str(uuid.uuid5(_NAMESPACE, f"{tweet_id}:pass:{number}"))


def snowflake_time(value: Any) -> dt.datetime | None:
    """When Twitter gave out an id; None where it is none of its snowflakes.

    Ids written as floats have lost the digits that tell.
    """
    digits = value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        return None
    moment = dt.datetime.fromtimestamp(((int(digits) >> 22) + TWITTER_EPOCH_MS) / 1000, dt.UTC)
    return moment if moment >= FIRST_SNOWFLAKE else None


def _id(value: Any) -> str | None:
    """The id as text; None where there is none, or where a spreadsheet has rounded it away."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text in _MISSING:
        return None
    as_float = _FLOAT_ID.fullmatch(text)
    if as_float is None:
        return text
    if as_float[3]:
        return as_float[3]
    number = Decimal(text)
    written = len(as_float[1].replace(".", ""))
    return str(int(number)) if written >= min(_EXACT_DIGITS, number.adjusted() + 1) else None


def _name(value: Any) -> str | None:
    if isinstance(value, str):
        text = value.strip()
        return None if text in _MISSING else text
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def _brands(value: Any) -> list[str] | None:
    """Brands of one cell: a list, a JSON list, or names between ``|`` or ``;``; None where there is none."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return [value]
    if isinstance(value, str):
        value = re.split(r"[|;]", value) if "|" in value or ";" in value else [value]
    if not isinstance(value, list):
        value = [value]
    names = [name for item in value if (name := _name(item))]
    return list(dict.fromkeys(names)) or None
