"""Files of tweets that were labelled before: records of ``tweets.labeled``, one JSON object on each line.

As ``barometer tail tweets.labeled --json`` prints them, or as they are on the
topic. Read without pydantic where they are as expected, which is five times as
fast; whatever is not is looked at closely, by the code that the stream has for it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from infra.errors import RecordError, UsageError
from model.labels import LABELS
from stream.aggregate.pane import LabelledTweet
from stream.backtest.entry import END_US, FIRST_US, Dead
from stream.decode import decode_labelled
from stream.records import SCHEMA_VERSION
from stream.replay.detect import open_bytes

_FIRST_LINE = 1 << 20
_GZIP = b"\x1f\x8b"
_LABELS = {label: number for number, label in enumerate(LABELS)}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


def is_labelled(path: Path) -> bool:
    """Whether the first line of a file is a record of ``tweets.labeled`` (or a watermark, as ``tail`` prints it).

    Raises UsageError when the file cannot be read.
    """
    try:
        with open_bytes(path, gzipped=_is_gzip(path)) as file:
            first = file.readline(_FIRST_LINE).lstrip(b"\xef\xbb\xbf")
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    try:
        line = orjson.loads(first)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(line, dict):
        return False
    value = line.get("value", line)
    if _is_other(line):
        return True
    return isinstance(value, dict) and isinstance(value.get("tweet"), dict) and "label" in value and "brand" in value


def read_labelled(path: Path) -> Iterator[LabelledTweet | Dead]:
    """Every record, or the reason why it is none, in file order.

    Watermarks are passed over: a file in event-time order needs none.
    Raises UsageError when the file is damaged.
    """
    brands: set[str] = set()
    try:
        with open_bytes(path, gzipped=_is_gzip(path)) as file:
            for number, raw in enumerate(file, start=1):
                if number == 1:
                    raw = raw.lstrip(b"\xef\xbb\xbf")  # noqa: PLW2901
                try:
                    line = orjson.loads(raw)
                except orjson.JSONDecodeError as error:
                    if not raw.isspace():
                        yield Dead(number, "invalid_json", f"not a JSON object: {error}")
                    continue
                value = line.get("value", line) if isinstance(line, dict) else line
                tweet = _quickly(value, brands)
                if tweet is not None:
                    yield tweet
                elif not (isinstance(line, dict) and _is_other(line)):
                    yield _closely(number, value, brands)
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _is_other(line: dict[str, Any]) -> bool:
    """A record with a type, printed by ``tail``: no tweet."""
    headers = line.get("headers")
    return isinstance(headers, dict) and "type" in headers


def _quickly(value: Any, brands: set[str]) -> LabelledTweet | None:
    """A record that is all as it should be; None for any doubt. ``brands``: names known to be good."""
    try:
        tweet, shares = value["tweet"], value["probabilities"]
        brand, label, confidence, version = (
            value["brand"],
            _LABELS[value["label"]],
            value["confidence"],
            value["model"]["version"],
        )
        identity, text, author = tweet["id"], tweet["text"], tweet.get("author")
        source, lang = tweet.get("source"), tweet.get("lang")
        negative, neutral, positive = shares["negative"], shares["neutral"], shares["positive"]
        at_us = (dt.datetime.fromisoformat(tweet["created_at"]) - _EPOCH) // _MICROSECOND
        sound = (
            value["schema_version"] == SCHEMA_VERSION
            and brand in brands
            and FIRST_US <= at_us < END_US
            and type(identity) is type(text) is type(version) is str
            and 0 < len(identity) <= 256
            and (author is None or type(author) is str)
            and (source is None or type(source) is str)
            and (lang is None or type(lang) is str)
            and type(negative) is type(neutral) is type(positive) is type(confidence) is float
            and 0 <= negative <= 1
            and 0 <= neutral <= 1
            and 0 <= positive <= 1
            and 0 <= confidence <= 1
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    if not sound:
        return None
    return LabelledTweet(
        at_us, brand, identity, label, negative, neutral, positive, confidence, version, author, text, source, lang
    )


def _closely(line: int, value: Any, brands: set[str]) -> LabelledTweet | Dead:
    try:
        record = decode_labelled(orjson.dumps(value))
    except RecordError as bad:
        return Dead(line, bad.reason, bad.message)
    brands.add(record.brand)
    return LabelledTweet.of(record)
