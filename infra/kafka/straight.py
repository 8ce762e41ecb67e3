"""Messages straight from the consumer to the stage that reads their topic.

Faust decodes a message, makes an event of it, and leads that through a stream
of coroutines into a buffer of which batches are taken. Here a message goes as it
is onto the queue of its topic, and batches are taken from that. The queues, and
how they hold partitions back when they fill, stay Faust's.

Touches: ``Conductor._build_handler`` (asked, for each partition assigned, what is
done with its messages) and ``FlowControlQueue``, which Faust empties when it
resumes after a rebalance: the ledger finds what is missing then.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from faust.transport.conductor import Conductor
from faust.types import TP, Message


class StraightConductor(Conductor):
    """Hands messages on without looking into them. Each topic has one reader."""

    def _build_handler(self, tp: TP, channels: Any) -> Callable[[Message], Awaitable[None]]:
        consumer, flow = self.app.consumer, self.app.flow_control
        (channel,) = channels
        queue = channel.queue

        def filling() -> None:
            consumer.on_buffer_full(tp)

        def emptied() -> None:
            consumer.on_buffer_drop(tp)

        async def hand_on(message: Message) -> None:
            await flow.acquire()
            if queue.full():  # in a task of its own, which is cancelled when Faust empties the queue
                await asyncio.wait([asyncio.ensure_future(queue.put(message))])
            else:
                queue.put_nowait_enhanced(message, on_pressure_high=filling, on_pressure_drop=emptied)

        return hand_on


LOOK_S = 0.02
"""So long until it is looked again whether a full batch waits for a stage that is at work."""


async def batches(
    queue: asyncio.Queue[Message], most: Callable[[], int], wait_s: float, free: asyncio.Event | None = None
) -> AsyncIterator[list[Message]]:
    """Messages of ``queue`` as they come: ``most()`` at once, or as many as come within ``wait_s`` of the first.

    ``free``: set while the stage has nothing to do. While it has, it is given full batches only.

    A first message that is there already came after the batch before was taken,
    and waited while that was worked on: this counts. So a stage that takes
    longer than ``wait_s`` for a batch never waits, and batches grow by themselves
    as there is more to do.
    """
    now = asyncio.get_running_loop().time
    taken = now()
    fits = queue.maxsize // 2 or sys.maxsize  # Faust stops reading before a queue is full
    while True:
        while free is not None and not free.is_set() and queue.qsize() < min(most(), fits):
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await free.wait()
        since = taken if queue.qsize() else None
        batch, size = [await queue.get()], most()
        with suppress(TimeoutError):
            async with asyncio.timeout_at((now() if since is None else since) + wait_s):
                while len(batch) < size:
                    batch.append(queue.get_nowait() if queue.qsize() else await queue.get())
        taken = now()
        yield batch
