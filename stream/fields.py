"""What the fields of records may hold: validators that accept what people send, and nothing that cannot be sent on.

The JSON Schemas say the same; ``mode="validation"`` marks what is accepted
beyond what goes out.
"""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, StringConstraints, WithJsonSchema

FIRST_YEAR, LAST_YEAR = 1990, 2100
"""Tweets from before or after are typing errors: one such time would move every window."""
MAX_METADATA_DEPTH = 32
"""orjson reads 1,024 levels but writes only 254: what came in must go out again."""

_EPOCH_TEXT = re.compile(r"-?\d{9,}(?:\.\d+)?")
_EPOCH_MIN_S = dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC).timestamp()
_EPOCH_END_S = dt.datetime(LAST_YEAR + 1, 1, 1, tzinfo=dt.UTC).timestamp()
_TIME_RULE = "not a time; write ISO 8601 such as 2026-02-24T11:35:52Z, or seconds or milliseconds since 1970"
_RANGE_RULE = f"outside the years {FIRST_YEAR} to {LAST_YEAR}"
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def clean_text(text: str) -> str:
    """``text`` as UTF-8 can carry it: split surrogate pairs joined, lone halves replaced by U+FFFD.

    Half an emoji is common (a producer that cuts at 140 UTF-16 units), and no
    JSON writer accepts it. Every other character stays as it is.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _clean(value: Any) -> Any:
    return clean_text(value) if isinstance(value, str) else value


def _clean_id(value: Any) -> Any:
    """Ids and authors are often numbers; a float has already lost digits and is refused by its type."""
    if isinstance(value, int) and not isinstance(value, bool):
        if not _INT_MIN <= value <= _INT_MAX:
            raise ValueError("a number beyond 64 bits; write it as a string")
        return str(value)
    return _clean(value)


def _with_zone(value: Any) -> Any:
    """A time without a zone is UTC (as everywhere in Kafka), and every time is kept in UTC."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(_TIME_RULE) from None
    if isinstance(value, dt.datetime):
        try:
            return value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        except OverflowError:  # the first or last day of the calendar, in another zone
            raise ValueError(_RANGE_RULE) from None
    raise ValueError(_TIME_RULE)


def _event_time(value: Any) -> Any:
    """ISO 8601 or a number since 1970; seconds and milliseconds cannot be confused within the years allowed."""
    if isinstance(value, str):
        value = value.strip()
        if _EPOCH_TEXT.fullmatch(value):  # before ISO: 13 digits would pass for a compact date and time
            value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        if _EPOCH_MIN_S <= value < _EPOCH_END_S:
            return dt.datetime.fromtimestamp(value, dt.UTC)
        if _EPOCH_MIN_S * 1_000 <= value < _EPOCH_END_S * 1_000:
            return dt.datetime.fromtimestamp(value / 1_000, dt.UTC)
        raise ValueError(f"{_RANGE_RULE}, read as seconds or as milliseconds since 1970")
    time = _with_zone(value)
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise ValueError(_RANGE_RULE)
    return time


def _once_each(names: list[str]) -> list[str]:
    """A brand named twice is still one: a tweet is published once for each of its brands."""
    return list(dict.fromkeys(names))


def _visible(name: str) -> str:
    if not any(unicodedata.category(character)[0] in "LNPS" for character in name):
        raise ValueError("has no character that can be seen")
    return name


def _json_object(value: Any) -> Any:
    return {} if value is None else _json_value(value, 0)


def _json_value(value: Any, depth: int) -> Any:
    """``value`` as JSON can carry it, so that a record that was accepted can always be encoded."""
    if not isinstance(value, dict | list | tuple):
        return _json_scalar(value)
    if depth == MAX_METADATA_DEPTH:
        raise ValueError(f"nested deeper than {MAX_METADATA_DEPTH} levels")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("has a name that is not a string")
        return {clean_text(key): _json_value(item, depth + 1) for key, item in value.items()}
    return [_json_value(item, depth + 1) for item in value]


def _json_scalar(value: Any) -> Any:
    """NaN and infinity become null, as in JavaScript; times become ISO strings."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise ValueError("has a number beyond 64 bits; write it as a string")
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dt.date):
        return value.isoformat()
    raise ValueError(f"has a value of type {type(value).__name__}, which JSON does not know")


def broken_rule(problem: Mapping[str, Any]) -> str:
    """The rule that a value broke, as pydantic tells it, but in words of the value: no pattern, no items of a text."""
    kind, value = problem["type"], problem.get("input")
    if kind == "string_pattern_mismatch":
        return "has a control character, a line end, or a mark that turns the direction of writing"
    if kind in _LENGTHS and isinstance(value, str):
        return _LENGTHS[kind].format(**problem["ctx"])
    return str(problem["msg"]).removeprefix("Value error, ")


_LENGTHS = {
    "too_long": "has {actual_length:,} characters; at most {max_length:,}",
    "too_short": "has {actual_length:,} characters; at least {min_length:,}",
}
_MOMENT = {"type": "string", "format": "date-time"}

Text = Annotated[str, BeforeValidator(_clean)]
Name = Annotated[
    str, BeforeValidator(_clean_id), WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "validation")
]
TweetId = Annotated[
    str,
    BeforeValidator(_clean_id),
    StringConstraints(min_length=1, max_length=256),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 256}, {"type": "integer"}]}, "validation"
    ),
]
BrandName = Annotated[
    str,
    BeforeValidator(_clean),
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=128,
        # Brands are shown, and are keys: no control characters, line ends, or marks that turn the line around;
        # and something that can be seen.
        pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+$",
    ),
    AfterValidator(_visible),
]
BrandNames = Annotated[list[BrandName], AfterValidator(_once_each)]
UtcTime = Annotated[AwareDatetime, BeforeValidator(_with_zone), WithJsonSchema(_MOMENT)]
EventTime = Annotated[
    AwareDatetime,
    BeforeValidator(_event_time),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "number"}]}, "validation"),
    WithJsonSchema(_MOMENT, "serialization"),
]
Metadata = Annotated[
    dict[str, Any], BeforeValidator(_json_object), WithJsonSchema({"type": ["object", "null"]}, "validation")
]
