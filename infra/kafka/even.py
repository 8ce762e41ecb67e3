"""In which order partitions are read: evenly, and what was left behind first. Pure.

What is made of a topic in the order of its events has to wait for the slowest
partition, and to remember what came of the others meanwhile. aiokafka hands
out one partition until nothing of it is left in memory, some thousand records,
and another has nothing there for as long as a fetch takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from infra.kafka.ledger import TopicPartition

LEFT_BEHIND_MS = 60_000
"""So far behind the furthest, by Kafka's time, a partition no longer waits for its turn. Not less: a producer's whole
batch gets one time, and those of two partitions that hold the same events differ by some seconds; on a busy broker, a
backlog that was written at once is read all askew if they come to more than this."""
MADE_UP_FOR = 100_000
"""Records that a partition may catch up with, when others were read while it had nothing in memory: half a minute of
labelling. With 5,000 they were 7,000 apart after 70,000 of each: what is let off is never made good."""


class _Read(NamedTuple):
    """Up to when by Kafka's time, in milliseconds since 1970, and how many records, of those that count as read."""

    at: int
    records: int


class Evenly:
    """Remembers what was read of each partition since they were assigned."""

    def __init__(self) -> None:
        self._read: dict[TopicPartition, _Read] = {}
        self._most = 0

    def note(self, tp: TopicPartition, timestamp_ms: int, records: int) -> None:
        """That so many records of ``tp`` were read, the newest of that time."""
        before = self._read[tp].records if tp in self._read else 0
        self._read[tp] = _Read(timestamp_ms, max(before, self._most - MADE_UP_FOR) + records)
        self._most = max(self._most, self._read[tp].records)

    def order(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """The partitions: those of which nothing was read yet, those left behind, then by how much was read."""
        known = {tp: self._read.get(tp, _Read(-1, -1)) for tp in partitions}
        waits_from = max((read.at for read in known.values()), default=0) - LEFT_BEHIND_MS
        return sorted(known, key=lambda tp: (min(known[tp].at, waits_from), known[tp].records, tp))

    def is_ahead(self, tp: TopicPartition, other: TopicPartition, records: int) -> bool:
        """Whether ``tp`` was read further than ``other`` by more than so many records, or by the time allowed."""
        one, two = (self._read.get(each, _Read(-1, -1)) for each in (tp, other))
        return one.records - two.records > records or one.at - two.at > LEFT_BEHIND_MS
