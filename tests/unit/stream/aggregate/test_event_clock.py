"""Watermarks: what moves them, what holds them, and that they never go back."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.aggregate.event_clock import IDLE_WORD_MS, EventClock
from stream.records import SourceProgress, Watermark

ZERO = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
ZERO_MS = int(ZERO.timestamp() * 1000)
LATENESS_MS = 60_000


def word(progress: dict[int, tuple[int, float | None, bool]], *, partitions: int = 2, topic: str = "A") -> Watermark:
    """By partition: next offset, latest event time in seconds after ZERO, idle."""
    return Watermark(
        source_topic_id=topic,
        source_partitions=partitions,
        progress={
            p: SourceProgress(
                next_offset=offset, latest=None if at is None else ZERO + dt.timedelta(seconds=at), idle=idle
            )
            for p, (offset, at, idle) in progress.items()
        },
        sent_at=ZERO,
    )


def watermark(clock: EventClock) -> float | None:
    """In seconds after ZERO."""
    return None if clock.watermark_ms is None else (clock.watermark_ms - ZERO_MS) / 1000


@pytest.fixture
def clock() -> EventClock:
    return EventClock()


def test_there_is_no_watermark_before_every_source_was_heard_of(clock: EventClock) -> None:
    clock.hear(word({0: (5, 600, False)}), 0, LATENESS_MS)
    assert watermark(clock) is None


def test_the_slowest_source_holds_it_and_lateness_is_allowed_for(clock: EventClock) -> None:
    clock.hear(word({0: (5, 600, False), 1: (5, 300, False)}), 0, LATENESS_MS)
    assert watermark(clock) == 240


def test_an_idle_source_does_not_hold_it(clock: EventClock) -> None:
    clock.hear(word({0: (5, 600, False), 1: (5, 300, True)}), 0, LATENESS_MS)
    assert watermark(clock) == 540


def test_a_source_that_was_never_written_holds_it_until_it_is_idle(clock: EventClock) -> None:
    clock.hear(word({0: (5, 600, False), 1: (0, None, False)}), 0, LATENESS_MS)
    assert watermark(clock) is None
    clock.hear(word({0: (5, 600, False), 1: (0, None, True)}), 0, LATENESS_MS)
    assert watermark(clock) == 540


def test_when_all_are_idle_everything_closes_through_the_last_event(clock: EventClock) -> None:
    clock.hear(word({0: (5, 601, True), 1: (5, 300, True)}), 0, LATENESS_MS)
    assert watermark(clock) == 660


def test_when_all_are_idle_it_passes_what_was_counted_and_never_told_of(clock: EventClock) -> None:
    """The worker that labelled it was gone before it could say so; who came after knows no event time."""
    clock.hear(word({0: (5, 300, False), 1: (5, None, True)}), 0, LATENESS_MS, counted_ms=ZERO_MS + 601_000)
    assert watermark(clock) == 240, "a source that goes on holds it all the same"
    clock.hear(word({0: (9, None, True), 1: (5, None, True)}), 0, LATENESS_MS, counted_ms=ZERO_MS + 601_000)
    assert watermark(clock) == 660


def test_a_word_of_idleness_holds_only_for_a_few_seconds(clock: EventClock) -> None:
    """Its worker may be frozen, with tweets waiting that nobody has read."""
    clock.hear(word({1: (5, 300, True)}), 0, LATENESS_MS)
    clock.hear(word({0: (5, 600, False)}), IDLE_WORD_MS + 1, LATENESS_MS)
    assert watermark(clock) == 240


def test_a_worker_that_is_behind_cannot_call_a_source_idle(clock: EventClock) -> None:
    clock.hear(word({1: (50, 300, False)}), 0, LATENESS_MS)
    clock.hear(word({0: (5, 600, False), 1: (40, None, True)}), 0, LATENESS_MS)
    assert watermark(clock) == 240


def test_a_source_topic_made_anew_starts_from_nothing(clock: EventClock) -> None:
    clock.hear(word({0: (5, 600, False), 1: (5, 600, False)}), 0, LATENESS_MS)
    clock.hear(word({0: (1, 9000, False)}, topic="B"), 0, LATENESS_MS)
    assert clock.sources.keys() == {0}
    assert watermark(clock) == 540, "but time does not go back"


@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.integers(0, 1),
                st.tuples(st.integers(0, 50), st.none() | st.integers(0, 10_000), st.booleans()),
                min_size=1,
            ),
            st.integers(0, 10_000),
        )
    )
)
def test_it_never_goes_back(words: list[tuple[dict[int, tuple[int, float | None, bool]], int]]) -> None:
    clock, before = EventClock(), float("-inf")
    for progress, at in words:
        clock.hear(word(progress), at, LATENESS_MS)
        now = watermark(clock)
        assert now is None or now >= before
        before = now if now is not None else before
