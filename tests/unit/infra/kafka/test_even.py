"""Partitions are read side by side."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.even import LEFT_BEHIND_MS, MADE_UP_FOR, Evenly
from infra.kafka.ledger import TopicPartition

A, B, C = (TopicPartition("tweets", number) for number in range(3))


def test_what_was_left_behind_comes_first_and_what_was_never_read_before_that() -> None:
    evenly = Evenly()
    evenly.note(A, 1_000, 1)
    evenly.note(B, 1_001 + LEFT_BEHIND_MS, 1)

    assert evenly.order([A, B, C]) == [C, A, B]
    evenly.note(A, 2_000, 1)
    assert evenly.order([A, B]) == [B, A]


def test_partitions_take_turns_whatever_time_their_batches_got() -> None:
    evenly = Evenly()
    turns = []
    for _ in range(6):
        tp = evenly.order([C, A, B])[0]
        turns.append(tp)
        evenly.note(tp, 1_000 + tp.partition, 10)

    assert turns == [A, B, C, A, B, C]


def test_a_partition_that_had_nothing_in_memory_makes_up_for_it_within_bounds() -> None:
    evenly = Evenly()
    evenly.note(B, 1_000, 500)
    for _ in range(2 * MADE_UP_FOR // 500):
        evenly.note(A, 1_000, 500)
    caught_up = 0
    while evenly.order([A, B])[0] == B:
        evenly.note(B, 1_000, 500)
        caught_up += 500

    assert caught_up == MADE_UP_FOR


def test_one_is_ahead_of_another_by_records_or_by_time() -> None:
    evenly = Evenly()
    assert not evenly.is_ahead(A, B, 10), "nothing was read of either"
    evenly.note(A, 1_000, 10)
    evenly.note(B, 1_000, 20)
    assert not evenly.is_ahead(B, A, 10)
    assert evenly.is_ahead(B, A, 9)
    assert not evenly.is_ahead(A, B, 0)
    evenly.note(A, 1_001 + LEFT_BEHIND_MS, 1)
    assert evenly.is_ahead(A, B, 100)
    assert evenly.is_ahead(A, C, 100), "what was never read comes first"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.integers(1, 9_000), min_size=1, max_size=200), min_size=2, max_size=5), st.integers(1, 20))
def test_no_partition_gets_further_ahead_than_that_and_one_helping(steps: list[list[int]], helping: int) -> None:
    """For as long as all have records left. Two records lie at most 9 s apart."""
    evenly = Evenly()
    left = {TopicPartition("tweets", number): list(accumulate(gaps)) for number, gaps in enumerate(steps)}
    read = dict.fromkeys(left, 0)
    while all(left.values()):
        tp = evenly.order(left)[0]
        taken, left[tp] = left[tp][:helping], left[tp][helping:]
        read[tp] = taken[-1]
        evenly.note(tp, taken[-1], len(taken))
        assert max(read.values()) - min(read.values()) <= LEFT_BEHIND_MS + 9_000 * helping
