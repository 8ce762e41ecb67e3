"""Published windows beside the same windows folded here, so that any difference shows.

The fold is the plainest one there is: each tweet id once per brand and minute,
the first label that ``tweets.labeled`` has for it. A window agrees when its
counts are the folded ones, and is settled when it agrees and is closed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from model.labels import LABELS, Label
from stream.records import PANE_S, Counts, Window

CELL_SIZES_S = (
    *(minutes * 60 for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)),
    *(hours * 3600 for hours in (1, 2, 3, 4, 6, 8, 12)),
    *(days * 86_400 for days in (1, 2, 3, 7, 14, 28)),
)
"""Time a sparkline's cell may stand for: from a minute to four weeks."""
_HOUR_S = 3600


@dataclass(frozen=True)
class Span:
    """The event time that all brands' sparklines share: ``cells`` of ``cell_s`` seconds from ``start_s``."""

    start_s: int
    cell_s: int
    cells: int

    @property
    def end_s(self) -> int:
        return self.start_s + self.cells * self.cell_s


@dataclass
class _Published:
    counts: tuple[int, int, int]
    closed: bool


def minute_of(time: dt.datetime) -> int:
    """Start of the pane a time falls into, in seconds since 1970."""
    return int(time.timestamp()) // PANE_S * PANE_S


class WindowBook:
    """The newest record of every one-minute window, and what it should say."""

    def __init__(self) -> None:
        self._published: dict[tuple[str, int], _Published] = {}
        self._folded: dict[tuple[str, int], list[int]] = {}
        self._unsettled: set[tuple[str, int]] = set()
        self._open = 0
        self._sums: dict[str, list[int]] = {}
        self._minutes: dict[str, dict[int, list[int]]] = {}
        self._hours: dict[str, dict[int, list[int]]] = {}
        self._first_s: int | None = None
        self._last_s: int | None = None

    def fold(self, brand: str, minute: int, label: Label, step: int = 1) -> None:
        """Count one labelled tweet, or take it back (``step`` -1: it died as late)."""
        key = (brand, minute)
        self._folded.setdefault(key, [0, 0, 0])[LABELS.index(label)] += step
        self._check(key)

    def publish(self, window: Window) -> None:
        """Take the newest record of a window; larger windows, sums of these, are left aside."""
        if window.size_s != PANE_S:
            return
        minute = minute_of(window.start)
        key = (window.brand, minute)
        counts = window.counts
        new = _Published((counts.negative, counts.neutral, counts.positive), window.status == "closed")
        old = self._published.get(key)
        self._published[key] = new
        before = old.counts if old else (0, 0, 0)
        self._open += (not new.closed) - (old is not None and not old.closed)
        change = [now - then for now, then in zip(new.counts, before, strict=True)]
        for sums, place in (
            (self._minutes.setdefault(window.brand, {}), minute),
            (self._hours.setdefault(window.brand, {}), minute // _HOUR_S * _HOUR_S),
        ):
            _add(sums.setdefault(place, [0, 0, 0]), change)
        _add(self._sums.setdefault(window.brand, [0, 0, 0]), change)
        self._first_s = minute if self._first_s is None else min(minute, self._first_s)
        self._last_s = minute if self._last_s is None else max(minute, self._last_s)
        self._check(key)

    def _check(self, key: tuple[str, int]) -> None:
        published = self._published.get(key)
        folded = self._folded_counts(key)
        nothing = published is None and not any(folded)
        if nothing or (published is not None and published.closed and published.counts == folded):
            self._unsettled.discard(key)
        else:
            self._unsettled.add(key)

    def __len__(self) -> int:
        return len(self._published)

    @property
    def open(self) -> int:
        """Published windows that are not closed yet."""
        return self._open

    @property
    def unsettled(self) -> int:
        """Windows that are missing, not closed, or differ from the fold; 0 when all is well."""
        return len(self._unsettled)

    def differences(self) -> Iterator[str]:
        """One sentence for each unsettled window, oldest first."""
        for brand, minute in sorted(self._unsettled, key=lambda key: (key[1], key[0])):
            start = dt.datetime.fromtimestamp(minute, dt.UTC).isoformat().replace("+00:00", "Z")
            folded = self._folded_counts((brand, minute))
            published = self._published.get((brand, minute))
            if published is None:
                yield f"{brand} {start}: no window, labels say {_slashed(folded)}"
            elif published.counts != folded:
                yield f"{brand} {start}: window says {_slashed(published.counts)}, labels say {_slashed(folded)}"
            else:
                yield f"{brand} {start}: right, but still open"

    def _folded_counts(self, key: tuple[str, int]) -> tuple[int, int, int]:
        negative, neutral, positive = self._folded.get(key, (0, 0, 0))
        return negative, neutral, positive

    def sums(self) -> dict[str, Counts]:
        """Tweets of each brand by label, over all its published windows; the most talked about first."""
        ordered = sorted(self._sums.items(), key=lambda item: (-sum(item[1]), item[0]))
        return {brand: Counts(**dict(zip(LABELS, counts, strict=True))) for brand, counts in ordered}

    def span(self, cells: int) -> Span | None:
        """The whole event time so far in at most ``cells`` cells of the smallest size that fits."""
        if self._first_s is None or self._last_s is None or cells < 1:
            return None
        for cell_s in CELL_SIZES_S:
            start = self._first_s // cell_s * cell_s
            needed = (self._last_s - start) // cell_s + 1
            if needed <= cells:
                return Span(start, cell_s, needed)
        cell_s = CELL_SIZES_S[-1]
        start = (self._last_s // cell_s - cells + 1) * cell_s
        return Span(start, cell_s, cells)

    def series(self, brand: str, span: Span) -> tuple[float | None, ...]:
        """Net sentiment of a brand in each cell of the span, None where nobody spoke."""
        cells: list[list[int]] = [[0, 0, 0] for _ in range(span.cells)]
        book = self._hours if span.cell_s >= _HOUR_S else self._minutes
        for start, counts in book.get(brand, {}).items():
            place = (start - span.start_s) // span.cell_s
            if 0 <= place < span.cells:
                _add(cells[place], counts)
        return tuple(net_sentiment(*counts) for counts in cells)


def net_sentiment(negative: int, neutral: int, positive: int) -> float | None:
    """(positive - negative) / all, from -1 to 1; None for no tweets at all."""
    total = negative + neutral + positive
    return (positive - negative) / total if total else None


def _slashed(counts: tuple[int, int, int]) -> str:
    return "/".join(str(count) for count in counts)


def _add(sums: list[int], change: list[int]) -> None:
    for place, step in enumerate(change):
        sums[place] += step
