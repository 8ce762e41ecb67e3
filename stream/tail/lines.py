"""One line for each record: for people (``Describer``), or as JSON (``as_json_line``). Pure: records in, text out.

Nothing that stands in a record reaches the terminal as it is: a tweet can
hold escape sequences that move the cursor or change the title.
"""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError
from rich.cells import cell_len

from infra.terminal import cut, fit, printable
from stream.decode import BadRecord, decode_tweet
from stream.records import (
    OTHER_BRAND,
    WATERMARK,
    DeadHeaders,
    LabeledTweet,
    Spike,
    Watermark,
    Window,
)
from stream.tail.watch import Watched
from stream.topics import Topics

BRAND_CELLS = 14
BAR_CELLS = 10
"""Of each half of a bar of net sentiment."""
DEAD_BYTES = 80
"""Of a dead record, shown."""
GAP = "  "
_LABEL_COLORS = {"negative": "red", "neutral": "yellow", "positive": "green"}
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")

BrandFinder = Callable[[str, str | None], list[str]]
"""Text and author in, brands out."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line; ``look`` is a colour that click knows, ``dim``, ``bold`` or nothing."""

    text: str
    look: str = ""


Line = Sequence[Part]


class Describer:
    """Lines for people, and the brands of records, for the topics of one instance."""

    def __init__(self, topics: Topics, find_brands: BrandFinder) -> None:
        self._find_brands = find_brands
        self._lines: Mapping[str, Callable[[Watched], Line]] = {
            topics.tweets: _tweet,
            topics.labeled: _labeled,
            topics.dead: _dead,
            topics.windows: _window,
            topics.spikes: _spike,
            topics.notifications: _notification,
        }
        self._keyed_by_brand = {topics.windows: 0, topics.panes: 1}

    def line(self, record: Watched) -> Line:
        """What a record says, in parts; a record that is not as expected is shown raw."""
        if record.type:
            return _typed(record)
        return self._lines.get(record.topic, _raw)(record)

    def brands(self, record: Watched) -> list[str]:
        """The brands that a record is about; none for those about no brand in particular."""
        place = self._keyed_by_brand.get(record.topic)
        if place is not None:
            key = _json(record.key)
            return [key[place]] if isinstance(key, list) and len(key) > place and isinstance(key[place], str) else []
        value = _json(record.value)
        if not isinstance(value, dict):
            return []
        if isinstance(value.get("brand"), str):
            return [value["brand"]]
        if isinstance(value.get("brands"), list) and value["brands"]:
            return [brand for brand in value["brands"] if isinstance(brand, str)]
        text, author = value.get("text"), value.get("author")
        if not isinstance(text, str):
            return []
        return self._find_brands(text, author if isinstance(author, str) else None) or [OTHER_BRAND]


def as_json_line(record: Watched) -> str:
    """A record as one line of JSON. What is not JSON stands under ``value_text``, what is no text in Base64."""
    line: dict[str, Any] = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": _iso(record.timestamp_ms),
    }
    line |= _text_or_base64("key", record.key)
    line["headers"] = {name: None if value is None else _text(value) for name, value in record.headers.items()}
    if record.value is None:
        line["value"] = None
    else:
        try:
            orjson.loads(record.value)
        except orjson.JSONDecodeError:
            line |= _text_or_base64("value_text", record.value)
        else:  # as it is, on one line: its numbers may have more digits than ours
            line["value"] = orjson.Fragment(record.value.replace(b"\n", b" ").replace(b"\r", b" "))
    written = orjson.dumps(line).decode()
    return _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found.group()):04x}", written)


def joined(line: Line, width: int | None, style: Callable[[str, str], str]) -> str:
    """The parts of a line side by side, without empty ones, cut to ``width`` cells. ``style``: text and look in."""
    shown = []
    left = width
    for text, look in ((part.text, part.look) for part in line if part.text):
        kept = text if left is None else cut(text, left)
        if not kept:
            break
        shown.append(style(kept, look))
        if left is not None:
            left -= cell_len(kept) + len(GAP)
    return GAP.join(shown).rstrip()


def _tweet(record: Watched) -> Line:
    try:
        tweet = decode_tweet(record.value)
    except BadRecord as bad:
        return [Part(bad.reason, "red"), Part(_where(record), "dim"), Part(printable(bad.message))]
    return [
        Part(_when(tweet.created_at), "dim"),
        Part(fit(printable(f"@{tweet.author}" if tweet.author else "-"), 16), "cyan"),
        Part(fit(printable(tweet.lang or "-"), 2), "dim"),
        Part(printable(tweet.text)),
    ]


def _labeled(record: Watched) -> Line:
    try:
        labeled = LabeledTweet.model_validate_json(record.value or b"")
    except ValidationError:
        return _raw(record)
    return [
        Part(_when(labeled.tweet.created_at), "dim"),
        Part(fit(printable(labeled.brand), BRAND_CELLS), "bold"),
        Part(f"{labeled.label:<8}", _LABEL_COLORS[labeled.label]),
        Part(f"{labeled.confidence:.2f}", "dim"),
        Part(printable(labeled.tweet.text)),
    ]


