"""Speed: tweets a second, and how long a tweet takes."""

from __future__ import annotations

import pytest

from stream.demo.pulse import Pulse


def test_a_steady_stream_has_its_rate_from_the_first_second_on() -> None:
    pulse = Pulse()
    for tick in range(100):
        pulse.settled(1_000 + tick / 10)
        if tick >= 10:
            assert pulse.rate(1_000 + tick / 10) == 10


def test_when_nothing_happens_the_rate_falls_to_zero() -> None:
    pulse = Pulse()
    assert pulse.rate(5.0) == 0
    pulse.settled(10.0)
    assert pulse.rate(30.0) == 0


def test_seconds_without_a_tweet_are_on_the_sparkline_and_those_before_the_first_are_not() -> None:
    pulse = Pulse()
    for second in (10, 10, 12):
        pulse.settled(second + 0.5)
    assert pulse.rates(14.0, 60) == (2, 0, 1, 0)
    assert pulse.rates(14.0, 2) == (1, 0)


def test_latency_is_that_of_the_last_seconds_and_of_all_at_the_end() -> None:
    pulse = Pulse()
    for _ in range(99):
        pulse.took(9.0, 0.0)
    for number in range(1, 101):
        pulse.took(number / 100, 50.0)
    lately = pulse.latency(55.0)
    assert lately is not None
    assert (lately.p50, lately.p95) == (0.5, 0.95)
    assert pulse.latency(70.0) is None
    whole = pulse.latency_of_all()
    assert whole is not None
    assert whole.p95 == pytest.approx(9.0)


def test_a_run_of_hours_keeps_only_its_last_minutes() -> None:
    pulse = Pulse()
    for second in range(10_000):
        pulse.settled(float(second))
    assert len(pulse.rates(10_000.0, 100_000)) <= 100_000
    assert sum(pulse.rates(10_000.0, 100)) == 100
    assert len(pulse._per_second) < 300
