"""Which record may be worked on next, and which offset may be committed.

The offset ledger is what makes delivery exact. Each partition is worked
through contiguously from the position it was taken over at. A record is
admitted only if it continues its partition exactly; a batch is settled only
if no rebalance came between; only settled offsets are ever committed.

Pure bookkeeping: no clock, no I/O. ``membership`` feeds it from Faust and acts
on the holes it reports. (Faust's own bookkeeping loses messages in
rebalances: see docs/delivery.md.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar


class TopicPartition(NamedTuple):
    """One partition of one topic. Equal to Faust's ``TP`` of the same values."""

    topic: str
    partition: int


class Positioned(Protocol):
    """Anything with a place in Kafka and the group generation it was fetched in."""

    @property
    def tp(self) -> TopicPartition: ...
    @property
    def offset(self) -> int: ...
    @property
    def generation(self) -> int: ...


R = TypeVar("R", bound=Positioned)


@dataclass(frozen=True)
class Batch(Generic[R]):
    """Admitted records, in order; worth something only while ``epoch`` lasts."""

    records: list[R]
    epoch: int
    holes: dict[TopicPartition, int]
    """By partition, the offset of the first record that came too early; what lies between is missing."""

    def __bool__(self) -> bool:
        return bool(self.records)


@dataclass
class LedgerCounts:
    """What was refused, and why. All but ``stale`` and ``repeated`` point at trouble below."""

    stale: int = 0
    """Fetched before the last rebalance, or from a partition not (yet) taken over."""
    repeated: int = 0
    """Settled before; Kafka delivered it again after a seek or a take-over."""
    early: int = 0
    """Ahead of its partition: records between are missing and will be fetched again."""
    gaps: int = 0
    """Offsets that hold no record (transaction markers, compaction, retention), passed over."""


@dataclass
class OffsetLedger(Generic[R]):
    """Positions of the partitions that this worker owns.

    ``next`` is the offset up to which each partition is done. Batches may be at
    work beyond it, one after the other: they are settled in the order in which
    they were admitted.
    """

    next: dict[TopicPartition, int] = field(default_factory=dict)
    epoch: int = 0
    counts: LedgerCounts = field(default_factory=LedgerCounts)
    _admitted: dict[TopicPartition, int] = field(default_factory=dict)
    """Where partitions go on after what was admitted; of the others nothing was, since they were taken over."""
    _committed: dict[TopicPartition, int] = field(default_factory=dict)

    def forget(self) -> int:
        """Own nothing any more (a rebalance begins). Returns the new epoch."""
        self.next.clear()
        self._admitted.clear()
        self._committed.clear()
        self.epoch += 1
        return self.epoch

    def take_over(self, tp: TopicPartition, offset: int, epoch: int) -> bool:
        """Start working on ``tp`` at ``offset``; False when a rebalance came since ``epoch``."""
        if epoch != self.epoch:
            return False
        self.next[tp] = offset
        self._admitted.pop(tp, None)
        return True

    def give_up(self, tp: TopicPartition) -> None:
        """Stop working on one partition (its state was lost to another owner)."""
        self.next.pop(tp, None)
        self._admitted.pop(tp, None)
        self._committed.pop(tp, None)

    def admit(self, records: Iterable[R], generation: int) -> Batch[R]:
        """Sort out the records that continue their partitions exactly.

        A batch that fails is never admitted again in this epoch: who does not
        settle what was admitted must leave the group.
        """
        position: dict[TopicPartition, int] = {}
        holes: dict[TopicPartition, int] = {}
        good: list[R] = []
        for record in records:
            tp = record.tp
            due = position[tp] if tp in position else self.due(tp)
            if due is None or record.generation != generation:
                self.counts.stale += 1
            elif record.offset < due:
                self.counts.repeated += 1
            elif record.offset > due:
                self.counts.early += 1
                holes.setdefault(tp, record.offset)
            else:
                position[tp] = due + 1
                good.append(record)
        self._admitted |= position
        return Batch(good, self.epoch, holes)

    def due(self, tp: TopicPartition) -> int | None:
        """The offset at which the next batch must continue a partition, None for one that is not ours."""
        return self._admitted.get(tp, self.next.get(tp))

    def settle(self, batch: Batch[R]) -> bool:
        """Record that every effect of ``batch`` is confirmed. False, and no effect, after a rebalance.

        Raises RuntimeError when a batch that was admitted before is not settled.
        """
        if batch.epoch != self.epoch:
            self.counts.stale += len(batch.records)
            return False
        for record in batch.records:
            if record.tp in self.next:  # else given up meanwhile
                if record.offset > self.next[record.tp]:
                    raise RuntimeError(f"offset {record.offset} of {record.tp} settled, {self.next[record.tp]} not")
                self.next[record.tp] = max(self.next[record.tp], record.offset + 1)
        return True

    def pass_gap(self, tp: TopicPartition, start: int, end: int, epoch: int) -> bool:
        """Skip offsets ``start`` to ``end - 1``, which the broker says hold no record."""
        if epoch != self.epoch or not self.next.get(tp) == self.due(tp) == start or end <= start:
            return False
        self.next[tp] = end
        self._admitted.pop(tp, None)
        self.counts.gaps += 1
        return True

    def committable(self) -> dict[TopicPartition, int]:
        """Offsets that may be committed now and have not been, by partition."""
        return {tp: offset for tp, offset in self.next.items() if self._committed.get(tp) != offset}

    def committed(self, offsets: Mapping[TopicPartition, int], epoch: int) -> None:
        """Note that the broker accepted a commit made in ``epoch``."""
        if epoch == self.epoch:
            self._committed.update(offsets)
