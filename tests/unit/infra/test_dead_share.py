"""The fuse: blows when, and only when, too many of the recent records would be dead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.dead_share import LEAST_RECORDS, DeadShare, DeadShareError, in_words
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition

fates = st.lists(st.booleans(), max_size=60)
limits = st.floats(0.01, 1)


def blows(fuse: DeadShare, dead: list[bool]) -> bool:
    try:
        fuse.require(dead, "test")
    except DeadShareError:
        return True
    return False


@given(st.lists(fates, max_size=8), fates, limits, st.integers(20, 100))
def test_it_judges_the_last_records_and_all_of_the_batch(
    before: list[list[bool]], batch: list[bool], limit: float, window: int
) -> None:
    fuse = DeadShare(limit, window)
    for earlier in before:
        fuse.note(earlier)
    everything = [fate for earlier in before for fate in earlier] + batch
    recent = everything[-max(window, len(batch)) :]
    expected = len(recent) >= LEAST_RECORDS and sum(recent) > limit * len(recent)
    assert blows(fuse, batch) == expected


@given(fates, fates, limits)
def test_asking_changes_nothing(before: list[bool], batch: list[bool], limit: float) -> None:
    fuse = DeadShare(limit, 50)
    fuse.note(before)
    assert blows(fuse, batch) == blows(fuse, batch)


@given(fates, fates, limits, limits)
def test_a_higher_limit_never_blows_earlier(before: list[bool], batch: list[bool], one: float, other: float) -> None:
    fuses = [DeadShare(limit, 50) for limit in sorted([one, other])]
    for fuse in fuses:
        fuse.note(before)
    assert blows(fuses[0], batch) >= blows(fuses[1], batch)


@given(fates, st.lists(st.just(value=True), max_size=200))
def test_a_limit_of_one_never_blows(before: list[bool], batch: list[bool]) -> None:
    fuse = DeadShare(1, 50)
    fuse.note(before)
    assert not blows(fuse, batch)


def test_of_a_few_records_nothing_is_said() -> None:
    fuse = DeadShare(0.5, 1_000)
    assert not blows(fuse, [True] * (LEAST_RECORDS - 1))
    assert blows(fuse, [True] * LEAST_RECORDS)


def test_the_message_says_how_many_which_and_what_to_do() -> None:
    fuse = DeadShare(0.5, 1_000)
    fuse.note([False] * 30)
    with pytest.raises(
        DeadShareError,
        match=r"^40 of the last 70 records .* share of 0\.5 that BAROMETER_DEAD_SHARE_LIMIT allows \(40 invalid_json\);"
        r".*nothing was published or acknowledged",
    ):
        fuse.require([True] * 40, "40 invalid_json")


def test_what_is_wrong_is_told_by_its_reasons_and_the_first_record() -> None:
    first, second = (Incoming(TopicPartition("tweets", 3), offset, None, b"", (), 0) for offset in (5, 6))
    dead = [(first, "null_value", "no value"), (second, "invalid_json", "x"), (second, "invalid_json", "y")]
    assert in_words(dead) == "2 invalid_json, 1 null_value; first tweets-3 offset 5: no value"
    assert in_words([]) == "none in this batch"
