"""From the bytes on ``tweets`` and ``tweets.labeled`` to what they mean, or to the reason why they mean nothing.

A record that raises BadRecord here goes to ``tweets.dead`` with the reason
code and the message as headers, so both are written for a person who reads
them a week later: they name the field and the value.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

import msgspec
import orjson
from pydantic import ValidationError

from infra.errors import RecordError
from infra.kafka.incoming import Headers, last_header
from model.normalise import MAX_CHARS, normalise
from stream.fields import broken_rule
from stream.plain import PlainTweet, is_plain, written_time
from stream.records import SCHEMA_VERSION, TYPE_HEADER, EndOfReplay, LabeledTweet, Record, Tweet, Watermark

R = TypeVar("R", bound=Record)
_plain_tweet = msgspec.json.Decoder(PlainTweet).decode
_BLANK = Tweet(id="-", text="", created_at=dt.datetime(2000, 1, 1, tzinfo=dt.UTC))
"""To be copied: a copy of a model takes half of the time of making one."""

MAX_TWEET_BYTES = 1_048_576
"""Larger values, which fit into a record only compressed, are not labelled. JSON can grow fourfold when it is written
again (``1e15`` has 4 characters or 18), and what is labelled must fit into ``tweets.labeled`` whatever it holds."""

REASONS: Mapping[str, str] = {
    "unknown_type": "the header `type` says that the record is something that this topic does not have",
    "null_value": "the record has no value",
    "too_large": "the value has more than 1 MiB",
    "invalid_utf8": "the bytes are not UTF-8",
    "invalid_json": "the text is not JSON",
    "not_an_object": "the JSON is not an object",
    "unknown_schema_version": "the record is of a version that this program does not know",
    "invalid_field": "a field is missing, or its value is not what the field may hold",
    "empty_text": "nothing is left of the text after removing white space and invisible characters",
}
"""Reason codes of BadRecord. They are stable: alerts and queries are written against them."""

_SHOWN_CHARS = 80
_SHOWN_PROBLEMS = 3
_VISIBLE = re.compile(r"[^\W_]")
_ENCODED = re.compile(r"&|\\u")
_ESCAPE = re.compile(
    rb"\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|(u[dD][89a-fA-F][\da-fA-F]{2})|.)", re.DOTALL
)
"""Any escape of JSON: two surrogates that are a pair, one alone (the group), or another."""


class BadRecord(RecordError):  # noqa: N818  (a verdict on a record, not a fault of the program)
    """A record that is not what it should be, and never will; ``reason`` is one of REASONS."""


def record_type(headers: Headers) -> str | None:
    """What the header ``type`` says a record is (of several the last), None without one: an ordinary record."""
    if not any(name == TYPE_HEADER for name, _value in headers):
        return None
    return (last_header(headers, TYPE_HEADER) or b"").decode("utf-8", "replace")


def unknown_type(kind: str, allowed: str) -> BadRecord:
    """The verdict on a record whose ``type`` this program does not know, or not in that topic."""
    return BadRecord("unknown_type", f"its header {TYPE_HEADER} is {shorten(kind)}; {allowed}")


def decode_tweet(value: bytes | None) -> Tweet:
    """Read one record of ``tweets``.

    Raises BadRecord, whatever the bytes are, with one of REASONS.
    """
    if value is not None and len(value) > MAX_TWEET_BYTES:
        raise BadRecord("too_large", f"the value has {len(value):,} bytes; a tweet may have {MAX_TWEET_BYTES:,}")
    tweet = _decode_plain(value) or _decode(Tweet, value)
    if is_empty(tweet.text):
        raise BadRecord("empty_text", f"text is {shorten(tweet.text)}: nothing in it can be read")
    return tweet


def decode_end_of_replay(value: bytes | None) -> EndOfReplay:
    """Read a record of ``tweets`` that says it is the end of a replay. Raises BadRecord."""
    return _decode(EndOfReplay, value)


def decode_labelled(value: bytes | None) -> LabeledTweet:
    """Read one record of ``tweets.labeled``. Raises BadRecord."""
    return _decode_quickly(LabeledTweet, value)


def decode_watermark(value: bytes | None) -> Watermark:
    """Read a record of ``tweets.labeled`` that says it is a watermark. Raises BadRecord."""
    return _decode_quickly(Watermark, value)


def _decode_plain(value: bytes | None) -> Tweet | None:
    """The tweet of a record in which nothing is unusual; None to look closely."""
    try:
        plain = _plain_tweet(value or b"")
    except (ValueError, RecursionError):
        return None
    time = written_time(plain.created_at)
    if time is None or not is_plain(plain):
        return None
    return _BLANK.model_copy(
        update={
            "id": plain.id,
            "text": plain.text,
            "created_at": time.astimezone(dt.UTC),
            "author": plain.author,
            "brands": plain.brands,
            "lang": plain.lang,
            "source": plain.source,
            "metadata": plain.metadata or {},
        }
    )


def _decode_quickly(kind: type[R], value: bytes | None) -> R:
    """In one pass for what our own program wrote; what it did not write is looked at closely."""
    try:
        return kind.model_validate_json(value or b"")
    except ValidationError:
        return _decode(kind, value)


def _decode(kind: type[R], value: bytes | None) -> R:
    if value is None:
        raise BadRecord("null_value", "the record has no value; it must be a JSON object")
    fields = _load(value)
    if not isinstance(fields, dict):
        raise BadRecord("not_an_object", f"the value is {shorten(fields)}; it must be a JSON object")
    version = fields.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise BadRecord(
            "unknown_schema_version", f"schema_version is {shorten(version)}; this program knows {SCHEMA_VERSION}"
        )
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise BadRecord("invalid_field", _explain(error)) from None


def is_empty(text: str) -> bool:
    r"""True when nothing is left of ``text`` to classify: ``normalise(text) == ""``, but 50 times faster for most.

    A letter or digit before the first ``&`` or ``\u`` stays, whatever follows.
    """
    encoded = _ENCODED.search(text)
    if _VISIBLE.search(text, 0, min(encoded.start() if encoded else MAX_CHARS, MAX_CHARS)):
        return False
    return not normalise(text)


def shorten(value: Any, limit: int = _SHOWN_CHARS) -> str:
    """``value`` as a person may see it in a message: escaped, and cut to ``limit`` characters."""
    if isinstance(value, str | bytes):
        value = value[: limit + 1]
    try:
        shown = repr(value)
    except ValueError:  # an int of more than 4,300 digits
        return f"a huge {type(value).__name__}"
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."


def loads(value: bytes | str) -> Any:
    r"""JSON as orjson reads it; but half an escaped emoji, which it refuses, becomes ``\ufffd``.

    A producer that cuts at 140 UTF-16 units leaves it, and the rest of its text
    is good. Raises ValueError.
    """
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
        whole = _ESCAPE.sub(_without_half, raw)
        if whole == raw:
            raise
        return orjson.loads(whole)


def _without_half(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if escape[1] else escape[0]


def _load(value: bytes) -> Any:
    try:
        return loads(value)
    except ValueError as error:
        _refuse(value, error)


def _refuse(value: bytes, error: Exception) -> NoReturn:
    try:
        value.decode()
    except UnicodeDecodeError as problem:
        raise BadRecord(
            "invalid_utf8", f"byte {problem.start} is {value[problem.start]:#04x}: {problem.reason}; the value is UTF-8"
        ) from None
    raise BadRecord("invalid_json", f"{error}; the value starts {shorten(value)}") from None


def _explain(error: ValidationError) -> str:
    """Every field at fault with its value and the rule it broke."""
    problems = []
    for problem in error.errors(include_url=False)[:_SHOWN_PROBLEMS]:
        field = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "missing":
            problems.append(f"{field} is missing")
        else:
            rule = broken_rule(problem)
            problems.append(f"{field} is {shorten(problem['input'])}: {rule[0].lower()}{rule[1:]}")
    return "; ".join(problems)
