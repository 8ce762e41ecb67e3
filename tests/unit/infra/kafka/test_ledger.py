"""The offset ledger against a model of a partition that drops, repeats, rewinds, rebalances and has gaps."""

from __future__ import annotations

import random
from collections import deque
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


def test_batches_are_at_work_one_after_the_other_and_settled_in_their_order(ledger: OffsetLedger[Fetched]) -> None:
    first = ledger.admit(fetched(10, 11), generation=1)
    second = ledger.admit(fetched(11, 12, 13), generation=1)
    assert (offsets(first), offsets(second)) == ([10, 11], [12, 13])
    assert (ledger.next[TP], ledger.due(TP)) == (10, 14), "nothing is done yet"
    with pytest.raises(RuntimeError, match=r"offset 12 of .* settled, 10 not"):
        ledger.settle(second)
    assert ledger.committable() == {TP: 10}
    assert ledger.settle(first)
    assert ledger.settle(second)
    assert ledger.next[TP] == 14


def test_after_a_rebalance_what_was_at_work_is_admitted_again(ledger: OffsetLedger[Fetched]) -> None:
    ledger.admit(fetched(10, 11), generation=1)
    ledger.take_over(TP, 10, ledger.forget())
    assert offsets(ledger.admit(fetched(10, 11), generation=1)) == [10, 11]


def test_no_gap_is_passed_over_what_is_at_work(ledger: OffsetLedger[Fetched]) -> None:
    batch = ledger.admit(fetched(10), generation=1)
    assert not ledger.pass_gap(TP, 11, 15, ledger.epoch)
    ledger.settle(batch)
    assert ledger.pass_gap(TP, 11, 15, ledger.epoch)
    assert offsets(ledger.admit(fetched(15), generation=1)) == [15]


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


class UnreliableGroup:
    """One partition, fetched by a consumer that drops and repeats, in a group that rebalances at any time.

    The broker's committed offset is all that survives a rebalance. ``trouble``
    is the chance of each fault.
    """

    def __init__(self, records: list[int], trouble: float, seed: int) -> None:
        self.ledger: OffsetLedger[Fetched] = OffsetLedger()
        self.records = records
        self.settled: list[int] = []
        self.committed = 0
        self.generation = 0
        self._trouble = trouble
        self._rng = random.Random(seed)
        self._position = 0
        self._at_work: deque[Batch[Fetched]] = deque()
        self.rebalance()

    @property
    def finished(self) -> bool:
        return self.committed > max(self.records, default=-1)

    def rebalance(self) -> None:
        self.generation += 1
        self._position = self.committed
        self.ledger.take_over(TP, self.committed, self.ledger.forget())

    def step(self) -> None:
        """Fetch, work, settle and commit once, with whatever goes wrong."""
        if self._strikes(0.25):
            self.rebalance()
        generation = self.generation - self._strikes(0.25)
        batch = self.ledger.admit(fetched(*self._fetch(), generation=generation), self.generation)
        if batch.holes or not batch:
            self._repair(batch.epoch)
        if self._strikes(0.25):
            self.rebalance()  # while batches are at work
        self._at_work.append(batch)
        while len(self._at_work) > (1 if batch else 0):
            done = self._at_work.popleft()
            if self.ledger.settle(done):
                self.settled += offsets(done)
        for tp, offset in self.ledger.committable().items():
            assert set(range(offset)) & set(self.records) <= set(self.settled), "committed before settled"
            if not self._strikes():
                self.ledger.committed({tp: offset}, self.ledger.epoch)
                self.committed = offset

    def _strikes(self, share: float = 1) -> bool:
        return self._rng.random() < self._trouble * share

    def _fetch(self) -> list[int]:
        found = [offset for offset in self.records if offset >= self._position][: self._rng.randint(1, 5)]
        self._position = found[-1] + 1 if found else self._position
        return [offset for offset in found if self._rng.random() < 0.5] if self._strikes() else found

    def _repair(self, epoch: int) -> None:
        due = self.ledger.due(TP) or 0
        first = next((offset for offset in self.records if offset >= due), None)
        if first is not None and first > due:
            self.ledger.pass_gap(TP, due, first, epoch)
        self._position = self.ledger.due(TP) or 0


@settings(max_examples=300, deadline=None)
@given(existing=st.lists(st.booleans(), min_size=1, max_size=60), trouble=st.floats(0, 0.5), seed=st.integers(0, 2**32))
def test_every_record_is_settled_in_order_whatever_the_fetcher_does(
    existing: list[bool], trouble: float, seed: int
) -> None:
    records = [offset for offset, there in enumerate(existing) if there]  # where there is none is a gap
    group = UnreliableGroup(records, trouble, seed)
    for _step in range(5_000):
        if group.finished:
            break
        group.step()

    assert group.finished
    assert sorted(set(group.settled)) == records, "lost"
    went_back = sum(after <= before for before, after in pairwise(group.settled))
    assert went_back < group.generation, "only a rebalance may bring a settled record back"
