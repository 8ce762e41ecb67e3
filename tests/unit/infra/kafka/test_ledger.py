"""The offset ledger against a model of a partition that drops, repeats, rewinds, rebalances and has gaps."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.ledger import Batch, OffsetLedger, TopicPartition

TP = TopicPartition("tweets", 0)
OTHER = TopicPartition("tweets", 1)


@dataclass(frozen=True)
class Fetched:
    tp: TopicPartition
    offset: int
    generation: int = 1


def fetched(*offsets: int, tp: TopicPartition = TP, generation: int = 1) -> list[Fetched]:
    return [Fetched(tp, offset, generation) for offset in offsets]


@pytest.fixture
def ledger() -> OffsetLedger[Fetched]:
    ledger: OffsetLedger[Fetched] = OffsetLedger()
    ledger.take_over(TP, 10, ledger.epoch)
    return ledger


def offsets(batch: Batch[Fetched]) -> list[int]:
    return [record.offset for record in batch.records]


def test_only_records_that_continue_their_partition_are_admitted(ledger: OffsetLedger[Fetched]) -> None:
    batch = ledger.admit(fetched(8, 9, 10, 11, 13, 12), generation=1)

    assert offsets(batch) == [10, 11, 12]
    assert batch.holes == {TP: 13}
    assert (ledger.counts.repeated, ledger.counts.early) == (2, 1)


def test_records_of_an_older_generation_or_of_partitions_not_owned_are_refused(ledger: OffsetLedger[Fetched]) -> None:
    batch = ledger.admit([*fetched(10, generation=0), *fetched(10, tp=OTHER)], generation=1)

    assert not batch
    assert ledger.counts.stale == 2


def test_nothing_may_be_committed_before_it_is_settled(ledger: OffsetLedger[Fetched]) -> None:
    ledger.committed({TP: 10}, ledger.epoch)
    batch = ledger.admit(fetched(10, 11), generation=1)
    assert ledger.committable() == {}

    assert ledger.settle(batch)
    assert ledger.committable() == {TP: 12}
    ledger.committed({TP: 12}, ledger.epoch)
    assert ledger.committable() == {}


def test_a_batch_that_was_dropped_is_admitted_again(ledger: OffsetLedger[Fetched]) -> None:
    ledger.admit(fetched(10, 11), generation=1)

    assert offsets(ledger.admit(fetched(10, 11), generation=1)) == [10, 11]


def test_a_batch_from_before_a_rebalance_settles_nothing(ledger: OffsetLedger[Fetched]) -> None:
    batch = ledger.admit(fetched(10), generation=1)
    epoch = ledger.forget()
    ledger.take_over(TP, 10, epoch)

    assert not ledger.settle(batch)
    assert ledger.next == {TP: 10}


def test_a_take_over_that_took_longer_than_the_assignment_lasted_counts_for_nothing() -> None:
    ledger: OffsetLedger[Fetched] = OffsetLedger()
    epoch = ledger.forget()
    ledger.forget()

    assert not ledger.take_over(TP, 5, epoch)
    assert ledger.next == {}


def test_a_gap_is_passed_only_where_the_partition_stands(ledger: OffsetLedger[Fetched]) -> None:
    assert not ledger.pass_gap(TP, 11, 15, ledger.epoch)
    assert not ledger.pass_gap(TP, 10, 15, ledger.epoch - 1)
    assert ledger.pass_gap(TP, 10, 15, ledger.epoch)
    assert offsets(ledger.admit(fetched(15), generation=1)) == [15]


def test_a_partition_given_up_is_neither_settled_nor_committed(ledger: OffsetLedger[Fetched]) -> None:
    batch = ledger.admit(fetched(10), generation=1)
    ledger.give_up(TP)

    assert ledger.settle(batch)
    assert ledger.next == {}
    assert ledger.committable() == {}


@settings(max_examples=300, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    existing=st.lists(st.booleans(), min_size=1, max_size=60),
    trouble=st.floats(0, 0.6),
)
def test_every_record_is_settled_once_in_order_whatever_the_fetcher_does(
    seed: int, existing: list[bool], trouble: float
) -> None:
    """``existing[i]``: offset i holds a record (else a gap). The fetcher drops, repeats and runs ahead; rebalances
    come at any time, some while a batch is at work; the broker's committed offset is all that survives them."""
    rng = random.Random(seed)
    records = [offset for offset, there in enumerate(existing) if there]
    ledger: OffsetLedger[Fetched] = OffsetLedger()
    committed, settled = 0, []
    generation, position = 1, 0
    ledger.take_over(TP, committed, ledger.forget())
    for _step in range(2_000):
        if committed > max(records, default=-1):
            break
        if rng.random() < trouble / 4:  # rebalance
            generation += 1
            epoch = ledger.forget()
            position = committed
            ledger.take_over(TP, committed, epoch)
        batch_offsets = [offset for offset in records if offset >= position][: rng.randint(1, 5)]
        position = batch_offsets[-1] + 1 if batch_offsets else position
        if rng.random() < trouble:  # the fetcher loses some
            batch_offsets = [offset for offset in batch_offsets if rng.random() < 0.5]
        stale = rng.random() < trouble / 4
        batch = ledger.admit(fetched(*batch_offsets, generation=generation - stale), generation)
        if batch.holes or not batch:
            due = ledger.next[TP]
            first = next((offset for offset in records if offset >= due), None)
            if first is not None and first > due:
                ledger.pass_gap(TP, due, first, batch.epoch)
            position = ledger.next[TP]
        if rng.random() < trouble / 4:  # a rebalance while the batch is at work
            generation += 1
            ledger.take_over(TP, committed, ledger.forget())
            position = committed
        if ledger.settle(batch):
            settled += offsets(batch)
        for tp, offset in ledger.committable().items():
            assert all(record in settled for record in records if record < offset), "committed before settled"
            if rng.random() > trouble:
                ledger.committed({tp: offset}, ledger.epoch)
                committed = offset
    if trouble < 0.5:
        assert sorted(set(settled)) == records, "lost"
    went_back = sum(after <= before for before, after in pairwise(settled))
    assert went_back < generation, "only a rebalance may bring a settled record back"
