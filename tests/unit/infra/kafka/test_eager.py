"""Work that need not wait is done at once; work that must, waits beside what may end the wait, as before."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.conductor import Conductor
from faust.transport.consumer import Consumer
from faust.types import TP
from mode import Service
from mode.utils.locks import Event

from infra.kafka.eager import LOOK_S, EagerWait


class Waiting(EagerWait, Service):
    def __init__(self) -> None:
        super().__init__()
        self.suspend_flow = Event()


def within(test: Callable[[Waiting], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        service = Waiting()
        async with service:
            return await asyncio.wait_for(test(service), 10)

    return asyncio.run(run())


def test_work_that_need_not_wait_makes_no_task() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(len(asyncio.all_tasks()))

    async def test(service: Waiting) -> int:
        await service.wait_first(work(), service.suspend_flow.wait())
        return len(asyncio.all_tasks())

    assert within(test) == done[0]


def test_an_error_is_told() -> None:
    async def work() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        within(lambda service: service.wait_first(work(), service.suspend_flow.wait()))


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_work_that_waits_is_waited_for_with_what_it_waits_for(steps: int) -> None:
    heard: list[int] = []

    async def test(service: Waiting) -> None:
        loop = asyncio.get_running_loop()

        async def work() -> None:
            for number in range(steps):
                answer = loop.create_future()
                loop.call_later(0.001, answer.set_result, number)
                heard.append(await answer)
                await asyncio.sleep(0)

        await service.wait_first(work(), service.suspend_flow.wait())

    within(test)
    assert heard == list(range(steps))


@pytest.mark.parametrize("end", ["suspend", "stop"])
def test_a_wait_ends_when_the_flow_is_suspended_or_stopped_and_the_work_is_cancelled(end: str) -> None:
    told: list[str] = []

    async def test(service: Waiting) -> None:
        async def work() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                told.append("cancelled")
                raise

        waiting = asyncio.ensure_future(service.wait_first(work(), service.suspend_flow.wait()))
        await asyncio.sleep(0)
        if end == "suspend":
            service.suspend_flow.set()
        else:
            service.set_shutdown()
            service._stopped.set()
        await waiting
        await asyncio.sleep(0)

    within(test)
    assert told == ["cancelled"]


def test_while_suspended_it_is_as_it_was() -> None:
    async def test(service: Waiting) -> bool:
        service.suspend_flow.set()
        begun = asyncio.Event()

        async def work() -> None:
            begun.set()
            await asyncio.Event().wait()

        await service.wait_first(work(), service.suspend_flow.wait())
        return begun.is_set()

    assert within(test)


def test_faust_waits_so_for_each_message_and_lets_others_run_now_and_then() -> None:
    source = inspect.getsource(Consumer._drain_messages)
    assert "await self.wait_first(" in source
    assert "callback(message), self.suspend_flow.wait()" in source
    assert "if num_since_yield > yield_every:" in source
    assert "wait_for(" not in inspect.getsource(Conductor), "a time limit would be set on the task that begins the work"
    assert "timeout(" not in inspect.getsource(Conductor)


HERE, THERE = TP("tweets", 0), TP("tweets", 1)


class OfFaust:
    """What Faust's consumer does with partitions that are held back."""

    on_buffer_full: Any = Consumer.on_buffer_full
    on_buffer_drop: Any = Consumer.on_buffer_drop
    resume_flow: Any = Consumer.resume_flow
    _get_active_partitions: Any = Consumer._get_active_partitions
    _wait_next_records: Any = Consumer._wait_next_records

    def __init__(self) -> None:
        self.app = SimpleNamespace(in_recovery=False, client_only=False)
        self.flow_active = True
        self.not_waiting_next_records, self.can_resume_flow, self.suspend_flow = Event(), Event(), Event()
        self._active_partitions: set[TP] = {HERE, THERE}
        self._buffered_partitions: set[TP] = set()
        self.waited_for: list[Event] = []

    async def wait(self, event: Event) -> None:
        self.waited_for.append(event)

    async def sleep(self, _seconds: float) -> None:
        """As Faust does where nothing may be read."""

    async def _getmany(self, *, active_partitions: set[TP], timeout: float) -> Any:  # noqa: ASYNC109  Faust's
        return dict.fromkeys(active_partitions, timeout)


class Reading(EagerWait, OfFaust):
    """A consumer of two partitions."""


def reading(test: Callable[[Reading], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        consumer = Reading()
        consumer.on_buffer_full(HERE)
        consumer.on_buffer_full(THERE)
        return await asyncio.wait_for(test(consumer), 10)

    return asyncio.run(run())


async def woken(consumer: Reading, wake: Callable[[], None]) -> tuple[Any, Any, float]:
    """What a poll that waits gets, and how long after ``wake``."""
    waiting = asyncio.ensure_future(consumer._wait_next_records(1.0))
    await asyncio.sleep(0)
    before = time.monotonic()
    wake()
    return *await waiting, time.monotonic() - before


def test_a_partition_that_was_held_back_is_read_as_soon_as_it_may_be() -> None:
    records, active, took_s = reading(lambda consumer: woken(consumer, lambda: consumer.on_buffer_drop(HERE)))
    assert (records, active) == ({HERE: 1.0}, {HERE})
    assert took_s < LOOK_S / 2


def test_after_a_rebalance_it_is_read_when_the_flow_goes_on_and_not_before_it_is_sought() -> None:
    async def test(consumer: Reading) -> tuple[Any, Any, float]:
        waiting = asyncio.ensure_future(consumer._wait_next_records(1.0))
        await asyncio.sleep(0)
        consumer._active_partitions.add(HERE)
        await asyncio.sleep(LOOK_S / 4)
        assert not waiting.done()
        before = time.monotonic()
        consumer.resume_flow()
        return *await waiting, time.monotonic() - before

    records, _active, took_s = reading(test)
    assert records == {HERE: 1.0}
    assert took_s < LOOK_S / 2


def test_who_may_read_nothing_looks_now_and_then_whether_to_stop() -> None:
    assert reading(lambda consumer: consumer._wait_next_records(1.0)) == ({}, set())


def test_what_may_be_read_is_not_waited_for() -> None:
    async def test(consumer: Reading) -> Any:
        consumer.on_buffer_drop(THERE)
        async with asyncio.timeout(LOOK_S / 2):
            return await consumer._wait_next_records(1.0)

    assert reading(test) == ({THERE: 1.0}, {THERE})


def test_while_the_flow_stands_still_faust_waits() -> None:
    async def test(consumer: Reading) -> bool:
        consumer.flow_active = False
        await consumer._wait_next_records(1.0)
        return consumer.waited_for == [consumer.can_resume_flow]

    assert reading(test)


def test_faust_itself_would_sleep_and_its_getmany_bears_that_there_is_nothing() -> None:
    assert "await self.sleep(1)" in inspect.getsource(Consumer._wait_next_records)
    assert "records, active_partitions = await self._wait_next_records(timeout)" in inspect.getsource(Consumer.getmany)
