"""Wilson's interval, as published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.quantification import wilson


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_newcombes_examples(count: int, total: int, low: float, high: float) -> None:
    """Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    assert wilson(count, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 10_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_bounds_hold_the_share_and_mirror_its_complement(draw: tuple[int, int]) -> None:
    count, total = draw
    low, high = wilson(count, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low <= count / total <= high
    mirrored = wilson(total - count, total)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_a_count_beyond_its_total_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)
