"""Larger windows: the same sums however they are put together, at the borders that people's clocks show."""

from __future__ import annotations

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import LABELS
from stream.aggregate.labelled import LabelledTweet
from stream.aggregate.pane import Pane, PaneKey, id_hash
from stream.records import LabeledTweet, ModelIdentity, Origin, Probabilities, Tweet, Window
from stream.windows import SIZES_S, bounds, compose, merge

ZERO = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)


def pane(brand: str, minute: int, tweets: list[tuple[int, int]], *, closed: bool = True) -> Window:
    """One minute with tweets of (label, author)."""
    key = PaneKey(int(ZERO.timestamp()) + 60 * minute, brand)
    made = Pane(key)
    for number, (label, author) in enumerate(tweets):
        probabilities = [0.15, 0.15, 0.15]
        probabilities[label] = 0.7
        tweet = LabeledTweet(
            tweet=Tweet(id=f"{minute}-{number}", text="x", author=f"a{author}", created_at=ZERO),
            brand=brand,
            label=LABELS[label],
            confidence=0.7,
            probabilities=Probabilities(**dict(zip(LABELS, probabilities, strict=True))),
            model=ModelIdentity(name="m", version="1"),
            origin=Origin(partition=0, offset=number),
            labeled_at=ZERO,
        )
        made.add([(LabelledTweet.of(tweet), id_hash(tweet.tweet.id))])
    made.closed = closed
    return made.window()


panes = st.dictionaries(
    st.integers(0, 3_000),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 50)), min_size=1, max_size=4),
    min_size=1,
    max_size=30,
).map(lambda by_minute: [pane("Acme", minute, tweets) for minute, tweets in by_minute.items()])
zones = st.sampled_from(
    [dt.UTC, ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")]
)


@settings(max_examples=200)
@given(panes, st.sampled_from(list(SIZES_S.values())), zones, st.randoms(use_true_random=False))
def test_nothing_is_lost_or_added_and_order_does_not_matter(
    minutes: list[Window], size_s: int, zone: dt.tzinfo, rng: random.Random
) -> None:
    composed = compose(minutes, size_s, zone)

    assert sum(window.revision for window in composed) == sum(window.revision for window in minutes)
    assert sum(window.counts.negative for window in composed) == sum(window.counts.negative for window in minutes)
    assert compose(rng.sample(minutes, len(minutes)), size_s, zone) == composed


@settings(max_examples=100)
@given(panes, zones)
def test_a_day_of_hours_is_the_day_of_minutes(minutes: list[Window], zone: dt.tzinfo) -> None:
    days = compose(minutes, SIZES_S["1d"], zone)
    of_hours = compose(compose(minutes, SIZES_S["1h"], zone), SIZES_S["1d"], zone)

    assert [day.model_copy(update={"mean_confidence": 0}) for day in of_hours] == [
        day.model_copy(update={"mean_confidence": 0}) for day in days
    ]
    for one, other in zip(of_hours, days, strict=True):
        assert one.mean_confidence == pytest.approx(other.mean_confidence, abs=2e-6)


def test_an_author_who_wrote_in_every_minute_is_one() -> None:
    (hour,) = compose([pane("Acme", minute, [(0, 7), (1, minute)]) for minute in range(60)], SIZES_S["1h"])

    assert hour.authors == 60  # 0 to 59, and 7 is one of them
    assert hour.revision == 120
    assert hour.negative_share == 0.5
    assert hour.negative_share_low == pytest.approx(0.411939, abs=1e-6)


def test_brands_stay_apart() -> None:
    composed = compose([pane("Acme", 0, [(0, 1)]), pane("Brandt", 1, [(2, 1)])], SIZES_S["5m"])

    assert [(window.brand, window.net_sentiment) for window in composed] == [("Acme", -1.0), ("Brandt", 1.0)]


def test_an_hour_is_closed_when_all_of_it_is() -> None:
    minutes = [pane("Acme", 0, [(0, 1)]), pane("Acme", 59, [(0, 1)])]
    hour_end = ZERO + dt.timedelta(hours=1)

    assert compose(minutes, 3_600)[0].status == "closed"
    assert compose(minutes, 3_600, closed_to=hour_end)[0].status == "closed"
    assert compose(minutes, 3_600, closed_to=hour_end - dt.timedelta(minutes=1))[0].status == "open"
    assert compose([*minutes, pane("Acme", 30, [(0, 1)], closed=False)], 3_600)[0].status == "open"


@pytest.mark.parametrize(
    ("at", "zone", "size", "start", "hours"),
    [
        ("2024-03-31T12:00:00+00:00", "Europe/Berlin", "1d", "2024-03-30T23:00:00+00:00", 23),
        ("2024-10-27T12:00:00+00:00", "Europe/Berlin", "1d", "2024-10-26T22:00:00+00:00", 25),
        ("2024-05-01T12:10:00+00:00", "Asia/Kolkata", "1h", "2024-05-01T11:30:00+00:00", 1),
        ("2024-10-27T00:30:00+00:00", "Europe/Berlin", "1h", "2024-10-27T00:00:00+00:00", 1),
        ("2024-10-27T01:30:00+00:00", "Europe/Berlin", "1h", "2024-10-27T01:00:00+00:00", 1),
    ],
)
def test_borders_are_those_of_the_local_clock(at: str, zone: str, size: str, start: str, hours: int) -> None:
    found = bounds(dt.datetime.fromisoformat(at), SIZES_S[size], ZoneInfo(zone))

    assert found[0] == dt.datetime.fromisoformat(start)
    assert found[1] - found[0] == dt.timedelta(hours=hours)


def test_what_cannot_be_summed_is_refused() -> None:
    minute = pane("Acme", 0, [(0, 1)])
    end = ZERO + dt.timedelta(hours=1)

    with pytest.raises(ValueError, match="count twice"):
        merge([minute, minute], ZERO, end)
    with pytest.raises(ValueError, match="exactly one brand"):
        merge([minute, pane("Brandt", 1, [(0, 1)])], ZERO, end)
    with pytest.raises(ValueError, match="must lie between"):
        merge([minute], ZERO + dt.timedelta(minutes=1), end)
    with pytest.raises(ValueError, match="do not fill a day"):
        bounds(ZERO, 7)
