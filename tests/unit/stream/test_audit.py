"""What ``barometer audit`` calls wrong, late by design, or out of reach."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Literal

from stream.audit import Difference, compare
from stream.records import Counts, Window


def window(negative: int, status: Literal["open", "closed"] = "closed") -> dict[tuple[str, int], Window]:
    start = dt.datetime.fromtimestamp(0, dt.UTC)
    counts = Counts(negative=negative)
    made = Window(
        brand="Acme",
        start=start,
        end=start + dt.timedelta(minutes=1),
        size_s=60,
        counts=counts,
        probability_sums=counts,
        net_sentiment=-1,
        negative_share=1,
        revision=negative,
        status=status,
        models=["1"],
    )
    return {("Acme", 0): made}


def labelled(negative: int) -> Counter[tuple[str, int, str]]:
    return Counter({("Acme", 0, "negative"): negative})


def test_equal_counts_are_no_difference() -> None:
    found = compare(labelled(3), window(3), complete=True)
    assert (found.differences, found.behind, found.unknown, found.tweets, found.windows) == ([], 0, 0, 3, 1)


def test_a_closed_window_that_is_short_is_wrong() -> None:
    found = compare(labelled(4), window(3), complete=True)
    assert found.differences == [Difference("Acme", 0, "negative", 3, 4)]


def test_a_window_that_counts_twice_is_wrong_even_while_open() -> None:
    assert compare(labelled(2), window(3, "open"), complete=True).differences


def test_an_open_or_missing_window_may_be_behind() -> None:
    assert compare(labelled(4), window(3, "open"), complete=True).behind == 1
    assert compare(labelled(4), {}, complete=True).behind == 1


def test_windows_of_tweets_that_retention_removed_cannot_be_checked() -> None:
    found = compare(labelled(2), window(3), complete=False)
    assert (found.differences, found.unknown) == ([], 1)
