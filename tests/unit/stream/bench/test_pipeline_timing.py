"""Figures of the pipeline's benchmark, from append times."""

from __future__ import annotations

import pytest

from stream.bench.pipeline.load import PER_MINUTE, many
from stream.bench.pipeline.site import read_usage
from stream.bench.pipeline.timing import (
    Counted,
    Labelled,
    Usage,
    cpu_between,
    percentiles,
    rate,
    to_label,
    to_window,
)
from stream.bench.pipeline.worker import ConstantClassifier
from stream.records import Tweet

A, B = ("a", "10:00"), ("b", "10:00")
TWEETS = [
    Tweet.model_validate({"id": f"{n}", "text": "x" * n, "created_at": "2024-05-01T00:00:00Z", "brands": ["z"]})
    for n in range(1, 4)
]


def test_a_rate_is_of_the_middle_of_a_backlog() -> None:
    start_up = [0] * 10
    steady = [5_000 + 10 * number for number in range(90)]
    assert rate(start_up + steady) == pytest.approx(100)


def test_too_few_records_have_no_rate() -> None:
    with pytest.raises(ValueError, match="1 records are too few"):
        rate([1])


def test_a_tweet_waits_from_its_own_append_to_that_of_its_label() -> None:
    published = {(0, 0): 1_000, (1, 0): 5_000}
    labels = [Labelled(A, (0, 0), 1_250), Labelled(A, (1, 0), 5_500)]
    assert to_label(published, labels) == [0.25, 0.5]
    assert to_label(published, labels, since_ms=2_000) == [0.5], "those of the warm-up do not count"


def test_a_tweet_is_in_the_first_window_that_counts_as_many_as_were_labelled_up_to_it() -> None:
    published = {(0, number): 1_000 for number in range(4)}
    labels = [Labelled(A, (0, 0), 0), Labelled(B, (0, 1), 0), Labelled(A, (0, 2), 0), Labelled(A, (0, 3), 0)]
    windows = [Counted(A, 1, 2_000), Counted(B, 1, 3_000), Counted(A, 3, 6_000)]
    assert to_window(published, labels, windows) == [1.0, 2.0, 5.0, 5.0]


def test_a_tweet_that_no_window_counts_has_no_time() -> None:
    assert to_window({(0, 0): 0}, [Labelled(A, (0, 0), 0)], [Counted(B, 1, 0)]) == []


def test_cpu_time_between_two_moments_is_interpolated() -> None:
    usage = [Usage(0, 0.0, 10), Usage(1_000, 0.5, 10), Usage(2_000, 2.5, 10)]
    assert cpu_between(usage, 500, 1_500) == pytest.approx(1.25)


def test_a_line_that_is_not_yet_whole_is_no_usage() -> None:
    assert read_usage("100 0.5 70.0\n200 0.6 71.0\n300 0.") == [Usage(100, 0.5, 70.0), Usage(200, 0.6, 71.0)]
    assert read_usage("") == []


def test_percentiles_are_told_to_a_millisecond() -> None:
    assert percentiles([0.1] * 100) == {"p50": 0.1, "p95": 0.1, "p99": 0.1}


def test_tweets_come_again_under_ids_and_times_of_their_own() -> None:
    found = list(many(TWEETS, PER_MINUTE + 1))
    assert len({tweet.id for tweet in found}) == len(found)
    assert (found[-1].created_at - found[0].created_at).total_seconds() == pytest.approx(60)
    assert [tweet.text for tweet in found[:4]] == ["x", "xx", "xxx", "x"]
    assert {tuple(tweet.brands or ()) for tweet in found} == {("z",)}


def test_all_brands_that_are_asked_for_are_spoken_of() -> None:
    assert len({(tweet.brands or [""])[0] for tweet in many(TWEETS, 1_000, brands=100)}) == 100


def test_the_constant_classifier_gives_every_label_and_always_the_same() -> None:
    said = ConstantClassifier().classify(["", "x", "xx", "xxx"])
    assert said.labels.tolist() == [0, 1, 2, 0]
    assert said.probabilities.sum(axis=1).tolist() == pytest.approx([1, 1, 1, 1])
