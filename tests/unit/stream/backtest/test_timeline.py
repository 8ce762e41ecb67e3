"""The timeline of a file is the fold of a labelled partition, whatever watermarks that had."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter

from hypothesis import given, settings
from hypothesis import strategies as st

from model.labels import LABELS
from stream.aggregate.fold import PartitionState, Rules, apply, fold
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.entry import Item, only_time
from stream.backtest.timeline import Timeline, Told
from stream.records import Spike, Window
from tests.backtest_file import END, ZERO, rows
from tests.fixed_worker import label_of
from tests.unit.stream.aggregate.test_fold import ZERO as FOLD_ZERO
from tests.unit.stream.aggregate.test_fold import Partition

RULES = Rules(
    allowed_lateness_s=60, grace_s=0, late_retention_s=3_600, duplicate_horizon_s=600, update_interval_s=float("inf")
)
HOUR = 3_600
Heard = dict[tuple[str, float], Window]


def tweet(number: int | str, at_s: float, brand: str = "Acme", label: int = 0) -> LabelledTweet:
    at_us = round((ZERO.timestamp() + at_s) * 1_000_000)
    return LabelledTweet(at_us, brand, str(number), label, 0.8, 0.1, 0.1, 0.8, "1", None, "text", None, None)


def run(items: Sequence[Item], rules: Rules = RULES, step: int = 10**9) -> tuple[Heard, Told]:
    windows: list[Window] = []
    timeline = Timeline(rules, windows.append)
    for first in range(0, len(items), step):
        timeline.add(items[first : first + step])
    told = timeline.end()
    heard = {(window.brand, window.start.timestamp()): window for window in windows}
    assert len(heard) == len(windows), "each window once"
    return heard, told


def story(seed: int) -> tuple[Partition, list[Item]]:
    """Fourteen hours with a crisis and a long silence, with the watermarks of a worker that comes and goes."""
    assert FOLD_ZERO == ZERO
    rng = random.Random(seed)
    partition, items = Partition.empty(), list[Item]()
    due = 0.0
    for offset, row in enumerate(sorted(rows(seed, per_minute=2), key=itemgetter("created_at"))):
        label, brand = label_of(row["text"]), row["brands"][0]
        second = int((dt.datetime.fromisoformat(row["created_at"]) - ZERO).total_seconds())
        text, author = row["text"], row["author"]
        partition.tweet(row["id"], second, offset=offset, brand=brand, label=label, author=author, text=text)
        same = tweet(row["id"], second, brand, label)
        negative, neutral, positive = (0.8 if number == label else 0.1 for number in range(len(LABELS)))
        shared = same._replace(negative=negative, neutral=neutral, positive=positive)
        items.append(shared._replace(author=author, text=text))
        if second >= due:
            partition.watermark(second)
            due = second + rng.choice((5, 60, 900, 9 * HOUR))
    partition.watermark(END + HOUR)
    return partition, items


def folded(partition: Partition, rules: Rules, cuts: int) -> tuple[Heard, dict[str, Spike]]:
    state, windows, spikes = PartitionState(), Heard(), dict[str, Spike]()
    for first in range(0, len(partition.records), cuts):
        changes = fold(state, partition.records[first : first + cuts], rules)
        apply(state, changes)
        windows |= {(window.brand, window.start.timestamp()): window for window in changes.windows.values()}
        spikes |= {spike.id: spike for spike in changes.spikes}
    return windows, spikes


@settings(max_examples=6)
@given(st.integers(1, 3), st.integers(50, 3_000), st.integers(1, 5_000))
def test_windows_and_spikes_are_those_of_the_fold_whatever_its_watermarks(seed: int, cuts: int, step: int) -> None:
    partition, items = story(seed)
    windows, told = run(items, RULES, step)
    streamed, spikes = folded(partition, replace(RULES, allowed_lateness_s=0), cuts)
    assert windows == streamed
    assert told.spikes == spikes
    assert {spike.status for spike in spikes.values()} == {"closed"}
    assert "silence" in {spike.reason for spike in spikes.values()}


def test_a_tweet_is_late_in_file_order_as_soon_as_it_may_be() -> None:
    items = [tweet(1, 0), tweet(2, 119), tweet(3, 30), tweet(4, 120), tweet(5, 45)]
    windows, told = run(items)
    first = windows["Acme", ZERO.timestamp()]
    assert (first.revision, first.late) == (3, 1), "after 120 s, less 60 s of lateness, the first minute is closed"
    assert told.counted == 5


def test_beyond_retention_late_tweets_are_not_counted() -> None:
    items = [tweet(1, 0), tweet(2, 2 * HOUR), tweet(3, 10)]
    windows, told = run(items)
    assert (told.counted, told.late) == (2, 1)
    assert windows["Acme", ZERO.timestamp()].revision == 1


def test_the_same_id_in_the_same_minute_counts_once_for_each_brand() -> None:
    items = [tweet(1, 0), tweet(1, 5), tweet(1, 5, "Bolt"), tweet(1, 65)]
    windows, told = run(items)
    assert told.duplicates == 1
    assert {key: window.revision for key, window in windows.items()} == {
        ("Acme", ZERO.timestamp()): 1,
        ("Acme", ZERO.timestamp() + 60): 1,
        ("Bolt", ZERO.timestamp()): 1,
    }


def test_tweets_that_are_not_counted_move_event_time_on() -> None:
    _windows, told = run([tweet(1, 0), only_time(round(ZERO.timestamp() + HOUR) * 1_000_000)])
    assert told.end_s == ZERO.timestamp() + HOUR + 60


def test_nothing_gives_nothing() -> None:
    windows, told = run([])
    assert not windows
    assert (told.counted, told.end_s, told.spikes) == (0, 0, {})
