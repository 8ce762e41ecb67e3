"""Reading a topic from its beginning to its end as it is now."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.errors import KafkaUnavailableError
from infra.kafka import ledger
from infra.kafka.access import denied
from infra.kafka.admin import partition_count
from infra.kafka.clients import reader_config
from infra.kafka.incoming import Incoming, headers_of
from infra.settings import Settings

SILENCE_S = 30.0
OPEN_TRANSACTION_S = 45.0
"""Kafka aborts a transaction that was left open after TRANSACTION_TIMEOUT_MS, and looks for such every 10 s."""
_TOGETHER = 500
"""Messages from librdkafka in one call: with 10,000 it takes twice as long."""
_BEGINNING = 0
"""Where every partition once began. For librdkafka's OFFSET_BEGINNING it asks the broker first, and waits 0.5 s
before it does; an offset that retention has removed is answered with the oldest (``auto.offset.reset``)."""
_CONFIG = {
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 20,  # the broker holds an answer back to fill it, and most state partitions are small
    "fetch.queue.backoff.ms": 20,  # what waits to be read is soon read: do not rest for a second
}
_WAIT_S = 0.05


class OpenTransactionError(KafkaUnavailableError):
    """A transaction was left open, and nobody ended it."""


def read_to_end(
    settings: Settings, topic: str, partition: int | None = None, *, open_s: float = SILENCE_S + OPEN_TRANSACTION_S
) -> Iterator[Message]:
    """Every committed record of ``topic``, or of one partition of it, each partition in its order.

    Ends where each partition ended when its end was first reached. A transaction
    that was open there is waited for, so that all is seen that was confirmed
    before the call: Kafka confirms a transaction before all its partitions show
    it. Raises KafkaUnavailableError when Kafka says nothing for SILENCE_S
    seconds, OpenTransactionError when one is still open after ``open_s``,
    KafkaAccessError when it does not let us, TopicError when there is no such
    topic.
    """
    numbers = [partition] if partition is not None else range(partition_count(settings, topic))
    consumer = Consumer(reader_config(settings, **_CONFIG))
    try:
        consumer.assign([TopicPartition(topic, number, _BEGINNING) for number in numbers])
        unfinished = set(numbers)
        ends: dict[int, int] = {}
        heard_at = time.monotonic()
        while unfinished:
            for message in consumer.consume(_TOGETHER, timeout=_WAIT_S):  # waits that long unless it fills
                heard_at = time.monotonic()
                number, error = message.partition() or 0, message.error()
                if error is None:
                    if number in unfinished:
                        yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library names it so
                    end = ends.setdefault(number, _end_with_open_transactions(consumer, topic, number))
                    if (message.offset() or 0) >= end:
                        unfinished.discard(number)
                else:
                    raise denied(settings, error, topic) or _unavailable(settings, error.str())
            silent_s = time.monotonic() - heard_at
            if ends.keys() >= unfinished and silent_s > open_s:
                stuck = ", ".join(f"{topic}-{number}" for number in sorted(unfinished))
                raise OpenTransactionError(
                    f"a transaction in {stuck} has been open for {open_s:.0f} s, and hides what comes after it; if it "
                    "stays so, end it with kafka-transactions.sh (find-hanging, abort)"
                )
            if (not ends and silent_s > SILENCE_S) or silent_s > SILENCE_S + OPEN_TRANSACTION_S:
                raise _unavailable(settings, f"no answer for {silent_s:.0f} s")
    except KafkaException as error:
        raise denied(settings, error.args[0], topic) or _unavailable(settings, error.args[0].str()) from error
    finally:
        consumer.close()


def _end_with_open_transactions(consumer: Consumer, topic: str, number: int) -> int:
    """Where a partition ends, as the broker's last answer to a fetch said."""
    _low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), cached=True)
    return high


def newest_records(settings: Settings, topic: str, partition: int, count: int, timeout: float) -> list[Incoming]:
    """The last ``count`` records of a partition, or those of them that come within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    tp = ledger.TopicPartition(topic, partition)
    found: list[Incoming] = []
    consumer = Consumer(reader_config(settings, **_CONFIG))
    try:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=timeout)
        consumer.assign([TopicPartition(topic, partition, max(low, high - count))])
        while (left := deadline - time.monotonic()) > 0:
            for message in consumer.consume(_TOGETHER, timeout=min(left, _WAIT_S)):
                error = message.error()
                if error is None:
                    offset, appended_ms = message.offset() or 0, message.timestamp()[1]
                    found.append(Incoming(tp, offset, message.key(), message.value(), headers_of(message), appended_ms))
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library names it so
                    return found
        return found
    except KafkaException as error:
        raise denied(settings, error.args[0], topic) or _unavailable(settings, error.args[0].str()) from error
    finally:
        consumer.close()


def newest_values(
    settings: Settings, topic: str, partition: int, *, open_s: float = SILENCE_S + OPEN_TRANSACTION_S
) -> dict[bytes, bytes]:
    """The newest value of every key in one partition of a compacted topic, without those that were removed.

    ``open_s`` and what it raises: as for ``read_to_end``.
    """
    newest: dict[bytes, bytes] = {}
    for message in read_to_end(settings, topic, partition, open_s=open_s):
        key, value = message.key() or b"", message.value()
        if value is None:
            newest.pop(key, None)
        else:
            newest[key] = value
    return newest


def read_incoming(settings: Settings, topic: str, partition: int) -> Iterator[Incoming]:
    """``read_to_end`` of one partition, as records that a stage can work on."""
    tp = ledger.TopicPartition(topic, partition)
    for message in read_to_end(settings, topic, partition):
        offset, appended_ms = message.offset() or 0, message.timestamp()[1]
        yield Incoming(tp, offset, message.key(), message.value(), headers_of(message), appended_ms)


def _unavailable(settings: Settings, why: str) -> KafkaUnavailableError:
    return KafkaUnavailableError(
        f"cannot read from Kafka at {settings.kafka_bootstrap_servers}: {why}; "
        "start it, or set BAROMETER_KAFKA_BOOTSTRAP_SERVERS"
    )
