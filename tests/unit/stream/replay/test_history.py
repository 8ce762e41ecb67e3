"""When tweets are refused because of what the topic holds."""

from __future__ import annotations

import datetime as dt

import pytest

from stream.replay.history import Candidate, Tail, why_refused

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
DAY_S = 86_400.0


def refusal(
    first_h: float, latest_h: float, *, newest_h: float | None = 0, ids: int = 10, held: int = 0, moved: bool = False
) -> str | None:
    """For a file from and to so many hours from noon."""
    newest = None if newest_h is None else NOON + dt.timedelta(hours=newest_h)
    tail = Tail(newest, frozenset((str(number), number) for number in range(ids)))
    first, latest = (NOON + dt.timedelta(hours=hours) for hours in (first_h, latest_h))
    return why_refused(Candidate("f.csv", first, latest, held, moved), tail, DAY_S, "tweets")


@pytest.mark.parametrize(("first_h", "latest_h"), [(1, 2), (-5, 5), (-23, -10), (-24, -24)])
def test_what_the_windows_still_take_is_published(first_h: float, latest_h: float) -> None:
    assert refusal(first_h, latest_h) is None


def test_anything_may_go_into_an_empty_topic() -> None:
    assert refusal(-1_000, -900, newest_h=None, ids=0) is None


def test_a_file_that_is_all_too_old_is_refused_with_the_choices() -> None:
    assert refusal(-100, -50) == (
        "f.csv starts at 2026-02-26T08:00:00Z, but tweets already holds tweets up to 2026-03-02T12:00:00Z, and tweets "
        "before 2026-03-01T12:00:00Z are too late for its windows; publish it with --shift-to-now, or under another "
        "topic prefix (BAROMETER_TOPIC_PREFIX)"
    )


def test_of_a_file_that_is_too_old_in_part_the_rest_is_offered() -> None:
    assert "publish only the rest with --from 2026-03-01T12:00:00Z, it with --shift-to-now" in str(refusal(-100, 5))


def test_the_same_file_again_is_refused_even_where_the_windows_would_take_it() -> None:
    message = str(refusal(-6, 0, held=10))
    assert message.startswith("f.csv has been replayed into tweets before, up to 2026-03-02T12:00:00Z, and would count")
    assert "publish all of it again with --shift-to-now, or under" in message


def test_after_an_interrupted_replay_the_rest_is_offered() -> None:
    assert "publish the rest with --from 2026-03-02T12:00:00Z, or all of it" in str(refusal(-6, 3, held=5))


def test_a_few_tweets_in_common_are_no_reason() -> None:
    assert refusal(-6, 3, held=4) is None


def test_a_shifted_file_is_only_refused_for_its_new_times_and_told_how_to_move_further() -> None:
    assert refusal(-6, 0, held=10, moved=True) is None
    assert "with --shift-to-now and --rate or --speedup, or under" in str(refusal(-100, 0, moved=True))
