"""A batch takes about a second, whatever the model's speed; at first, little is asked of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.classify.batch_size import ABOUT_S, FIRST, LEAST, BatchSize


@pytest.mark.parametrize("per_s", [20.0, 300.0, 900.0, 1e6])
def test_batches_of_a_backlog_come_to_take_about_a_second_or_are_the_largest_allowed(per_s: float) -> None:
    at_once = BatchSize(1_024)
    now = 0.0
    for _ in range(12):
        took_s = at_once() / per_s
        at_once.took(at_once(), now, now + took_s)
        now += took_s
    assert at_once() == pytest.approx(min(1_024, per_s * ABOUT_S), rel=0.02)


def test_a_model_that_becomes_slow_gets_fewer_at_the_next_batch_already() -> None:
    at_once = BatchSize(1_024)
    for number in range(12):
        at_once.took(at_once(), number, number + 0.1)
    at_once.took(1_024, 20, 40)
    assert at_once() == 51
    at_once.took(51, 40, 1_040)
    assert at_once() == LEAST


def test_what_a_batch_waited_for_the_one_before_does_not_count() -> None:
    at_once = BatchSize(512)
    for number in range(1, 12):
        at_once.took(512, number - 1, number + 1)  # two at work at any time, one done each second
    assert at_once() == 512


@given(most=st.integers(1, 5_000), batches=st.lists(st.tuples(st.integers(0, 5_000), st.floats(0, 1e4)), max_size=20))
def test_it_stays_within_its_bounds_and_never_more_than_doubles(most: int, batches: list[tuple[int, float]]) -> None:
    at_once = BatchSize(most)
    assert at_once() == min(FIRST, most)
    now = 0.0
    for tweets, seconds in batches:
        before = at_once()
        at_once.took(tweets, now, now + seconds)
        now += seconds / 2
        assert 1 <= at_once() <= min(most, 2 * before)
