"""Header names that are not UTF-8: Kafka takes them, and clients in C or Go can send them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy


class OddName(str):
    """A name whose bytes are what they are, for aiokafka's builder in Python."""

    __slots__ = ("_raw",)
    _raw: bytes

    def __new__(cls, raw: bytes) -> Self:
        name = super().__new__(cls, raw.decode("utf-8", "backslashreplace"))
        name._raw = raw
        return name

    def encode(self, *_args: str, **_kwargs: str) -> bytes:
        return self._raw


def produce_with_header(
    bootstrap_servers: str, topic: str, partition: int, values: Sequence[bytes], name: bytes
) -> int:
    """Write ``values`` in one batch, each with a header of this name. Returns the offset of the first."""

    async def send() -> int:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap_servers) as producer:
            batch = producer.create_batch()
            batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, -1, 1 << 20)
            for value in values:
                batch.append(key=None, value=value, timestamp=None, headers=[(OddName(name), b"\xfe")])
            sent = await producer.send_batch(batch, topic, partition=partition)
            return int((await sent).offset)

    return asyncio.run(send())
