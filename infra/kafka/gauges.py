"""What a worker tells of its partitions and batches."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict

from infra import metrics
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import LedgerCounts, TopicPartition


class PartitionGauges:
    """The partitions of this worker in the metrics. What is no longer ours has no series: another tells of it."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)
        self._told: set[TopicPartition] = set()
        self._passed_over = LedgerCounts()

    def forget(self) -> None:
        """A rebalance has taken everything away."""
        for gauge in (metrics.LAG, metrics.NEXT_OFFSET, metrics.END_OFFSET, metrics.PARTITIONS):
            gauge.clear()
        self._told.clear()

    def held(self, assigned: Iterable[TopicPartition], working: Mapping[TopicPartition, int]) -> None:
        """Which partitions are assigned, and which of them taken over, with the offsets they are at."""
        assigned = set(assigned)
        waiting = Counter(tp.topic for tp in assigned - working.keys())
        done = Counter(tp.topic for tp in working)
        for topic in self._topics:
            metrics.PARTITIONS.labels(topic, "waiting").set(waiting[topic])
            metrics.PARTITIONS.labels(topic, "working").set(done[topic])
        for tp in self._told - working.keys():
            for gauge in (metrics.LAG, metrics.NEXT_OFFSET, metrics.END_OFFSET):
                with suppress(KeyError):
                    gauge.remove(tp.topic, str(tp.partition))
        self._told = set(working)
        for tp, offset in working.items():
            metrics.NEXT_OFFSET.labels(tp.topic, str(tp.partition)).set(offset)

    def ends(self, ends: Mapping[TopicPartition, int], working: Mapping[TopicPartition, int]) -> None:
        """Where the partitions end, as the broker says; with where we are then, so that the lag is the difference."""
        for tp, end in ends.items():
            if tp in working:
                metrics.NEXT_OFFSET.labels(tp.topic, str(tp.partition)).set(working[tp])
                metrics.END_OFFSET.labels(tp.topic, str(tp.partition)).set(end)
                metrics.LAG.labels(tp.topic, str(tp.partition)).set(max(0, end - working[tp]))

    def passed_over(self, counts: LedgerCounts) -> None:
        """What the ledger has refused so far."""
        before, now = asdict(self._passed_over), asdict(counts)
        for name, reason in (("stale", "stale"), ("repeated", "repeated"), ("early", "early"), ("gaps", "gap")):
            metrics.PASSED_OVER.labels(reason).inc(now[name] - before[name])
        self._passed_over = LedgerCounts(**now)


def tell_batch(stage: str, records: Sequence[Incoming], seconds: float) -> None:
    """A batch of ``stage`` is done, ``seconds`` after it was admitted: all that came of it is confirmed."""
    metrics.RECORDS_IN.labels(stage).inc(len(records))
    metrics.BATCH_RECORDS.labels(stage).observe(len(records))
    metrics.BATCH_SECONDS.labels(stage).observe(seconds)
    latency, now_ms = metrics.LATENCY.labels(stage), time.time() * 1000
    for record in records:
        latency.observe(max(0.0, now_ms - record.timestamp_ms) / 1000)
