"""Tweets come back in order, whatever fits into memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.aggregate.labelled import LabelledTweet
from stream.backtest.entry import Entry, Item
from stream.backtest.order import BUCKET_US, Ordered


def item(place: int, at_us: int) -> Item:
    """Every other one is labelled."""
    if place % 2:
        return Entry(at_us, str(place), "text ✈", None, "web", None, ("Acme", "Bolt"))
    return LabelledTweet(at_us, "Acme", str(place), 0, 0.8, 0.1, 0.1, 0.8, "1", "ann", "text", None, "en")


times = st.lists(st.integers(0, 5 * BUCKET_US), max_size=60)


@given(times, st.integers(1, 20))
def test_event_time_order_keeps_the_order_of_the_file_where_times_are_equal(at: list[int], held: int) -> None:
    items = [item(place, time // BUCKET_US * BUCKET_US // 2) for place, time in enumerate(at)]
    with Ordered("time", held) as ordered:
        ordered.add(items)
        assert len(ordered) == len(items)
        read = list(ordered)
        assert read == sorted(items, key=lambda one: one.at_us)
        assert [type(one) for one in read] == [type(one) for one in sorted(items, key=lambda one: one.at_us)]
        assert list(ordered) == read, "as often as wanted"


@given(times, st.integers(1, 20))
def test_file_order_is_as_in_the_file(at: list[int], held: int) -> None:
    items = [item(place, time) for place, time in enumerate(at)]
    with Ordered("file", held) as ordered:
        ordered.add(items)
        assert list(ordered) == items
