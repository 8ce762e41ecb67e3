"""Partitions with a crowd of brands, each with a history, as a worker has them after two days; made in a moment."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from stream.aggregate.event_clock import SourceView
from stream.aggregate.fold import PartitionState
from stream.aggregate.newest import Newest
from stream.aggregate.pane import Pane, PaneKey
from stream.aggregate.store import SPAN_S, Owned
from stream.aggregate.totals import BrandTotal, Totals
from stream.records import PANE_S
from stream.spikes.history import Hour
from stream.spikes.pane import PaneStats
from stream.spikes.rules import HOUR_S
from stream.spikes.state import BrandState
from stream.spikes.watch import BrandWatch
from tests.labelled import ZERO

NOW = int(ZERO.timestamp()) + 48 * HOUR_S
RECENT_MINUTES = 120
PER_MINUTE = (1, 2, 1)
"""Negative, neutral and positive tweets."""


def crowd(brands: int, partitions: int, lively: int) -> dict[int, Owned]:
    """Brands ``b0``, ``b1``… in turn on each partition; the later, the more mentioned.

    Of the last ``lively`` ones there are panes too.
    """
    made = {partition: _Maker() for partition in range(partitions)}
    history = watch("any").state
    for number in range(brands):
        known = BrandWatch(replace(history.draft(), brand=f"b{number}"))
        made[number % partitions].add(known, number, lively=number >= brands - lively)
    return {partition: one.owned() for partition, one in made.items()}


class _Maker:
    def __init__(self) -> None:
        self.state, self.totals = PartitionState(), Totals()
        self.state.clock.watermark_ms = NOW * 1000
        self.state.clock.sources[0] = SourceView(1, NOW * 1000 + 60_000, idle=False, heard_ms=0)

    def add(self, known: BrandWatch, mentions: int, *, lively: bool) -> None:
        brand = known.state.brand
        self.state.watches[brand] = known
        for start in range(NOW - SPAN_S, NOW, PANE_S) if lively else ():
            self.state.panes.put(
                Pane(PaneKey(start, brand), counts=list(PER_MINUTE), closed=True, sample=None, ids=None)
            )
        self.totals.brands[brand] = BrandTotal(SPAN_S // PANE_S, (mentions, 15, 15))

    def owned(self) -> Owned:
        return cast("Owned", SimpleNamespace(state=self.state, totals=self.totals, newest=Newest(SPAN_S)))


def watch(brand: str) -> BrandWatch:
    """A brand that was talked about evenly for two days."""
    state = BrandState(brand)
    negative, _neutral, positive = PER_MINUTE
    tweets = sum(PER_MINUTE)
    for hour in range(NOW // HOUR_S - 46, NOW // HOUR_S):
        state.history.put(hour, Hour(60 * tweets, 60 * negative, 60 * positive, 0, 0, 59, 60 * tweets, 60))
    state.summarised = NOW // HOUR_S
    for start in range(NOW - RECENT_MINUTES * PANE_S, NOW, PANE_S):
        state.recent.add(PaneStats(start, *PER_MINUTE), (0.25, 0.25), apart=0)
    state.end, state.resumed = NOW, NOW - 46 * HOUR_S
    return BrandWatch(state)