def _window(record: Watched) -> Line:
    if record.value is None:
        return [Part("removed", "dim"), Part(_shown(record.key))]
    try:
        window = Window.model_validate_json(record.value)
    except ValidationError:
        return _raw(record)
    late = f", {window.late} late" if window.late else ""
    look = "red" if window.net_sentiment < 0 else "green" if window.net_sentiment > 0 else "yellow"
    return [
        Part(_when(window.start), "dim"),
        Part(fit(printable(window.brand), BRAND_CELLS), "bold"),
        Part(f"{window.counts.total:>5}"),
        Part(f"{window.net_sentiment:+.2f}", look),
        Part(_bar(window.net_sentiment), look),
        Part(f"{window.status}{late}", "dim" if window.status == "open" else ""),
    ]


def _spike(record: Watched) -> Line:
    try:
        spike = Spike.model_validate_json(record.value or b"")
    except ValidationError:
        return _raw(record)
    return [
        Part(_when(spike.updated_at), "dim"),
        Part(fit(printable(spike.brand), BRAND_CELLS), "bold"),
        Part(f"{spike.kind:<8}", _LABEL_COLORS.get(spike.kind, "cyan")),
        Part(f"{spike.status:<6}", "" if spike.status == "open" else "dim"),
        Part(printable(spike.sentence)),
    ]


def _notification(record: Watched) -> Line:
    """What was, or is to be, told to whom: the record belongs to ``barometer notify``."""
    value = _json(record.value)
    if not isinstance(value, dict) or not isinstance(alert := value.get("alert"), dict):
        return _raw(record)
    labels = alert.get("labels")
    named = labels if isinstance(labels, dict) else {}
    state = printable(str(value.get("state", "")))
    return [
        Part(_iso(record.timestamp_ms)[:19].replace("T", " "), "dim"),
        Part(f"{state:<9}", {"sent": "green", "abandoned": "red"}.get(state, "yellow")),
        Part(printable(str(value.get("target", ""))), "bold"),
        Part(printable(f"{alert.get('status', '')} {named.get('alertname', '')}")),
        Part(printable(str(named.get("brand", "")))),
    ]


def _dead(record: Watched) -> Line:
    def header(name: str) -> str:
        return printable(_text(record.headers.get(name) or b""))

    places = (DeadHeaders.ORIGIN_TOPIC, DeadHeaders.ORIGIN_PARTITION, DeadHeaders.ORIGIN_OFFSET)
    topic, partition, offset = (header(name) for name in places)
    return [
        Part(_iso(record.timestamp_ms)[:19].replace("T", " "), "dim"),
        Part(header(DeadHeaders.REASON) or "no reason", "red"),
        Part(header(DeadHeaders.STAGE), "dim"),
        Part(f"{topic}/{partition}@{offset}" if topic else "", "cyan"),
        Part(header(DeadHeaders.MESSAGE)),
        Part(_shown(record.value, DEAD_BYTES), "dim"),
    ]


def _typed(record: Watched) -> Line:
    where = Part(_where(record), "cyan")
    if record.type == WATERMARK:
        try:
            mark = Watermark.model_validate_json(record.value or b"")
        except ValidationError:
            return _raw(record)
        told = (
            f"{partition}: {'idle' if at.idle else _when(at.latest) if at.latest else 'nothing yet'} @{at.next_offset}"
            for partition, at in sorted(mark.progress.items())
        )
        return [Part(_when(mark.sent_at), "dim"), Part("watermark", "cyan"), where, Part(", ".join(told))]
    when = Part(_iso(record.timestamp_ms)[:19].replace("T", " "), "dim")
    return [when, Part(printable(record.type), "cyan"), where, Part(_shown(record.value))]


def _raw(record: Watched) -> Line:
    when = Part(_iso(record.timestamp_ms)[:19].replace("T", " "), "dim")
    return [when, Part(_where(record), "cyan"), Part(_shown(record.key), "bold"), Part(_shown(record.value))]


def _where(record: Watched) -> str:
    return f"{record.partition}@{record.offset}"


def _when(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def _iso(timestamp_ms: int) -> str:
    time = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=timestamp_ms)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _bar(net: float) -> str:
    """Net sentiment from -1 to 1 as a bar to the left or the right of the middle."""
    length = "█" * round(abs(net) * BAR_CELLS)
    return f"{length if net < 0 else '':>{BAR_CELLS}}│{length if net >= 0 else '':<{BAR_CELLS}}"


def _shown(value: bytes | None, most: int = 2_000) -> str:
    return "(none)" if value is None else printable(_text(value[:most]))


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _text_or_base64(name: str, value: bytes | None) -> dict[str, str | None]:
    try:
        return {name: None if value is None else value.decode()}
    except UnicodeDecodeError:
        return {f"{name.removesuffix('_text')}_base64": base64.b64encode(value or b"").decode()}


def _json(value: bytes | None) -> Any:
    try:
        return orjson.loads(value or b"null")
    except orjson.JSONDecodeError:
        return None
