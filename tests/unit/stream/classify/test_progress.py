"""When a source partition may be called idle, and what is reported of it."""

from __future__ import annotations

import datetime as dt

import pytest

from stream.classify.progress import Position, SourceTracker

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(clock: Clock) -> SourceTracker:
    tracker = SourceTracker(30, clock)
    tracker.own({0: 5})
    return tracker


def idle(tracker: SourceTracker, ends: dict[int, int]) -> dict[int, bool]:
    return {p: progress.idle for p, progress in tracker.report(tracker.snapshot(), ends).items()}


def test_a_partition_read_to_its_end_is_idle_only_after_a_while(tracker: SourceTracker, clock: Clock) -> None:
    assert idle(tracker, {0: 5}) == {0: False}
    clock.now += 30
    assert idle(tracker, {0: 5}) == {0: True}


def test_unread_records_make_a_partition_busy_and_start_the_wait_anew(tracker: SourceTracker, clock: Clock) -> None:
    clock.now += 30
    assert idle(tracker, {0: 6}) == {0: False}
    clock.now += 29
    assert idle(tracker, {0: 5}) == {0: False}


def test_a_partition_whose_end_is_unknown_is_not_idle(tracker: SourceTracker, clock: Clock) -> None:
    clock.now += 1000
    assert idle(tracker, {}) == {0: False}


def test_the_end_of_a_replay_makes_a_partition_idle_at_once(tracker: SourceTracker) -> None:
    tracker.advance(0, Position(6, NOON, ended=True))
    assert idle(tracker, {0: 6}) == {0: True}
    tracker.advance(0, Position(7, NOON))
    assert idle(tracker, {0: 7}) == {0: False}


def test_what_arrived_after_the_snapshot_counts_as_unread(tracker: SourceTracker, clock: Clock) -> None:
    """Else a partition could be called idle on the strength of an end asked for before another one moved on."""
    clock.now += 60
    snapshot = tracker.snapshot()
    tracker.advance(0, Position(6, NOON, ended=True))
    assert tracker.report(snapshot, {0: 6})[0].idle is False


def test_the_latest_event_time_never_goes_back(tracker: SourceTracker) -> None:
    tracker.advance(0, Position(6, NOON))
    tracker.advance(0, Position(7, NOON - dt.timedelta(hours=1)))
    tracker.advance(0, Position(8, None))
    assert tracker.report(tracker.snapshot(), {0: 8})[0].latest == NOON


def test_partitions_of_another_worker_are_not_reported(tracker: SourceTracker) -> None:
    snapshot = tracker.snapshot()
    tracker.own({1: 0})
    assert set(tracker.report(snapshot, {})) == set()
    assert set(tracker.report(tracker.snapshot(), {})) == {1}
    tracker.forget()
    assert tracker.report(tracker.snapshot(), {}) == {}


def test_offsets_that_hold_no_record_are_passed_without_keeping_the_partition_busy(
    tracker: SourceTracker, clock: Clock
) -> None:
    tracker.advance(0, Position(6, NOON))
    clock.now += 30
    tracker.own({0: 9})
    assert tracker.report(tracker.snapshot(), {0: 9})[0].idle is True
    assert tracker.report(tracker.snapshot(), {0: 9})[0].latest == NOON
