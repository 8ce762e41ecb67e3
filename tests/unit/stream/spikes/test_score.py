"""The statistics, against what they should be."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from stream.spikes.score import bar, mean_variance, share_z, volume_z


def test_z_is_that_of_the_binomial_where_both_hold() -> None:
    usual = 20 / sqrt(1000 * 0.3 * 0.7)
    assert share_z(1000, 320, 0.3, 0, 1) == pytest.approx(usual, rel=0.02)
    assert share_z(1000, 280, 0.3, 0, 1) == pytest.approx(-usual, rel=0.02)
    assert share_z(1000, 300, 0.3, 0, 1) == 0


def test_z_is_not_taken_in_by_small_samples_of_rare_things() -> None:
    # 4 of 10 where 5% are expected: (p - p0) / sd says 5; it happens once in a thousand times, which is z 3.1.
    assert share_z(10, 4, 0.05, 0, 1) == pytest.approx(3.3, abs=0.1)


def test_z_is_as_extreme_as_it_says() -> None:
    rng = random.Random(5)
    draws = [share_z(200, sum(rng.random() < 0.2 for _ in range(200)), 0.2, 0, 1) for _ in range(4_000)]
    assert sum(z > 1.645 for z in draws) / len(draws) == pytest.approx(0.05, abs=0.012)
    assert sum(z > 2.576 for z in draws) / len(draws) < 0.01


def test_what_no_number_of_tweets_averages_out_bounds_z() -> None:
    assert share_z(10**6, 400_000, 0.3, 0.02**2, 1) < 0.1 / 0.02 * 1.1
    assert share_z(100, 50, 0.3, 0, 2) == pytest.approx(share_z(100, 50, 0.3, 0, 1) / sqrt(2))


def test_only_hours_average_out_what_tweets_do_not_and_slowly() -> None:
    assert mean_variance(0.02, 0.1) == mean_variance(0.02, 1) == 0.02
    falling = [mean_variance(0.02, hours) for hours in range(1, 13)]
    assert falling == sorted(falling, reverse=True)
    assert all(variance > 0.02 / hours for hours, variance in enumerate(falling[1:], 2))
    # Hours that are correlated by 0.78 with their neighbours, added up one by one.
    twelve = sum(0.78 ** abs(one - other) for one in range(12) for other in range(12)) / 12**2
    assert mean_variance(0.02, 12) == pytest.approx(0.02 * twelve, rel=0.15)


@pytest.mark.parametrize("expected", [0.0, 1.0])
def test_a_share_that_was_never_seen_is_not_infinitely_surprising(expected: float) -> None:
    assert abs(share_z(50, 25, expected, 0, 1)) < 20


def test_volume_is_judged_on_a_log_scale() -> None:
    assert volume_z(500, 100, 0.4) == pytest.approx(1.609 / sqrt(0.01 + 0.16), rel=0.01)
    assert volume_z(0, 5, 0.3) < 0


def test_more_chances_for_chance_raise_the_bar() -> None:
    assert bar(0.5, 40_000, 1) > bar(0.5, 10_000, 1)
    assert bar(0.5, 40_000, 100) < bar(0.5, 40_000, 10)
    assert bar(5.0, 40_000, 10) < bar(0.5, 40_000, 10)
    assert bar(0.5, 1, 500) == 0
