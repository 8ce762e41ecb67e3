"""From the bytes on ``tweets`` to a Tweet, or to the reason why they are none.

A record that raises BadRecord here goes to ``tweets.dead`` with the reason
code and the message as headers, so both are written for a person who reads
them a week later: they name the field and the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import orjson
from pydantic import ValidationError

from model.normalise import MAX_CHARS, normalise
from stream.records import SCHEMA_VERSION, Tweet

REASONS: Mapping[str, str] = {
    "null_value": "the record has no value",
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
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


class BadRecord(ValueError):  # noqa: N818  (it is a verdict on a record, not a fault of the program)
    """A record that can never become a tweet. ``reason`` is a stable code, ``message`` one sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


def decode_tweet(value: bytes | None) -> Tweet:
    """Read one record of ``tweets``.

    Raises BadRecord, whatever the bytes are, with one of REASONS.
    """
    if value is None:
        raise BadRecord("null_value", "the record has no value; a tweet is a JSON object")
    fields = _load(value)
    if not isinstance(fields, dict):
        raise BadRecord("not_an_object", f"the value is {shorten(fields)}; a tweet is a JSON object")
    version = fields.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION or isinstance(version, bool):
        raise BadRecord(
            "unknown_schema_version", f"schema_version is {shorten(version)}; this program knows {SCHEMA_VERSION}"
        )
    try:
        tweet = Tweet.model_validate(fields)
    except ValidationError as error:
        raise BadRecord("invalid_field", _explain(error)) from None
    if is_empty(tweet.text):
        raise BadRecord("empty_text", f"text is {shorten(tweet.text)}: nothing in it can be read")
    return tweet


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


def _load(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        if _SURROGATE_ESCAPE.search(value):
            return _load_lenient(value)
        _refuse(value, error)


def _load_lenient(value: bytes) -> Any:
    """Half an escaped emoji is all that orjson refuses and Python's reader takes; the record repairs it."""
    try:
        return json.loads(value.decode(), parse_constant=_refuse_constant, parse_int=_bounded_int)
    except (ValueError, RecursionError) as error:
        _refuse(value, error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _bounded_int(digits: str) -> int | float:
    """As orjson reads them: beyond 64 bits a number is a float."""
    return int(digits) if len(digits) < 19 else float(digits)


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
            rule = problem["msg"].removeprefix("Value error, ")
            problems.append(f"{field} is {shorten(problem['input'])}: {rule[0].lower()}{rule[1:]}")
    return "; ".join(problems)
