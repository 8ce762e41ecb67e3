"""A transaction that no broker will ever end, as one leaves it that is killed between its decision and the marks of it.

No client makes one, and Kafka guards against it: so that guard is put away for a
moment, and a batch is written that its coordinator never hears of.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource

from infra.kafka.clients import common_config
from infra.settings import Settings

Left = tuple[str, int, bytes, bytes]
"""Topic, partition, key and value of a record."""
_TIMEOUT_MS = 30_000
_BATCH_BYTES = 16_384


def leave_open(settings: Settings, transactional_id: str, records: Sequence[Left]) -> None:
    """Write each of ``records`` as part of a transaction that is never ended."""
    with _unguarded(settings):
        asyncio.run(_write(settings, transactional_id, records))


async def _write(settings: Settings, transactional_id: str, records: Sequence[Left]) -> None:
    client = AIOKafkaClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await client.bootstrap()
    try:
        node = await client.coordinator_lookup(CoordinationType.TRANSACTION, transactional_id)
        asked = InitProducerIdRequest(transactional_id, _TIMEOUT_MS)
        found: Any = await client.send(node, asked, group=ConnectionGroup.COORDINATION)
        assert found.error_code == 0
        for topic, partition, key, value in records:
            batch = DefaultRecordBatchBuilder(2, 0, 1, found.producer_id, found.producer_epoch, 0, _BATCH_BYTES)
            batch.append(0, round(time.time() * 1_000), key, value, [])
            request = ProduceRequest(transactional_id, -1, _TIMEOUT_MS, [(topic, [(partition, bytes(batch.build()))])])
            answer: Any = await client.send(node, request)
            [(_topic, [(_partition, error, *_)])] = answer.topics
            assert error == 0, f"Kafka refused it with error {error}"
    finally:
        await client.close()


@contextmanager
def _unguarded(settings: Settings) -> Iterator[None]:
    _guard(settings, "false")
    try:
        yield
    finally:
        _guard(settings, "true")


def _guard(settings: Settings, value: str) -> None:
    entry = ConfigEntry("transaction.partition.verification.enable", value, incremental_operation=AlterConfigOpType.SET)
    admin = AdminClient(common_config(settings))
    brokers = [
        ConfigResource(ConfigResource.Type.BROKER, str(number), incremental_configs=[entry])
        for number in admin.list_topics(timeout=30).brokers
    ]
    for altered in admin.incremental_alter_configs(brokers).values():
        altered.result(30)
