"""What a poll waits for: partitions that are held back are not kept waiting by those that have nothing."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from faust.types import TP

from infra.kafka.even import Evenly
from infra.kafka.membership import ENOUGH_S, LedgerConsumer, LedgerConsumerThread

OPEN = TP("tweets", 0)
PATIENCE_S = 1.0


def longest_wait(monkeypatch: pytest.MonkeyPatch, *, held_back: bool) -> float:
    """How long a poll waits at a partition that has nothing."""
    waits: list[float] = []

    async def nothing(_self: Any, _consumer: Any, _active: Any, timeout: float, _most: Any) -> dict[Any, Any]:  # noqa: ASYNC109  Faust's
        waits.append(timeout)
        return {}

    monkeypatch.setattr(AIOKafkaConsumerThread, "_fetch_records", nothing)
    thread: Any = LedgerConsumerThread.__new__(LedgerConsumerThread)
    thread.evenly, thread._record_bytes = Evenly(), 1.0
    transport = SimpleNamespace(first_topic="", room=lambda _record_bytes: 100)
    thread.consumer = SimpleNamespace(transport=transport, held_back=held_back, handed_out={})
    assert asyncio.run(thread._fetch_records(None, {OPEN}, PATIENCE_S, 100)) == {}
    return max(waits)


def test_while_all_partitions_are_read_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert longest_wait(monkeypatch, held_back=False) == PATIENCE_S


def test_while_some_are_held_back_it_looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    assert longest_wait(monkeypatch, held_back=True) == ENOUGH_S


def test_faust_holds_partitions_back_and_says_which() -> None:
    consumer: Any = LedgerConsumer.__new__(LedgerConsumer)
    consumer._buffered_partitions = set()
    assert not consumer.held_back
    assert "self._buffered_partitions.add(tp)" in inspect.getsource(Consumer.on_buffer_full)
    consumer._buffered_partitions.add(OPEN)
    assert consumer.held_back
