"""Windows of a brand over time, of any size, for charts. Pure; blocking: some 10 ms a day of busy minutes."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model.quantification import Confusion
from stream.records import PANE_S, Window, WindowBaseline
from stream.serve.overview import baseline_answer, corrected
from stream.serve.read.minutes import BrandMinutes
from stream.serve.read.packed import Packer
from stream.spikes.standing import mean_baseline
from stream.windows import SIZES_S, bounds, compose

MOST_WINDOWS = 3_000
"""In one answer."""
HIDDEN = ("author_sketch", "cells", "baseline", "schema_version")
"""Fields of a window that are for programs that merge windows, or are shown otherwise."""


@dataclass(frozen=True)
class Span:
    """What was asked for: from ``start`` to before ``end`` (seconds since 1970), of one of SIZES_S, in a time zone."""

    start: int
    end: int
    size: str
    zone: dt.tzinfo = dt.UTC

    @property
    def size_s(self) -> int:
        return SIZES_S[self.size]

    def whole(self) -> Span:
        """The same, begun and ended where a window of this size does."""
        first, _end = bounds(_time(self.start), self.size_s, self.zone)
        _start, last = bounds(_time(max(self.start, self.end - 1)), self.size_s, self.zone)
        return Span(round(first.timestamp()), round(last.timestamp()), self.size, self.zone)


def windows(
    brand: str,
    known: BrandMinutes,
    packer: Packer,
    span: Span,
    *,
    closed_to: int | None,
    confusion: Confusion | None,
) -> list[dict[str, Any]]:
    """The windows of ``span`` that have tweets, in order, as JSON. ``closed_to``: how far event time is there."""
    if span.start == span.end:
        return []
    whole = span.whole()
    minutes = [packer.window(brand, at, packed) for at, packed in known.between(whole.start, whole.end)]
    if span.size_s == PANE_S:
        return [window_json(minute, confusion, [minute]) for minute in minutes]
    until = _time(closed_to) if closed_to is not None else dt.datetime.min.replace(tzinfo=dt.UTC)
    members: dict[dt.datetime, list[Window]] = defaultdict(list)
    for minute in minutes:
        members[bounds(minute.start, span.size_s, span.zone)[0]].append(minute)
    composed = compose(minutes, span.size_s, span.zone, closed_to=until)
    return [window_json(window, confusion, members[window.start]) for window in composed]


def window_json(window: Window, confusion: Confusion | None, minutes: Sequence[Window]) -> dict[str, Any]:
    """A window as it is shown; ``minutes`` are those it is made of."""
    known = [(minute.baseline, minute.revision) for minute in minutes if minute.baseline is not None]
    expected = mean_baseline(known)
    shown = window.model_dump(mode="json", exclude=set(HIDDEN))
    return shown | _extras(window.cells, window.models, confusion, minutes, expected, window.size_s)


def _extras(
    cells: dict[int, int],
    models: Sequence[str],
    confusion: Confusion | None,
    minutes: Sequence[Window],
    expected: WindowBaseline | None,
    size_s: int,
) -> dict[str, Any]:
    right = corrected(cells, models, confusion)
    negative = None if right is None else right.negative
    return {
        "negative_share_corrected": None if negative is None else round(negative.value, 6),
        "negative_share_corrected_low": None if negative is None else round(negative.low, 6),
        "negative_share_corrected_high": None if negative is None else round(negative.high, 6),
        "baseline": None if expected is None else baseline_answer(minutes, expected, size_s).model_dump(mode="json"),
    }


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
