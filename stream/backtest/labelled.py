"""Files of tweets that were labelled before: records of ``tweets.labeled``, one JSON object on each line.

As ``barometer tail tweets.labeled --json`` prints them, or as they are on the
topic. Read as the fold reads them; whatever is not as expected is looked at
closely, by the code that the stream has for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import orjson

from infra.errors import RecordError, UsageError
from stream.aggregate.labelled import LabelledTweet, Plain, as_tweet
from stream.backtest.entry import Dead
from stream.decode import decode_labelled
from stream.replay.detect import open_bytes

_FIRST_LINE = 1 << 20
_GZIP = b"\x1f\x8b"


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
    read = _Quickly().read
    try:
        with open_bytes(path, gzipped=_is_gzip(path)) as file:
            for number, raw in enumerate(file, start=1):
                tweet = read(raw)
                if tweet is not None:
                    yield tweet
                elif (found := _closely(number, raw)) is not None:
                    yield found
    except (OSError, EOFError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _is_other(line: dict[str, Any]) -> bool:
    """A record with a type, printed by ``tail``: no tweet."""
    headers = line.get("headers")
    return isinstance(headers, dict) and "type" in headers


class _Printed(msgspec.Struct, gc=False):
    """A record as ``tail`` prints it, of which only the value matters."""

    value: Plain


class _Quickly:
    """Reads lines that are as expected, in the form in which the last one was."""

    def __init__(self) -> None:
        self._record: Callable[[bytes], Plain] = msgspec.json.Decoder(Plain).decode
        self._printed: Callable[[bytes], _Printed] = msgspec.json.Decoder(_Printed).decode
        self._decode: Callable[[bytes], Plain] = self._record

    def read(self, line: bytes) -> LabelledTweet | None:
        """The tweet of a line, None where it takes a closer look to know."""
        try:
            return as_tweet(self._decode(line))
        except (ValueError, RecursionError):
            pass
        decode = self._value if self._decode == self._record else self._record
        try:
            plain = decode(line)
        except (ValueError, RecursionError):
            return None
        self._decode = decode
        return as_tweet(plain)

    def _value(self, line: bytes) -> Plain:
        return self._printed(line).value


def _closely(number: int, raw: bytes) -> LabelledTweet | Dead | None:
    """The tweet of a line, or why it is none, as the stream would tell; None where it is to be passed over."""
    if number == 1:
        raw = raw.lstrip(b"\xef\xbb\xbf")
    try:
        line = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return None if raw.isspace() else Dead(number, "invalid_json", f"not a JSON object: {error}")
    value = line.get("value", line) if isinstance(line, dict) else line
    if isinstance(line, dict) and _is_other(line):
        return None
    try:
        return LabelledTweet.of(decode_labelled(orjson.dumps(value)))
    except RecordError as bad:
        return Dead(number, bad.reason, bad.message)
