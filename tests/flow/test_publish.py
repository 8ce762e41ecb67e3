"""Records that are handed over in one call lie where they would lie alone, in their order, with all they had."""

from __future__ import annotations

from confluent_kafka import Producer

from infra.kafka.clients import producer_config
from infra.kafka.incoming import Headers, headers_of
from infra.kafka.publish import AT_ONCE, ConfirmedPublisher, Outgoing, send
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from stream.topics import Topics

KEYS = [f"brand {number}".encode() for number in range(40)] + ["Łódź".encode(), b""]


def records(topic: str) -> list[Outgoing]:
    """Some have headers, a partition or no value, and go alone between the others."""
    return [
        Outgoing(
            topic,
            KEYS[number % len(KEYS)],
            b"%d" % number if number % 13 else None,
            (("number", b"%d" % number),) if number % 50 == 1 else (),
            1 if number % 70 == 2 else None,
        )
        for number in range(3 * AT_ONCE)
    ]


def published(settings: Settings, topic: str) -> list[tuple[int, bytes | None, bytes | None, Headers]]:
    """What lies in a topic, partition by partition."""
    return [
        (number, message.key(), message.value(), headers_of(message))
        for number in range(settings.partitions)
        for message in read_to_end(settings, topic, number)
    ]


def test_records_of_one_call_lie_where_they_would_alone_in_their_order(settings: Settings, topics: Topics) -> None:
    one_by_one = Producer(producer_config(settings))
    for record in records(topics.labeled):
        send(one_by_one, record)
    assert one_by_one.flush(60) == 0
    assert ConfirmedPublisher(settings).publish(records(topics.tweets)) == 3 * AT_ONCE
    expected = published(settings, topics.labeled)
    assert len({partition for partition, *_rest in expected}) == settings.partitions
    assert published(settings, topics.tweets) == expected


def test_a_record_without_key_is_published_too(settings: Settings, topics: Topics) -> None:
    assert ConfirmedPublisher(settings).publish(Outgoing(topics.tweets, None, b"%d" % n) for n in range(9)) == 9
    assert sorted(value or b"" for _place, _key, value, _headers in published(settings, topics.tweets)) == [
        b"%d" % number for number in range(9)
    ]
