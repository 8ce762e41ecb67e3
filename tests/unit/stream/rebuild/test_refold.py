"""Refolding what is left gives the state that was lost, wherever retention has cut the input off."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import PartitionState, apply, fold
from stream.aggregate.store import rules_of
from stream.aggregate.totals import Totals
from stream.rebuild import refold as refold_module
from stream.rebuild.compare import Before, Windows, differences, same
from stream.rebuild.refold import Refolded, keep, refold
from stream.records import TYPE_HEADER, WATERMARK, Spike, Watermark, Window
from stream.spikes.watch import Address
from tests.labelled import history

RULES = replace(
    rules_of(Settings()),
    late_retention_s=1_800,
    duplicate_horizon_s=600,
    update_interval_s=0,
    names=lambda brand: [brand],
)
TWEETS = 600
"""10 minutes, some late by up to 2 hours: some die late, some panes are evicted, some ids forgotten."""


@dataclass(repr=False)
class Truth:
    """A partition folded as a worker folds it, with all that it wrote."""

    records: list[Incoming] = field(default_factory=list)
    state: PartitionState = field(default_factory=PartitionState)
    totals: Totals = field(default_factory=Totals)
    panes: dict[bytes, bytes] = field(default_factory=dict)
    windows: dict[bytes, Window] = field(default_factory=dict)
    spikes: dict[str, Spike] = field(default_factory=dict)
    dead: set[int] = field(default_factory=set)

    def __repr__(self) -> str:  # hypothesis prints it
        return f"Truth of {len(self.records)} records"


@pytest.fixture(scope="module")
def truth() -> Truth:
    found = Truth()
    tp = TopicPartition("l", 0)
    for offset, record in enumerate(history(TWEETS, seed=4)):
        headers = ((TYPE_HEADER, WATERMARK.encode()),) if isinstance(record, Watermark) else ()
        found.records.append(Incoming(tp, offset, None, record.encode(), headers, offset))
    for begin in range(0, len(found.records), 100):
        changes = fold(found.state, found.records[begin : begin + 100], RULES)
        change = found.totals.after(found.state, changes)
        for saved in codec.encode(changes, change, "panes", 0):
            if saved.value is None:
                found.panes.pop(saved.key or b"", None)
            else:
                found.panes[saved.key or b""] = saved.value
        apply(found.state, changes)
        found.totals.apply(change)
        found.windows |= {window.key(): window for window in changes.windows.values()}
        found.spikes |= {spike.id: spike for spike in changes.spikes}
        found.dead |= {record.offset for record, _reason, _message in changes.dead}
    assert found.dead
    return found


def run(truth: Truth, begin: int = 0, before: Before | None = None) -> tuple[Refolded, Windows]:
    """Refold from offset ``begin``, and go on from the windows that know more."""
    windows = Windows(shortened=begin > 0)
    for key, window in truth.windows.items():
        windows.add(key, window.encode())
    records = iter(truth.records[begin:])
    done = refold(records, begin, RULES, windows, before or Before.read(truth.panes), truth.dead)
    if begin:
        windows.keep_the_rest()
        keep(done.state, [truth.windows[key] for key in windows.kept], RULES)
    return done, windows


def counts(state: PartitionState) -> dict[tuple[int, str], tuple[list[int], list[int], int, bool]]:
    return {(pane.key.start, pane.key.brand): (pane.counts, pane.sums, pane.late, pane.closed) for pane in state.panes}


def remembered(state: PartitionState) -> dict[str, dict[Address, bytes | None]]:
    return {brand: dict(watch.whole().changed_records()) for brand, watch in state.watches.items()}


@settings(max_examples=4)
@given(st.integers(1, 400))
def test_a_whole_input_gives_the_same_state_windows_and_spikes(truth: Truth, together: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refold_module, "FOLD_TOGETHER", together)
        done, windows = run(truth)
    assert differences(truth.state, done.state) == ""
    assert same(codec.Saved(truth.state, truth.totals), done.saved())
    assert (windows.wrong, windows.kept, windows.left) == ({}, set(), {})
    assert windows.same == len(truth.windows)
    assert done.spikes == truth.spikes
    assert {record.offset for record, _reason, _message in done.dead} == truth.dead


@settings(max_examples=15)
@given(st.integers(1, TWEETS))
def test_wherever_the_input_begins_no_window_is_spoilt_and_every_pane_counts_what_it_did(
    truth: Truth, begin: int
) -> None:
    done, windows = run(truth, begin)
    assert windows.wrong == {}
    assert windows.same + len(windows.kept) == len(truth.windows)
    assert counts(done.state) == counts(truth.state)
    assert done.state.clock.watermark_ms == truth.state.clock.watermark_ms
    assert {record.offset for record, _reason, _message in done.dead} == {at for at in truth.dead if at >= begin}


@pytest.mark.parametrize("begin", [1, 300, 550])
def test_what_spikes_are_told_from_survives_where_history_is_gone(truth: Truth, begin: int) -> None:
    done, _windows = run(truth, begin)
    assert remembered(done.state) == remembered(truth.state)
    assert done.spikes == {}, "they were decided before"
    lost = {key: value for key, value in truth.panes.items() if not key.startswith(b'["pane"')}
    done, _windows = run(truth, begin, Before.read(lost))
    assert remembered(done.state) == remembered(truth.state), "also where panes were lost"


def test_without_a_word_of_event_time_what_is_closed_tells_how_far_it_had_come(truth: Truth) -> None:
    done, windows = run(truth, len(truth.records))
    assert windows.closed_to is not None
    assert done.state.clock.passed(windows.closed_to)
    assert done.state.next_offset == len(truth.records)
    kept = counts(done.state)
    assert kept == {key: told for key, told in counts(truth.state).items() if key in kept}
