"""A transaction publishes all or nothing, and says when it is no longer ours to publish in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import OFFSET_END, Consumer, Producer, TopicPartition

from infra.kafka import clients
from infra.kafka.clients import reader_config
from infra.kafka.publish import Outgoing
from infra.kafka.transactions import FencedError, fenced_producer, transact
from infra.settings import Settings
from stream.topics import Topics
from tests.kafka_tools import read_all, wait_until

PATIENCE_S = 60


class Interrupted(list[Outgoing]):
    """Records of which the last one comes when Kafka has given the transaction of the others up."""

    def __init__(self, records: list[Outgoing], producer: Producer, settings: Settings) -> None:
        super().__init__(records)
        self._producer = producer
        self._settings = settings

    def __iter__(self) -> Iterator[Outgoing]:
        *others, last = [self[number] for number in range(len(self))]
        yield from others
        self._producer.flush(PATIENCE_S)
        wait_until(lambda: _ended(self._settings, last.topic), PATIENCE_S, "Kafka gave the transaction up")
        yield last


def _ended(settings: Settings, topic: str) -> bool:
    """Whether readers of committed records can pass everything in partition 0."""
    ends = []
    for isolation in ("read_committed", "read_uncommitted"):
        consumer = Consumer(reader_config(settings, **{"isolation.level": isolation}))
        ends.append(consumer.offsets_for_times([TopicPartition(topic, 0, OFFSET_END)], timeout=PATIENCE_S)[0].offset)
        consumer.close()
    return ends[0] == ends[1] > 0


def test_a_transaction_that_kafka_gave_up_while_we_were_away_is_dropped_and_nothing_of_it_is_published(
    settings: Settings, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "TRANSACTION_TIMEOUT_MS", 1_000)
    producer = fenced_producer(settings, f"{settings.group}-away")
    records = [Outgoing(topics.windows, b"key", value, partition=0) for value in (b"one", b"two")]
    with pytest.raises(FencedError):
        transact(producer, Interrupted(records, producer, settings))
    assert not read_all(settings, topics.windows)
    transact(fenced_producer(settings, f"{settings.group}-away"), records)
    assert [message.value() for message in read_all(settings, topics.windows)] == [b"one", b"two"]
