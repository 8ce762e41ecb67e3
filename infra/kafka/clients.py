"""Configuration of every librdkafka client, in one place."""

from __future__ import annotations

import logging
from typing import Any

from infra.kafka.security import librdkafka_security
from infra.settings import Settings

MAX_MESSAGE_BYTES = 100_000_000
"""The client's limit, before compression. The topics' own limits, after it, are the ones that count: a record that
fitted into one must not be refused here on its way to the next."""
QUEUE_KIB = 131_072
"""Memory for what is sent and not yet confirmed: 128 MiB. It must hold at least one message of the largest size."""
TRANSACTION_TIMEOUT_MS = 30_000
"""Kafka aborts the transaction of a worker that stops in the middle of one after this time."""

_LIBRDKAFKA = logging.getLogger("librdkafka")


def common_config(settings: Settings) -> dict[str, Any]:
    """What every client needs: where Kafka is, how to be let in, and where its log goes. Raises UsageError.

    librdkafka's own log is for level debug: up to ten lines a second from each
    client while Kafka is away, which those that are not polled keep in memory.
    ``infra.kafka.outage`` says what there is to say, and errors reach callers
    as exceptions in any case.
    """
    return {
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        **librdkafka_security(settings),
        "logger": _LIBRDKAFKA,
        "log_level": 6 if settings.log_level == "debug" else 0,
    }


def producer_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """An idempotent producer that never gives a record up by itself.

    Keys are hashed as Java clients do (librdkafka's default differs), so any
    producer of the field puts a key on the same partition.
    """
    return {
        **common_config(settings),
        "enable.idempotence": True,
        "acks": "all",
        "partitioner": "murmur2_random",
        "linger.ms": 5,
        "compression.type": "lz4",
        "message.timeout.ms": 0,
        "message.max.bytes": MAX_MESSAGE_BYTES,
        "queue.buffering.max.kbytes": QUEUE_KIB,
        **extra,
    }


def transactional_producer_config(settings: Settings, transactional_id: str) -> dict[str, Any]:
    """A producer that fences every earlier one with the same id.

    In a transaction the records' timeout is the transaction's.
    """
    config = producer_config(settings)
    del config["message.timeout.ms"]
    return {
        **config,
        "transactional.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
        "linger.ms": 0,
    }


def reader_config(settings: Settings, **extra: Any) -> dict[str, Any]:
    """A consumer outside any group's bookkeeping, that sees only committed records."""
    return {
        **common_config(settings),
        "group.id": f"{settings.topic_prefix}reader",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        **extra,
    }
