"""Windows as published against windows as folded: every difference shows, and nothing else."""

from __future__ import annotations

import pytest

from stream.demo.windows import WindowBook, minute_of
from tests.unit.stream.demo.records import START, window

MINUTE = minute_of(START)


def test_a_window_is_settled_when_it_is_closed_and_says_what_the_labels_say() -> None:
    book = WindowBook()
    book.fold("Koru Coffee", MINUTE, "positive")
    assert (book.unsettled, list(book.differences())) == (
        1,
        ["Koru Coffee 2026-03-04T06:10:00Z: no window, labels say 0/0/1"],
    )
    book.publish(window(closed=False))
    assert (book.open, list(book.differences())) == (1, ["Koru Coffee 2026-03-04T06:10:00Z: right, but still open"])
    book.publish(window(closed=True))
    assert (book.open, book.unsettled, list(book.differences())) == (0, 0, [])


def test_a_window_that_counts_a_tweet_too_many_or_under_the_wrong_label_is_told() -> None:
    book = WindowBook()
    book.fold("Koru Coffee", MINUTE, "positive")
    book.publish(window(counts=(1, 0, 0)))
    assert list(book.differences()) == ["Koru Coffee 2026-03-04T06:10:00Z: window says 1/0/0, labels say 0/0/1"]
    book.publish(window(counts=(0, 0, 2)))
    assert list(book.differences()) == ["Koru Coffee 2026-03-04T06:10:00Z: window says 0/0/2, labels say 0/0/1"]


def test_a_window_without_any_labels_is_told() -> None:
    book = WindowBook()
    book.publish(window(counts=(0, 2, 0)))
    assert list(book.differences()) == ["Koru Coffee 2026-03-04T06:10:00Z: window says 0/2/0, labels say 0/0/0"]


def test_the_newest_record_of_a_window_replaces_the_one_before() -> None:
    book = WindowBook()
    book.publish(window(counts=(1, 2, 3)))
    book.publish(window(counts=(1, 2, 4)))
    assert (len(book), book.sums()["Koru Coffee"].total) == (1, 7)


def test_larger_windows_which_are_sums_of_the_others_are_not_counted_again() -> None:
    book = WindowBook()
    book.publish(window(counts=(1, 2, 3)))
    book.publish(window(counts=(1, 2, 3), size_s=3600))
    assert (len(book), book.sums()["Koru Coffee"].total) == (1, 6)


def test_a_sparkline_covers_all_event_time_in_the_cells_there_are() -> None:
    book = WindowBook()
    book.publish(window(minute=0, counts=(1, 0, 0)))
    book.publish(window(minute=1, counts=(0, 0, 3)))
    book.publish(window(minute=90, counts=(0, 0, 1)))
    span = book.span(10)
    assert span is not None
    assert (span.cell_s, span.cells) == (600, 10)
    assert book.series("Koru Coffee", span) == (0.5, *[None] * 8, 1.0)


@pytest.mark.parametrize("cells", [1, 2, 7, 30, 200])
@pytest.mark.parametrize("last", [0, 1, 59, 60, 1_000, 100_000, 3_000_000])
def test_whatever_time_passes_the_newest_window_is_on_the_sparkline(cells: int, last: int) -> None:
    book = WindowBook()
    book.publish(window(minute=0, counts=(1, 0, 0)))
    book.publish(window(minute=last, counts=(0, 0, 1)))
    span = book.span(cells)
    assert span is not None
    assert 1 <= span.cells <= cells
    assert book.series("Koru Coffee", span)[-1] is not None


def test_hours_and_minutes_give_the_same_sums() -> None:
    book = WindowBook()
    for minute in range(0, 60 * 40, 7):
        book.publish(window(minute=minute, counts=(minute % 3, 1, minute % 5)))
    fine, coarse = book.span(2_400), book.span(20)
    assert fine is not None
    assert coarse is not None
    assert (fine.cell_s, coarse.cell_s) == (60, 3 * 3600)
    assert None not in book.series("Koru Coffee", coarse)
    one = book.span(1)
    assert one is not None
    total = book.sums()["Koru Coffee"]
    expected = (total.positive - total.negative) / total.total
    assert book.series("Koru Coffee", one)[0] == pytest.approx(expected)
