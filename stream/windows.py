"""Larger windows as sums of smaller ones: 5 minutes, 15 minutes, hours and days, composed when they are read.

Panes of one minute are all that is stored. Boundaries are those of a wall clock
in a time zone: a day begins at local midnight, and has 23 or 25 hours when the
clocks change; hours and minutes begin where the local clock says so.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from model.quantification import wilson
from stream.authors import Authors
from stream.records import Counts, Window

DAY_S = 86_400
SIZES_S = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "1d": DAY_S}
"""Sizes by name. Each is a whole number of the smaller ones, and a day a whole number of all."""


def bounds(at: dt.datetime, size_s: int, zone: dt.tzinfo = dt.UTC) -> tuple[dt.datetime, dt.datetime]:
    """Start and end, in UTC, of the window of ``size_s`` seconds that holds ``at``.

    ``size_s`` divides a day. Raises ValueError when it does not.
    """
    if size_s < 1 or DAY_S % size_s:
        raise ValueError(f"windows of {size_s} s do not fill a day; take one of {', '.join(SIZES_S)}")
    local = at.astimezone(zone)
    midnight = dt.datetime.combine(local.date(), dt.time(), zone)
    if size_s == DAY_S:
        tomorrow = dt.datetime.combine(local.date() + dt.timedelta(days=1), dt.time(), zone)
        return midnight.astimezone(dt.UTC), tomorrow.astimezone(dt.UTC)
    # Counted on the local clock, in elapsed time: an hour that comes twice is two windows.
    into = (local.hour * 3_600 + local.minute * 60 + local.second) % size_s
    start = at.astimezone(dt.UTC).replace(microsecond=0) - dt.timedelta(seconds=into)
    return start, start + dt.timedelta(seconds=size_s)


def compose(
    panes: Iterable[Window], size_s: int, zone: dt.tzinfo = dt.UTC, *, closed_to: dt.datetime | None = None
) -> list[Window]:
    """Windows of ``size_s`` seconds, in order of start and brand, from panes of any brands in any order.

    A composed window is closed when all its panes are, and its end is not after
    ``closed_to`` (up to where all panes are known to have closed; None: all are).
    """
    groups: dict[tuple[dt.datetime, dt.datetime, str], list[Window]] = defaultdict(list)
    for pane in panes:
        start, end = bounds(pane.start, size_s, zone)
        groups[start, end, pane.brand].append(pane)
    composed = []
    for (start, end, _brand), members in sorted(groups.items()):
        window = merge(members, start, end)
        if closed_to is not None and end > closed_to:
            window = window.model_copy(update={"status": "open"})
        composed.append(window)
    return composed


def merge(windows: Sequence[Window], start: dt.datetime, end: dt.datetime) -> Window:
    """One window from ``start`` to ``end`` of one brand's windows that lie in it and do not overlap.

    Raises ValueError for none, for several brands, and for windows outside or on top of each other.
    """
    ordered = sorted(windows, key=lambda window: window.start)
    if len({window.brand for window in ordered}) != 1:
        raise ValueError("windows of exactly one brand can be merged")
    if ordered[0].start < start or ordered[-1].end > end:
        raise ValueError(f"windows must lie between {start.isoformat()} and {end.isoformat()}")
    if any(after.start < before.end for before, after in pairwise(ordered)):
        raise ValueError("windows that overlap cannot be merged: tweets would count twice")
    counts, sums = _sum(window.counts for window in ordered), _sum(window.probability_sums for window in ordered)
    cells: Counter[int] = Counter()
    for window in ordered:
        cells.update(window.cells)
    total = counts.total
    low, high = wilson(counts.negative, total)
    authors = Authors.merge(Authors.decode(window.author_sketch) for window in ordered)
    return Window(
        brand=ordered[0].brand,
        start=start,
        end=end,
        size_s=round((end - start).total_seconds()),
        counts=counts,
        probability_sums=sums,
        cells=dict(sorted(cells.items())),
        net_sentiment=round((counts.positive - counts.negative) / total, 6),
        negative_share=round(counts.negative / total, 6),
        negative_share_low=round(low, 6),
        negative_share_high=round(high, 6),
        mean_confidence=round(sum(window.mean_confidence * window.revision for window in ordered) / total, 6),
        uncertain=sum(window.uncertain for window in ordered),
        authors=authors.count(),
        author_sketch=authors.encode(),
        revision=total,
        late=sum(window.late for window in ordered),
        status="closed" if all(window.status == "closed" for window in ordered) else "open",
        models=sorted({model for window in ordered for model in window.models}),
    )


def _sum(counts: Iterable[Counts]) -> Counts:
    total = Counter[str]()
    for one in counts:
        total.update(one.model_dump())
    return Counts(**total)
