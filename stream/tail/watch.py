"""Reads a topic for somebody who looks on: all partitions, no group, nothing committed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.errors import KafkaUnavailableError, TopicError
from infra.kafka.admin import describe_topics
from infra.kafka.clients import reader_config
from infra.kafka.incoming import headers_of
from infra.settings import Settings
from stream.records import TYPE_HEADER

POLL_S = 0.2
MOST_AT_ONCE = 500
ANSWER_S = 5.0
"""Somebody sits and waits: less patience than a worker has."""
_PARTITION_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001 - librdkafka's own name for it
_ALL_BROKERS_DOWN = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
_GONE = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION}  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Watched:
    """A record as it came from Kafka; ``timestamp_ms`` is the broker's."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes | None]

    @property
    def type(self) -> str:
        """What the header says the record is; empty for ordinary records."""
        return (self.headers.get(TYPE_HEADER) or b"").decode("utf-8", "replace")


def watch(
    settings: Settings, topic: str, *, from_start: bool, until_end: bool, wanted: Callable[[], bool]
) -> Generator[Watched]:
    """The records of a topic, from its start or from now on, until its end or while ``wanted`` (asked when idle).

    Raises KafkaUnavailableError when Kafka does not answer at the beginning,
    later it waits; TopicError when the topic does not exist, or not any more.
    """
    found = describe_topics(settings, [topic], ANSWER_S)
    if topic not in found:
        raise TopicError(f"topic {topic} does not exist yet; run: barometer topics create")
    partitions = range(found[topic].partitions)
    notice = _Notice(settings.kafka_bootstrap_servers)
    config: dict[str, Any] = {"enable.partition.eof": True, "error_cb": notice.note}
    consumer = Consumer(reader_config(settings, **config))
    try:
        starts = {} if from_start else _ends(consumer, settings, topic, partitions)
        consumer.assign([TopicPartition(topic, number, starts.get(number, OFFSET_BEGINNING)) for number in partitions])
        if sys.stderr.isatty():
            click.echo(f"watching {topic} from {'its start' if from_start else 'now on'}; Ctrl-C ends", err=True)
        unfinished = set(partitions)
        while (unfinished or not until_end) and wanted():
            yield from _read(consumer, topic, unfinished, notice)
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, unfinished: set[int], notice: _Notice) -> Iterator[Watched]:
    """What comes within POLL_S; partitions read to their end leave ``unfinished``."""
    for message in consumer.consume(MOST_AT_ONCE, POLL_S):
        error = message.error()
        if error is None:
            notice.clear()
            yield _watched(message)
        elif error.code() == _PARTITION_EOF:
            unfinished.discard(message.partition() or 0)
        elif error.code() in _GONE:
            raise TopicError(f"topic {topic} is gone: {error.str()}")


def _watched(message: Message) -> Watched:
    return Watched(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        timestamp_ms=message.timestamp()[1],
        key=_bytes(message.key()),
        value=_bytes(message.value()),
        headers=dict(headers_of(message)),
    )


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _ends(consumer: Consumer, settings: Settings, topic: str, partitions: range) -> dict[int, int]:
    """Where each partition ends now: what is written after this call is seen. Raises KafkaUnavailableError."""
    ends = {}
    for number in partitions:
        try:
            _low, ends[number] = consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER_S)
        except KafkaException as error:
            raise KafkaUnavailableError(
                f"Kafka at {settings.kafka_bootstrap_servers} does not say where {topic} ends "
                f"({error.args[0].str()}); try again, or use --from-start"
            ) from error
    return ends


class _Notice:
    """Says once that Kafka is away, and again only after it was back."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._said = False

    def note(self, error: KafkaError) -> None:
        if error.code() == _ALL_BROKERS_DOWN and not self._said:
            self._said = True
            click.echo(f"Kafka at {self._address} does not answer; waiting for it", err=True)

    def clear(self) -> None:
        self._said = False
