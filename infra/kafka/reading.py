"""Reading a topic from its beginning to its end as it is now."""

from __future__ import annotations

import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from infra.errors import KafkaUnavailableError
from infra.kafka.access import denied
from infra.kafka.admin import partition_count
from infra.kafka.clients import reader_config
from infra.settings import Settings

SILENCE_S = 30.0
_TOGETHER = 10_000
_WAIT_S = 0.05


def read_to_end(settings: Settings, topic: str, partition: int | None = None) -> Iterator[Message]:
    """Every committed record of ``topic``, or of one partition of it, each partition in its order.

    Ends where each partition ended when it was first reached. Raises
    KafkaUnavailableError when Kafka says nothing for SILENCE_S seconds,
    KafkaAccessError when it does not let us, TopicError when there is no such topic.
    """
    numbers = [partition] if partition is not None else range(partition_count(settings, topic))
    # A short fetch wait: the broker holds an answer back to fill it, and most state partitions are small.
    consumer = Consumer(reader_config(settings, **{"enable.partition.eof": True, "fetch.wait.max.ms": 20}))
    try:
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
        unfinished = set(numbers)
        heard_at = time.monotonic()
        while unfinished:
            for message in consumer.consume(_TOGETHER, timeout=_WAIT_S):  # waits that long unless it fills
                heard_at = time.monotonic()
                error = message.error()
                if error is None:
                    if message.partition() in unfinished:
                        yield message
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  the library names it so
                    unfinished.discard(message.partition() or 0)
                else:
                    raise denied(settings, error, topic) or _unavailable(settings, error.str())
            if time.monotonic() - heard_at > SILENCE_S:
                raise _unavailable(settings, f"no answer for {SILENCE_S:.0f} s")
    except KafkaException as error:
        raise denied(settings, error.args[0], topic) or _unavailable(settings, error.args[0].str()) from error
    finally:
        consumer.close()


def newest_values(settings: Settings, topic: str, partition: int) -> dict[bytes, bytes]:
    """The newest value of every key in one partition of a compacted topic, without those that were removed.

    Raises as ``read_to_end`` does.
    """
    newest: dict[bytes, bytes] = {}
    for message in read_to_end(settings, topic, partition):
        key, value = message.key() or b"", message.value()
        if value is None:
            newest.pop(key, None)
        else:
            newest[key] = value
    return newest


def _unavailable(settings: Settings, why: str) -> KafkaUnavailableError:
    return KafkaUnavailableError(
        f"cannot read from Kafka at {settings.kafka_bootstrap_servers}: {why}; "
        "start it, or set BAROMETER_KAFKA_BOOTSTRAP_SERVERS"
    )
