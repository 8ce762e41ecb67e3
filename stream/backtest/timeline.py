"""Tweets in, windows and spikes out: the fold of the stream, over one partition that sees every tweet of a file.

What the stream learns of event time from watermarks, which trail behind its
source partitions, is known here at once: the watermark is the newest event time
so far, less the allowed lateness, after each tweet. In event-time order no
tweet is late either way, each brand's panes close in order, and everything
closes at the end; so windows and spikes are those of the stream, however many
partitions and workers it had. In the order of a file that is not sorted, a
tweet is late here as soon as it may be; in the stream, a moment later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import floor

from infra.settings import Settings
from stream.aggregate.event_clock import end_of_all
from stream.aggregate.fold import Changes, PartitionState, Rules, advance, apply, begin, count, publish
from stream.aggregate.labelled import LabelledTweet
from stream.aggregate.pane import PaneKey
from stream.aggregate.store import rules_of
from stream.backtest.entry import Item
from stream.records import PANE_S, Spike, Window
from stream.spikes.pane import PaneStats
from stream.spikes.rules import HOUR_S
from stream.spikes.watch import BrandWatch

FOLD_TOGETHER = 20_000
NOTHING_YET_US = -1


@dataclass(frozen=True)
class Expected:
    """What was expected of a brand from ``start`` (seconds since 1970) to the end of that hour.

    ``volume`` in tweets a minute; None while it is being learnt.
    """

    start: int
    negative: float
    positive: float
    volume: float | None


@dataclass
class Told:
    """All that the fold said, besides windows. ``spikes``: the newest record of each, by id, in order of opening."""

    counted: int = 0
    duplicates: int = 0
    late: int = 0
    """Too late to be counted at all."""
    spikes: dict[str, Spike] = field(default_factory=dict)
    panes: dict[str, list[PaneStats]] = field(default_factory=dict)
    """By brand, as the spike detector saw them."""
    expected: dict[str, list[Expected]] = field(default_factory=dict)
    end_s: int = 0
    """Up to where all is closed."""


def offline_rules(settings: Settings) -> Rules:
    """The rules of the stream; open windows are nobody's business here."""
    return replace(rules_of(settings), update_interval_s=float("inf"))


def next_move_us(at_us: int, rules: Rules) -> float:
    """The next event time at which anything can close or be too late, after ``at_us``; both in µs since 1970."""
    lateness_us = round(rules.allowed_lateness_s * 1_000_000)
    now_s = (at_us - lateness_us) / 1_000_000
    steps = (rules.grace_s, rules.duplicate_horizon_s, rules.late_retention_s)
    next_s = min((floor((now_s - step) / PANE_S) + 1) * PANE_S + step for step in steps)
    return next_s * 1_000_000 + lateness_us


class Timeline:
    """Feed it with ``add``, then ``end``. ``on_window`` gets each window once, when nothing can change it any more.

    ``on_closed`` gets a brand whose pane has just closed, and its watch.
    """

    def __init__(
        self,
        rules: Rules,
        on_window: Callable[[Window], None],
        on_closed: Callable[[str, BrandWatch], None] | None = None,
    ) -> None:
        self._rules = rules
        self._on_window = on_window
        self._on_closed = on_closed
        self._state = PartitionState()
        self._windows: dict[PaneKey, Window] = {}
        self._newest_us = NOTHING_YET_US
        self._lateness_us = round(rules.allowed_lateness_s * 1_000_000)
        self._next_us = float(NOTHING_YET_US)
        self._hours: dict[str, int] = {}
        self.told = Told()

    def add(self, items: Sequence[Item]) -> None:
        """Count the next tweets. One that is not labelled only tells how far event time has come."""
        for first in range(0, len(items), FOLD_TOGETHER):
            state, rules, changes = self._state, self._rules, begin(self._state)
            newest_us, next_us = self._newest_us, self._next_us
            together: list[LabelledTweet] = []
            for item in items[first : first + FOLD_TOGETHER]:
                at_us = item[0]
                if type(item) is LabelledTweet:
                    together.append(item)
                if at_us > newest_us:
                    newest_us = at_us
                    if at_us >= next_us:
                        self.told.late += len(count(state, changes, together, rules))
                        together = []
                        next_us = self._move(changes, at_us)
            self.told.late += len(count(state, changes, together, rules))
            self._newest_us, self._next_us = newest_us, next_us
            self._keep(changes)

    def end(self) -> Told:
        """Close what is open: no more comes."""
        if self._newest_us > NOTHING_YET_US:
            changes = begin(self._state)
            self._advance(changes, end_of_all(self._newest_us // 1_000, int(self._rules.grace_s * 1_000)))
            self._keep(changes)
            self.told.end_s = (self._state.clock.watermark_ms or 0) // 1_000
        for key in sorted(self._windows):
            self._on_window(self._windows[key])
        self._windows = {}
        return self.told

    def _move(self, changes: Changes, at_us: int) -> float:
        """Move event time on to a tweet's; the next at which to do so."""
        self._advance(changes, (at_us - self._lateness_us) // 1_000)
        return next_move_us(at_us, self._rules)

    def _advance(self, changes: Changes, watermark_ms: int) -> None:
        before = changes.clock.watermark_ms
        known = len(changes.closings)
        changes.clock.move(watermark_ms)
        advance(self._state, changes, before, self._rules)
        for brand, pane in changes.closings[known:]:
            if self._hours.get(brand) != pane.start // HOUR_S:
                self._expect(changes, brand, pane.start)
            if self._on_closed is not None:
                self._on_closed(brand, changes.watches[brand])

    def _expect(self, changes: Changes, brand: str, at: int) -> None:
        """Note what the detector expects, once an hour as soon as it expects something, for plots."""
        state = changes.watches[brand].state
        baseline = state.baseline(self._rules.spikes)
        if baseline is None:
            return
        expected = state.expected(baseline, at)
        volume = expected.volume[1] if baseline.volume is not None else None
        self.told.expected.setdefault(brand, []).append(Expected(at, *expected.shares, volume))
        self._hours[brand] = at // HOUR_S

    def _keep(self, changes: Changes) -> None:
        publish(self._state, changes, self._rules)
        apply(self._state, changes)
        told = self.told
        told.counted += changes.counted
        told.duplicates += changes.duplicates
        told.spikes |= {spike.id: spike for spike in changes.spikes}
        for brand, pane in changes.closings:
            told.panes.setdefault(brand, []).append(pane)
        self._windows |= changes.windows
        for key in sorted(changes.evicted):
            if (window := self._windows.pop(key, None)) is not None:
                self._on_window(window)
