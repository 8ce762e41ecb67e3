"""In which order partitions are read: by turns, and what was left behind first. Pure.

What is made of a topic in the order of its events has to wait for the slowest
partition, and to remember what came of the others meanwhile. aiokafka hands
out one partition until nothing of it is left in memory, some thousand records.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

from infra.kafka.ledger import TopicPartition

LEFT_BEHIND_MS = 10_000
"""So far behind the furthest, by Kafka's time, a partition no longer waits for its turn. Not less: a producer's whole
batch gets one time, and those of two partitions that hold the same events differ by some seconds."""


class Evenly:
    """Remembers up to which time each partition was read. Times are Kafka's, in milliseconds since 1970."""

    def __init__(self) -> None:
        self._read: dict[TopicPartition, tuple[int, int]] = {}
        self._turns = count()

    def note(self, tp: TopicPartition, timestamp_ms: int) -> None:
        """The newest record that was read of ``tp``."""
        self._read[tp] = timestamp_ms, next(self._turns)

    def order(self, partitions: Iterable[TopicPartition]) -> list[TopicPartition]:
        """The partitions: those of which nothing was read yet, those left behind, then whose turn was longest ago."""
        known = {tp: self._read.get(tp, (-1, -1)) for tp in partitions}
        waits_from = max((at for at, _turn in known.values()), default=0) - LEFT_BEHIND_MS
        return sorted(known, key=lambda tp: (min(known[tp][0], waits_from), known[tp][1], tp))
