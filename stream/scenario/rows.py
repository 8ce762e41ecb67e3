"""The file's rows: tweets with their ids, in the order they are published, and all that goes wrong on the way."""

from __future__ import annotations

import datetime as dt
import html
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from stream.scenario.plan import MINUTE_MS, Draft, Plan
from stream.scenario.texts import load_texts

TWITTER_EPOCH_MS = 1_288_834_974_657
"""Snowflake ids count milliseconds from here (``id >> 22``)."""
LATE_SHARE, DUPLICATE_SHARE = 0.025, 0.016
REPAIRED, NUMERIC_IDS, NO_IDS = 24, 40, 4
"""Rows whose time must be read from the id, whose id is a number, that have no id."""
COLUMNS = ("id", "text", "created_at", "author", "lang", "source")
"""Fields of a row, in their order."""
_SOURCES = ("web", "web", "web", "android", "android", "android", "iphone", "iphone", "iphone", "archive")
_ESCAPED = "archive"
"""This source escapes ``&``, ``<`` and ``>``, as exports of tweets do."""
_UNREADABLE_TIMES = ("", "n/a", "0000-00-00 00:00:00", "yesterday", "NaT", None)

Kind = Literal["tweet", "repaired", "duplicate", "rejected"]


@dataclass(frozen=True)
class Row:
    """One line of the file, without its end. ``draft``: the tweet in it, if there is one."""

    line: str
    kind: Kind
    draft: Draft | None = None


class Publisher:
    """Gives drafts ids and a place in the file. ``start_ms``: Unix time of the scenario's start."""

    def __init__(self, rng: random.Random, start_ms: int) -> None:
        self._rng = rng
        self._start_ms = start_ms
        self._ids: set[int] = set()

    def rows(self, plan: Plan, minutes: int) -> Iterator[Row]:
        """Every row, in the order of publication."""
        drafts = list(plan.drafts())
        odd = self._rng.sample(range(len(drafts)), REPAIRED + NUMERIC_IDS + NO_IDS)
        repaired, numeric = set(odd[:REPAIRED]), set(odd[REPAIRED : REPAIRED + NUMERIC_IDS])
        no_id = set(odd[REPAIRED + NUMERIC_IDS :])
        placed: list[tuple[int, int, Row]] = []

        def place(at_ms: int, row: Row) -> None:
            placed.append((at_ms, len(placed), row))

        for number, draft in enumerate(drafts):
            fields = self._fields(draft)
            kind: Kind = "tweet"
            if number in repaired:
                kind = "repaired"
                fields["created_at"] = self._rng.choice(_UNREADABLE_TIMES)
            elif number in numeric:
                fields["id"] = int(fields["id"])
            elif number in no_id:
                del fields["id"]
            published_ms = draft.at_ms + self._delay()
            place(published_ms, Row(_json(fields), kind, draft))
            if kind == "tweet" and number not in no_id and self._rng.random() < DUPLICATE_SHARE:
                again_ms = published_ms + self._rng.randrange(
                    1_000, 20 * MINUTE_MS if self._rng.random() < 0.3 else 30_000
                )
                place(again_ms, Row(_json(fields), "duplicate", draft))
        for spoil in _SPOILERS:
            at_ms = self._rng.randrange(minutes * MINUTE_MS)
            place(at_ms, Row(spoil(self._fields(plan.spare(at_ms))), "rejected"))
        for _at_ms, _number, row in sorted(placed, key=lambda entry: entry[:2]):
            yield row

    def _delay(self) -> int:
        """Milliseconds from event to publication: a moment, or minutes for a phone that was in a tunnel."""
        if self._rng.random() < LATE_SHARE:
            return self._rng.randrange(2 * MINUTE_MS, 25 * MINUTE_MS)
        return self._rng.randrange(200, 4_000)

    def _fields(self, draft: Draft) -> dict[str, Any]:
        at_ms = self._start_ms + draft.at_ms
        source = self._rng.choice(_SOURCES)
        return {
            "id": str(self._snowflake(at_ms)),
            "text": html.escape(draft.text, quote=False) if source == _ESCAPED else draft.text,
            "created_at": _iso(at_ms),
            "author": draft.author,
            "lang": draft.lang,
            "source": source,
        }

    def _snowflake(self, at_ms: int) -> int:
        while True:
            number = (at_ms - TWITTER_EPOCH_MS << 22) | self._rng.getrandbits(22)
            if number not in self._ids:
                self._ids.add(number)
                return number


def make_rows(seed: int, start: dt.datetime, minutes: int, tweets: int) -> Iterator[Row]:
    """The rows of a scenario; the same for the same arguments."""
    rng = random.Random(seed)
    plan = Plan(rng, load_texts(), minutes, tweets)
    return Publisher(rng, int(start.timestamp()) * 1_000).rows(plan, minutes)


def _iso(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms // 1_000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def _without(name: str) -> Callable[[dict[str, Any]], str]:
    return lambda fields: _json({key: value for key, value in fields.items() if key != name})


def _with(**changes: Any) -> Callable[[dict[str, Any]], str]:
    return lambda fields: _json({**fields, **changes})


def _cut(part: float) -> Callable[[dict[str, Any]], str]:
    return lambda fields: _json(fields)[: int(len(_json(fields)) * part)]


_SPOILERS: tuple[Callable[[dict[str, Any]], str], ...] = (
    _cut(0.2),
    _cut(0.5),
    _cut(0.8),
    _cut(0.95),
    _without("text"),
    _with(text=None),
    _with(text=""),
    _with(text="\u200b \ufeff"),
    _with(text=404),
    _with(created_at="n/a", id="row-1187"),
    _with(created_at="soon", id="5521"),
    lambda fields: _json({**fields, "created_at": None, "id": None}),
    lambda fields: _json(fields).replace('":"', '" "', 1),
    lambda fields: _json(fields).replace(",", ";"),
    lambda _fields: '["not","a","tweet"]',
    lambda _fields: "ERROR exporter: connection reset, resuming",
)
"""Each spoils one row so that it can never be a tweet."""
