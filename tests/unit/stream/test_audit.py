"""What ``barometer audit`` calls wrong, late by design, or out of reach."""

from __future__ import annotations

from stream.audit import Count, Counted, Difference, Key, Told, compare
from stream.records import TYPE_HEADER, WATERMARK
from tests.labelled import ZERO, labelled, watermark

ACME: Key = ("Acme", int(ZERO.timestamp()))
TYPE = ((TYPE_HEADER, WATERMARK.encode()),)
HORIZON_S = 600


def told(negative: int, *, closed: bool = True) -> dict[Key, Told]:
    return {ACME: Told((negative, 0, 0), closed)}


def counted(by_state: int, by_end: int | None = None, again: int = 0) -> dict[Key, Counted]:
    end = by_state if by_end is None else by_end
    return {ACME: Counted([by_state, 0, 0], [end, 0, 0], [again, 0, 0])}


def test_equal_counts_are_no_difference() -> None:
    found = compare(counted(3), told(3), told(3), complete=True)
    assert (found.differences, found.behind, found.unknown, found.windows, found.panes) == ([], 0, 0, 1, 1)


def test_a_closed_window_that_is_short_is_wrong_whether_its_pane_is_kept_or_not() -> None:
    wrong = Difference("window", *ACME, "negative", 3, 4)
    assert compare(counted(4), told(3), {}, complete=True).differences == [wrong]
    assert compare(counted(4), told(3), told(4), complete=True).differences == [wrong]
    assert compare(counted(4), {}, told(4), complete=True).differences == [
        Difference("window", *ACME, "negative", 0, 4)
    ]


def test_a_window_that_counts_twice_is_wrong_even_while_open() -> None:
    assert compare(counted(2), told(3, closed=False), told(2, closed=False), complete=True).differences


def test_an_open_or_missing_window_may_be_behind_while_its_pane_is_open() -> None:
    pane = told(4, closed=False)
    assert compare(counted(4), told(3, closed=False), pane, complete=True).behind == 1
    assert compare(counted(4), {}, pane, complete=True).behind == 1


def test_while_tweets_come_in_a_window_lies_between_two_counts_and_the_state_equals_the_first() -> None:
    assert compare(counted(2, 5), told(4), told(2), complete=True).differences == []
    assert compare(counted(2, 5), told(6), told(2), complete=True).differences
    assert compare(counted(2, 5), told(2), told(3), complete=True).differences == [
        Difference("state", *ACME, "negative", 3, 2)
    ]


def test_windows_of_tweets_that_retention_removed_cannot_be_checked() -> None:
    found = compare(counted(2), told(3), told(3), complete=False)
    assert (found.differences, found.unknown) == ([], 1)


def test_what_was_sent_again_after_the_horizon_may_count_again_but_no_more_than_that() -> None:
    found = compare(counted(2, again=1), told(3), told(3), complete=True)
    assert (found.differences, found.republished) == ([], 1)
    assert compare(counted(2, again=1), told(4), {}, complete=True).differences


def count(*records: tuple[str, float, int], dead: frozenset[int] = frozenset(), counts_to: int = 100) -> Counted:
    """The minute of ZERO after tweets of (id, seconds, origin); the id ``watermark`` is one, at these seconds."""
    counting = Count(counts_to, dead, HORIZON_S)
    for offset, (tweet_id, at_s, origin) in enumerate(records):
        if tweet_id == "watermark":
            counting.add(offset, watermark(at_s).encode(), TYPE)
        else:
            counting.add(offset, labelled(tweet_id, at_s, origin).encode(), ())
    return counting.minutes.get(ACME) or Counted()


def test_the_first_record_of_a_tweet_counts_and_repeats_do_not() -> None:
    assert count(("1", 5, 0), ("1", 5, 0), ("1", 5, 7), ("2", 5, 1)).by_end[0] == 2


def test_a_repeat_may_count_only_from_another_origin_and_after_the_horizon() -> None:
    first, second = ("1", 5, 0), ("1", 5, 7)
    assert count(first, ("watermark", 500, 0), second).again[0] == 0
    assert count(first, ("watermark", 700, 0), second).again[0] == 1
    assert count(first, ("watermark", 700, 0), second, second, first).again[0] == 1


def test_dead_records_do_not_count_nor_do_their_repeats() -> None:
    assert count(("1", 5, 0), ("1", 5, 0), dead=frozenset({0})).by_end[0] == 0


def test_the_state_is_held_to_what_it_says_it_counts() -> None:
    found = count(("1", 5, 0), ("2", 5, 1), ("3", 5, 2), counts_to=2)
    assert (found.by_state[0], found.by_end[0]) == (2, 3)


def test_what_is_no_labelled_tweet_does_not_stop_the_audit() -> None:
    counting = Count(10, frozenset(), HORIZON_S)
    counting.add(0, b"{", ())
    counting.add(1, None, ())
    assert counting.minutes == {}
