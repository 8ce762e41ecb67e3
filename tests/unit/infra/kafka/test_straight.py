"""Batches from a queue: full ones at once, others after a while, and nothing lost between them."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from faust.transport.base import Transport
from faust.transport.conductor import Conductor
from mode.utils.queues import FlowControlEvent, FlowControlQueue

from infra.kafka.straight import LOOK_S, batches

LONG_S, SHORT_S = 60.0, 0.01


def queue_of(*messages: int) -> Any:
    queue: Any = FlowControlQueue(maxsize=100, flow_control=FlowControlEvent(initially_suspended=False))
    for message in messages:
        queue.put_nowait(message)
    return queue


async def take(queue: Any, most: int, wait_s: float, count: int) -> list[Any]:
    taken: list[Any] = []
    async for batch in batches(queue, lambda: most, wait_s):
        taken.append(batch)
        if len(taken) == count:
            break
    return taken


def test_a_full_batch_is_not_waited_for() -> None:
    assert asyncio.run(take(queue_of(1, 2, 3, 4), 2, LONG_S, 2)) == [[1, 2], [3, 4]]


def test_what_has_come_is_given_after_a_while() -> None:
    assert asyncio.run(take(queue_of(1, 2, 3), 10, SHORT_S, 1)) == [[1, 2, 3]]


def test_a_batch_fills_while_it_is_waited_for() -> None:
    async def scenario() -> list[Any]:
        queue = queue_of(1)
        taking = asyncio.create_task(take(queue, 2, LONG_S, 1))
        await asyncio.sleep(0)
        await queue.put(2)
        return await taking

    assert asyncio.run(scenario()) == [[1, 2]]


def test_who_worked_longer_than_the_wait_gets_what_has_come_meanwhile_at_once() -> None:
    async def scenario() -> list[Any]:
        loop = asyncio.get_running_loop()
        queue, clock, passed = queue_of(1, 2), loop.time, 0.0
        loop.time = lambda: clock() + passed  # type: ignore[method-assign]
        taking = batches(queue, lambda: 2, LONG_S)
        got = [await anext(taking)]
        passed = LONG_S
        await queue.put(3)
        async with asyncio.timeout(LONG_S / 6):
            got.append(await anext(taking))
        return got

    assert asyncio.run(scenario()) == [[1, 2], [3]]


def test_a_stage_that_is_at_work_gets_full_batches_only_and_what_there_is_when_it_is_done() -> None:
    async def scenario() -> list[Any]:
        queue, free = queue_of(1, 2, 3, 4, 5), asyncio.Event()
        taking = batches(queue, lambda: 2, SHORT_S, free)
        got = [await anext(taking), await anext(taking)]
        rest = asyncio.ensure_future(anext(taking))
        await asyncio.sleep(3 * LOOK_S)
        assert not rest.done()
        assert queue.qsize() == 1, "what waits stays where a rebalance finds it"
        free.set()
        return [*got, await rest]

    assert asyncio.run(scenario()) == [[1, 2], [3, 4], [5]]


def test_a_full_batch_that_comes_while_the_stage_is_at_work_is_seen() -> None:
    async def scenario() -> list[Any]:
        queue = queue_of()
        taking = asyncio.ensure_future(anext(batches(queue, lambda: 2, LONG_S, asyncio.Event())))
        await asyncio.sleep(LOOK_S / 2)
        for number in range(2):
            await queue.put(number)
        async with asyncio.timeout(LONG_S):
            return await taking

    assert asyncio.run(scenario()) == [0, 1]


def test_what_comes_just_when_the_wait_ends_is_in_this_batch_or_the_next() -> None:
    async def scenario() -> list[Any]:
        queue = queue_of()
        got: list[Any] = []

        async def read() -> None:
            async for batch in batches(queue, lambda: 5, 0.0005):
                got.extend(batch)

        reading = asyncio.create_task(read())
        for number in range(300):
            await queue.put(number)
            await asyncio.sleep(0.0001 * (number % 9))
        await asyncio.sleep(SHORT_S)
        reading.cancel()
        return got

    assert asyncio.run(scenario()) == list(range(300))


def test_faust_asks_the_conductor_of_the_transport_for_what_is_done_with_a_partition() -> None:
    assert "self.Conductor(app=self.app" in inspect.getsource(Transport.create_conductor)
    assert "self._build_handler(tp," in inspect.getsource(Conductor._update_callback_map)
    assert list(inspect.signature(Conductor._build_handler).parameters) == ["self", "tp", "channels"]
