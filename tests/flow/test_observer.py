"""The demo's reader on a real Kafka: what it counts is what is committed there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer

from infra.kafka.clients import producer_config, transactional_producer_config
from infra.kafka.publish import Outgoing
from infra.settings import Settings
from stream.demo.observer import Observer
from stream.demo.tally import Snapshot, Wanted
from stream.records import END_OF_REPLAY, TYPE_HEADER, WATERMARK, DeadHeaders
from stream.topics import Topics
from tests.kafka_tools import wait_until
from tests.unit.stream.demo.records import labeled, window

PATIENCE_S = 30
MARKER = ((TYPE_HEADER, END_OF_REPLAY.encode()),)
BEAT = ((TYPE_HEADER, WATERMARK.encode()),)


@pytest.fixture
def producer(settings: Settings, topics: Topics) -> Producer:
    return Producer(producer_config(settings))


def send(producer: Producer, *records: Outgoing) -> None:
    for record in records:
        producer.produce(record.topic, key=record.key, value=record.value, headers=list(record.headers))
    assert producer.flush(PATIENCE_S) == 0


@contextmanager
def observing(settings: Settings) -> Iterator[Observer]:
    observer = Observer(settings)
    observer.start()
    try:
        yield observer
    finally:
        observer.stop()


def numbers(observer: Observer) -> Snapshot:
    with observer.reading() as tally:
        return tally.snapshot(Wanted(brands=10, tweets=10), now=0.0)


def dead(topics: Topics, origin: tuple[str, int, int], *, stage: str, reason: str, value: bytes) -> Outgoing:
    headers = {
        DeadHeaders.STAGE: stage,
        DeadHeaders.REASON: reason,
        DeadHeaders.MESSAGE: "it could not go on",
        DeadHeaders.ORIGIN_TOPIC: origin[0],
        DeadHeaders.ORIGIN_PARTITION: str(origin[1]),
        DeadHeaders.ORIGIN_OFFSET: str(origin[2]),
    }
    return Outgoing(topics.dead, b"key", value, [(name, text.encode()) for name, text in headers.items()])


def test_tweets_labels_deaths_and_windows_are_counted_and_markers_are_not(
    settings: Settings, topics: Topics, producer: Producer
) -> None:
    first, second = labeled("1", offset=0), labeled("2", offset=1, label="negative")
    too_late = labeled("3", offset=2, minute=9)
    send(
        producer,
        *[Outgoing(topics.tweets, b"k", b"any bytes") for _ in range(4)],
        Outgoing(topics.tweets, None, None, MARKER),
        *[Outgoing(topics.labeled, b"k", record.encode()) for record in (first, second, second, too_late)],
        Outgoing(topics.labeled, None, b"{}", BEAT),
        dead(topics, (topics.tweets, 0, 3), stage="classify", reason="invalid_json", value=b"\xff"),
        dead(topics, (topics.labeled, 0, 3), stage="aggregate", reason="late", value=too_late.encode()),
        Outgoing(topics.windows, b"k", window(counts=(0, 0, 1), closed=False).encode()),
        Outgoing(topics.windows, b"k", window(counts=(1, 0, 1)).encode()),
    )
    with observing(settings) as observer:
        wait_until(lambda: numbers(observer).dead == 2 and numbers(observer).windows, PATIENCE_S, "everything read")
        wait_until(lambda: not numbers(observer).unsettled_windows, PATIENCE_S, "windows as the labels say")
        wait_until(lambda: numbers(observer).received == 4, PATIENCE_S, "all tweets read")
        got = numbers(observer)
        assert (got.labeled, got.settled, got.late, got.duplicates, got.unreadable) == (3, 4, 1, 0, 0)
        assert got.last_dead is not None
        assert got.last_dead.message == "it could not go on"
        with observer.reading() as tally:
            assert tally.worker_seen


def test_what_a_transaction_did_not_commit_is_not_counted(settings: Settings, topics: Topics) -> None:
    producer = Producer(transactional_producer_config(settings, f"{settings.topic_prefix}observed"))
    producer.init_transactions(PATIENCE_S)
    for counts, commit in (((5, 5, 5), False), ((0, 0, 1), True)):
        producer.begin_transaction()
        producer.produce(topics.windows, key=b"k", value=window(counts=counts).encode())
        producer.flush(PATIENCE_S)
        (producer.commit_transaction if commit else producer.abort_transaction)(PATIENCE_S)
    with observing(settings) as observer:
        wait_until(lambda: numbers(observer).windows, PATIENCE_S, "the committed window read")
        assert [row.counts.total for row in numbers(observer).brands] == [1]


def test_records_that_no_stage_wrote_are_counted_as_such_and_stop_nothing(
    settings: Settings, topics: Topics, producer: Producer
) -> None:
    send(
        producer,
        Outgoing(topics.labeled, b"k", b"not json"),
        Outgoing(topics.labeled, b"k", None),
        Outgoing(topics.windows, b"k", b'{"schema_version": 99}'),
        Outgoing(topics.windows, b"k", None),  # retention removed a window: nothing wrong
        Outgoing(topics.dead, b"k", b"no headers"),
        Outgoing(topics.labeled, b"k", labeled("1").encode()),
    )
    with observing(settings) as observer:
        wait_until(lambda: numbers(observer).labeled == 1, PATIENCE_S, "the good record read")
        wait_until(lambda: numbers(observer).unreadable == 4, PATIENCE_S, "the others counted")


def test_latency_is_by_kafkas_clock(settings: Settings, topics: Topics, producer: Producer) -> None:
    with observing(settings) as observer:
        send(producer, Outgoing(topics.tweets, b"k", b"a tweet"))
        wait_until(lambda: numbers(observer).received, PATIENCE_S, "the tweet read")
        [partition] = [p for p in range(settings.partitions) if producer_end(settings, topics.tweets, p)]
        send(producer, Outgoing(topics.labeled, b"k", labeled("1", partition=partition, offset=0).encode()))
        wait_until(lambda: numbers(observer).labeled, PATIENCE_S, "its label read")
        with observer.reading() as tally:
            latency = tally.pulse.latency_of_all()
            assert latency is not None
            assert 0 <= latency.p50 <= tally.elapsed_s


def producer_end(settings: Settings, topic: str, partition: int) -> int:
    """Records of a partition."""
    from tests.kafka_tools import read_all

    return sum(message.partition() == partition for message in read_all(settings, topic))
