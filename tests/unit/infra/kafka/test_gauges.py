"""What a worker tells of its partitions is what it has now, and nothing of what it had."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from infra import metrics
from infra.kafka.gauges import PartitionGauges, tell_batch
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import LedgerCounts, TopicPartition

A, B = TopicPartition("in", 0), TopicPartition("in", 1)


@pytest.fixture
def gauges() -> Iterator[PartitionGauges]:
    made = PartitionGauges(["in", "out"])
    yield made
    made.forget()
    metrics.PARTITIONS.clear()


def told(name: str, /, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"barometer_{name}", labels)


def test_partitions_wait_until_they_are_taken_over(gauges: PartitionGauges) -> None:
    gauges.held([A, B], {A: 10})
    assert told("partitions", topic="in", state="working") == 1
    assert told("partitions", topic="in", state="waiting") == 1
    assert told("partitions", topic="out", state="waiting") == 0
    assert told("next_offset", topic="in", partition="0") == 10
    assert told("next_offset", topic="in", partition="1") is None


def test_lag_is_from_what_is_next_to_the_end(gauges: PartitionGauges) -> None:
    gauges.held([A, B], {A: 10, B: 0})
    gauges.ends({A: 25, B: 0}, {A: 10, B: 0})
    assert told("lag_records", topic="in", partition="0") == 15
    assert told("lag_records", topic="in", partition="1") == 0
    assert told("end_offset", topic="in", partition="0") == 25


def test_one_partition_that_is_lost_to_another_worker_is_not_told_of_any_more(gauges: PartitionGauges) -> None:
    gauges.held([A, B], {A: 10, B: 3})
    gauges.ends({A: 25, B: 9}, {A: 10, B: 3})
    gauges.held([A, B], {A: 11})
    for name in ("next_offset", "end_offset", "lag_records"):
        assert told(name, topic="in", partition="1") is None
        assert told(name, topic="in", partition="0") is not None


def test_after_a_rebalance_nothing_is_told_of_any_more(gauges: PartitionGauges) -> None:
    gauges.held([A], {A: 10})
    gauges.ends({A: 25}, {A: 10})
    gauges.forget()
    for name in ("next_offset", "end_offset", "lag_records"):
        assert told(name, topic="in", partition="0") is None


def test_what_the_ledger_refused_is_counted_once(gauges: PartitionGauges) -> None:
    before = told("passed_over_total", reason="gap") or 0
    gauges.passed_over(LedgerCounts(gaps=2))
    gauges.passed_over(LedgerCounts(gaps=5, stale=1))
    assert told("passed_over_total", reason="gap") == before + 5


def test_a_batch_is_told_of_with_the_latency_of_each_record() -> None:
    records = [Incoming(A, offset, None, b"", (), timestamp_ms=0) for offset in range(3)]
    before = told("latency_seconds_bucket", stage="told", le="3600.0") or 0
    tell_batch("told", records, 0.5)
    assert told("records_in_total", stage="told") == 3
    assert told("latency_seconds_count", stage="told") == 3
    assert told("latency_seconds_bucket", stage="told", le="3600.0") == before, "1970 is longer ago"
    assert told("batch_records_sum", stage="told") == 3
