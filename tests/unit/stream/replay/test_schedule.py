"""Order on disk, and which tweet is published when with which time and id."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.records import Tweet
from stream.replay.meter import Meter
from stream.replay.options import Order, ReplayOptions
from stream.replay.order import Spool, as_microseconds, as_time
from stream.replay.pace import AsFastAsPossible, Rate, Speedup
from stream.replay.rows import Decoded, pass_id
from stream.replay.schedule import Turn, make_schedule, turns

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
NOW_US = as_microseconds(dt.datetime(2026, 11, 1, tzinfo=dt.UTC))


def tweet_at(second: float, number: int = 0) -> Decoded:
    tweet = Tweet(id=f"{number}@{second}", text="late", created_at=NOON + dt.timedelta(seconds=second))
    return Decoded(1, tweet, tweet.encode(), repaired=False)


def spool_of(seconds: Iterable[float], order: Order = "time", limit: int | None = None) -> Spool:
    spool = Spool(order)
    spool.fill((tweet_at(second, number) for number, second in enumerate(seconds)), limit)
    return spool


def replayed(seconds: Iterable[float], timed: bool = True, **options: Any) -> list[Turn]:
    """At most 25 turns of a replay that starts at NOW."""
    asked = ReplayOptions(Path("file"), **options)
    with spool_of(seconds, asked.order) as spool:
        schedule = make_schedule(spool, asked, timed=timed, clock_us=lambda: NOW_US)
        return list(islice(turns(spool, schedule, asked, clock_us=lambda: NOW_US), 25))


def after_noon(made: Iterable[Turn]) -> list[float]:
    return [(as_time(turn.time_us) - NOON).total_seconds() for turn in made]


def after_now(made: Iterable[Turn]) -> list[float]:
    return [(turn.time_us - NOW_US) / 1e6 for turn in made]


@given(st.lists(st.integers(0, 20), max_size=40), st.one_of(st.none(), st.integers(1, 50)))
def test_tweets_come_oldest_first_and_equal_times_as_in_the_file(seconds: list[int], limit: int | None) -> None:
    expected = [f"{number}@{second}" for number, second in sorted(enumerate(seconds), key=lambda item: item[1])]
    with spool_of(seconds, limit=limit) as spool:
        assert [tweet.id for tweet in spool] == expected[:limit]
        assert len(spool) == len(expected[:limit])


@given(st.lists(st.integers(0, 20), max_size=40), st.one_of(st.none(), st.integers(1, 50)))
def test_in_file_order_tweets_come_as_they_are(seconds: list[int], limit: int | None) -> None:
    with spool_of(seconds, "file", limit) as spool:
        assert [tweet.id for tweet in spool] == [f"{n}@{second}" for n, second in enumerate(seconds)][:limit]


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001
def test_times_survive_the_disk_to_the_microsecond(time: dt.datetime) -> None:
    assert as_time(as_microseconds(time)) == time


def test_a_spool_knows_its_times_and_which_tweets_it_holds() -> None:
    with spool_of([5, 1, 9], "file") as spool:
        assert spool.times_us() == tuple(as_microseconds(NOON) + second * 1_000_000 for second in (5, 1, 9))
        five, nine = (as_microseconds(NOON) + second * 1_000_000 for second in (5, 9))
        assert spool.holds([("0@5", five), ("0@5", five), ("2@9", nine), ("2@9", five), ("nobody", five)]) == 2
        assert spool.holds([]) == 0
    with Spool("time") as empty, pytest.raises(ValueError, match="no tweets"):
        empty.times_us()


def test_without_a_pace_every_tweet_is_due_at_once_and_keeps_its_time() -> None:
    made = replayed([7, 0, 3])
    assert [turn.due_s for turn in made] == [0, 0, 0]
    assert after_noon(made) == [0, 3, 7]
    assert [turn.value for turn in made] == [tweet_at(s, n).value for s, n in ((0, 1), (3, 2), (7, 0))]


def test_a_rate_is_kept_whatever_the_times() -> None:
    assert [turn.due_s for turn in replayed([7, 0, 3], pace=Rate(4))] == [0, 0.25, 0.5]


def test_a_speedup_keeps_the_distances() -> None:
    assert [turn.due_s for turn in replayed([60, 0, 30], pace=Speedup(60))] == [0, 0.5, 1]


def test_in_file_order_a_late_tweet_is_due_with_the_one_before_it() -> None:
    made = replayed([10, 0, 30, 20, 40], pace=Speedup(10), order="file")
    assert [turn.due_s for turn in made] == [0, 0, 2, 2, 3]
    assert after_noon(made) == [10, 0, 30, 20, 40]


def test_shifted_with_a_speedup_each_tweet_is_written_when_it_is_due() -> None:
    made = replayed([60, 0, 30], pace=Speedup(60), shift_to_now=True)
    assert after_now(made) == [turn.due_s for turn in made] == [0, 0.5, 1]
    assert [Tweet.model_validate_json(turn.value).created_at for turn in made] == [as_time(t.time_us) for t in made]


def test_shifted_with_a_speedup_a_late_tweet_stays_late() -> None:
    made = replayed([10, 0, 30], pace=Speedup(10), order="file", shift_to_now=True)
    assert after_now(made) == [0, -1, 2]


def test_shifted_with_a_rate_each_tweet_is_written_when_it_is_due() -> None:
    assert after_now(replayed([60, 0, 30], pace=Rate(2), shift_to_now=True)) == [0, 0.5, 1]


def test_shifted_at_full_speed_the_distances_stay_and_the_last_tweet_is_written_now() -> None:
    made = replayed([60, 0, 30], shift_to_now=True)
    assert after_now(made) == [-60, -30, 0]
    assert [turn.id for turn in made] == ["1@0", "2@30", "0@60"]


@pytest.mark.parametrize(("pace", "expected"), [(AsFastAsPossible(), [0, 0, 0]), (Rate(2), [0, 0.5, 1])])
def test_tweets_without_times_are_dated_when_they_are_published(pace: Any, expected: list[float]) -> None:
    assert after_now(replayed([0, 0, 0], timed=False, pace=pace)) == expected


def test_each_pass_of_a_loop_has_new_ids_and_goes_on_in_time() -> None:
    made = replayed([0, 30, 60], pace=Speedup(30), loop=True)[:9]
    assert after_noon(made) == [0, 30, 60, 90, 120, 150, 180, 210, 240]
    assert [turn.due_s for turn in made] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert [turn.id for turn in made[:3]] == ["0@0", "1@30", "2@60"]
    assert [turn.id for turn in made[3:6]] == [pass_id(turn.id, 2) for turn in made[:3]]
    assert len({turn.id for turn in made}) == 9
    assert [Tweet.model_validate_json(turn.value).id for turn in made] == [turn.id for turn in made]


def test_a_loop_that_follows_the_clock_never_ends() -> None:
    made = replayed([0, 30], pace=Rate(1), loop=True, shift_to_now=True)
    assert after_now(made) == list(range(25))


def test_a_loop_ends_before_its_times_would_pass_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    days = [day * 86_400 for day in range(91)]
    assert as_time(NOW_US) - NOON == dt.timedelta(days=243.5)
    with caplog.at_level(logging.WARNING, logger="stream.replay"):
        made = replayed(days[::10], loop=True)
    assert len(made) == 20, "100 days a pass: two fit into 243 days"
    assert after_noon(made)[-1] == 190 * 86_400
    assert "the loop ends after 2 passes" in caplog.text


def test_the_rate_is_that_of_the_last_seconds() -> None:
    clock = [0.0]
    meter = Meter(lambda: clock[0])
    rates = []
    for second in range(1, 21):
        clock[0] = float(second)
        assert meter.due()
        rates.append(meter.rate(100 * second if second <= 10 else 1_000 + 10 * (second - 10)))
        assert not meter.due()
    assert rates[9] == 100
    assert rates[-1] == 10
