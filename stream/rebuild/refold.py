"""Folding what is left of a labelled partition, and what comes of it. Pure: records in, state out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypeVar

from infra.kafka.incoming import Incoming
from model.labels import LABELS
from stream.aggregate import codec
from stream.aggregate.fold import LATE, Changes, PartitionState, Rules, apply, fold
from stream.aggregate.pane import Pane, PaneKey
from stream.aggregate.totals import Totals
from stream.authors import Authors
from stream.rebuild.compare import Before, Windows
from stream.records import MILLION, Spike, Window

FOLD_TOGETHER = 2_000
_NEVER = 2**63
T = TypeVar("T")


@dataclass
class Refolded:
    """What the labelled tweets say. ``spikes``: the newest of each that they decide, by id."""

    state: PartitionState
    totals: Totals = field(default_factory=Totals)
    dead: list[tuple[Incoming, str, str]] = field(default_factory=list)
    spikes: dict[str, Spike] = field(default_factory=dict)
    tweets: int = 0

    def saved(self) -> codec.Saved:
        panes = ((pane.key.brand, pane.counts) for pane in self.state.panes)
        retired = {brand: total.retired for brand, total in self.totals.brands.items()}
        return codec.Saved(self.state, Totals.of(panes, retired, self.totals.counted))


def refold(
    records: Iterator[Incoming], begin: int, rules: Rules, windows: Windows, before: Before, dead: Collection[int]
) -> Refolded:
    """Fold ``records``, which begin at offset ``begin``, and compare every window that follows.

    ``dead``: offsets of those that are dead letters of aggregate. Where the
    input is shortened, spikes were decided up to where the saved state counted,
    and are decided from there on, from what is remembered for them.
    """
    done = Refolded(PartitionState(next_offset=begin))
    decide_from = begin
    if windows.shortened:
        decide_from = _NEVER if before.counts_to is None else before.counts_to
    to_remember = windows.shortened
    for batch in _split(records, decide_from):
        if to_remember and batch[0].offset >= decide_from:
            _remember(done.state, before)
            to_remember = False
        _take(done, batch, rules, windows, dead)
        if batch[0].offset < decide_from:
            done.spikes.clear()
    if to_remember:
        _remember(done.state, before)
    _catch_up(done.state, rules, windows)
    for pane in done.state.panes:
        windows.compare(pane.window())
    return done


def keep(state: PartitionState, windows: Iterable[Window], rules: Rules) -> None:
    """Go on from windows that know as much as what is left, or more: make their panes from them."""
    for window in windows:
        pane = _pane_of(window)
        if state.clock.passed(pane.key.end + rules.late_retention_s):
            continue
        left = state.pane(pane.key)
        if left is not None and left.revision == window.revision:  # all its tweets are left, with their ids
            pane = replace(left, late=window.late)
        state.panes.put(pane)


def together(items: Iterator[T], most: int) -> Iterator[list[T]]:
    """Lists of at most ``most``."""
    while batch := list(islice(items, most)):
        yield batch


def _take(done: Refolded, batch: list[Incoming], rules: Rules, windows: Windows, dead: Collection[int]) -> None:
    state = done.state
    not_yet = _dead_till_event_time_is_known(state, batch, windows, dead)
    changes = fold(state, [record for record in batch if record.offset not in not_yet], rules)
    for key in changes.evicted:  # their windows are final
        if window := _last_window(state, changes, key):
            windows.compare(window)
    change = done.totals.after(state, changes)
    apply(state, changes)
    done.totals.apply(change)
    state.next_offset = batch[-1].offset + 1
    done.dead += changes.dead
    done.dead += [(record, LATE, "dead before") for record in batch if record.offset in not_yet]
    done.spikes |= {spike.id: spike for spike in changes.spikes}
    done.tweets += changes.counted


def _dead_till_event_time_is_known(
    state: PartitionState, batch: list[Incoming], windows: Windows, dead: Collection[int]
) -> set[int]:
    """In the middle of a stream nothing is late until the first word of event time: till then the dead stay dead."""
    if not windows.shortened or state.clock.watermark_ms is not None:
        return set()
    return {record.offset for record in batch if record.offset in dead}


def _remember(state: PartitionState, before: Before) -> None:
    state.watches |= before.watches
    state.alarmed = {brand for brand, watch in state.watches.items() if watch.state.open}


def _catch_up(state: PartitionState, rules: Rules, windows: Windows) -> None:
    """Where the words of event time are gone too: what is closed tells how far it had come."""
    if not windows.shortened or windows.closed_to is None:
        return
    passed = windows.closed_to + rules.grace_s
    if not state.clock.passed(passed):
        state.clock.watermark_ms = int(passed * 1000)
        for pane in state.panes:
            if state.clock.passed(pane.key.end + rules.grace_s) and not pane.closed:
                pane.close()


def _last_window(state: PartitionState, changes: Changes, key: PaneKey) -> Window | None:
    """The final window of a pane that ``changes`` evicts."""
    pane = state.pane(key)
    return changes.windows.get(key) or (pane.window() if pane else None)


def _pane_of(window: Window) -> Pane:
    """The pane of a window whose tweets are gone: their ids are not known any more, nor who named no author."""
    return Pane(
        PaneKey(int(window.start.timestamp()), window.brand),
        counts=[getattr(window.counts, label) for label in LABELS],
        sums=[getattr(window.probability_sums, label) for label in LABELS],
        confidence=round(window.mean_confidence * window.revision * MILLION),
        uncertain=window.uncertain,
        cells=dict(window.cells),
        authors=Authors.decode(window.author_sketch),
        late=window.late,
        closed=window.status == "closed",
        models=list(window.models),
        sample=None,
        ids=None,
    )


def _split(records: Iterator[Incoming], edge: int) -> Iterator[list[Incoming]]:
    """Batches, of which none holds records from both sides of the offset ``edge``."""
    for batch in together(records, FOLD_TOGETHER):
        before = [record for record in batch if record.offset < edge]
        yield from (part for part in (before, batch[len(before) :]) if part)
