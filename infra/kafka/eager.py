"""Where Faust's consumer waits longer than there is something to wait for.

It hands on each message beside three other waits (told to suspend, stopped,
crashed): four tasks for a message, of which nearly every one is done before it
could have waited. They were a third of all that a worker did.

And when every partition is held back, because the queue of its stage was full,
it sleeps for a second before it looks again: a quick stage is done with the
queue in a tenth of that, and had nothing to do for half of the time.

Touches: ``wait_first``, ``_wait_next_records`` (called before each poll), and what is called when partitions may
be read again: ``on_buffer_drop``, and ``resume_flow`` after a rebalance, when they have been sought and queues emptied.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, cast

from faust.types import TP
from mode.services import WaitResults

LOOK_S = 1.0
"""So long, as in Faust, until a consumer that may read nothing looks whether it is to stop."""
_DONE = WaitResults(done=[], results=[], stopped=False)


class EagerWait:
    """For a Faust consumer, before its class: it waits for no longer than it must."""

    suspend_flow: Any
    flow_active: bool

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._may_read = asyncio.Event()

    def on_buffer_drop(self, tp: TP) -> None:
        cast("Any", super()).on_buffer_drop(tp)
        self._may_read.set()

    def resume_flow(self) -> None:
        cast("Any", super()).resume_flow()
        self._may_read.set()

    async def _wait_next_records(self, timeout: float) -> tuple[Any, Any]:  # noqa: ASYNC109  Faust's
        """As in Faust; while no partition may be read, it goes on as soon as one may."""
        active = cast("Any", self)._get_active_partitions  # noqa: SLF001
        if self.flow_active and not active():
            self._may_read.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._may_read.wait()
            if not active():
                return {}, set()
        wait_next_records = cast("Any", super())._wait_next_records  # noqa: SLF001
        return cast("tuple[Any, Any]", await wait_next_records(timeout))

    async def wait_first(self, *waits: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109  (mode's)
        """As in mode; a coroutine that comes first and ends without waiting is all there is to it."""
        wait_first = cast("Any", super()).wait_first
        work = waits[0]
        if timeout is not None or not isinstance(work, Coroutine) or self.suspend_flow.is_set():
            return cast("WaitResults", await wait_first(*waits, timeout=timeout))
        try:
            waits_for = work.send(None)
        except BaseException as end:
            for other in waits[1:]:
                if isinstance(other, Coroutine):
                    other.close()
            if isinstance(end, StopIteration):
                return _DONE
            raise
        return cast("WaitResults", await wait_first(_to_end(work, waits_for), *waits[1:]))


async def _to_end(work: Coroutine[Any, Any, Any], waits_for: Any) -> Any:
    """Go on with ``work``, which waits for ``waits_for``."""
    return await _Rest(work, waits_for)


class _Rest:
    """What is left of a coroutine that has begun elsewhere."""

    def __init__(self, work: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        work, waits_for = self._work, self._waits_for
        go_on: Callable[[Any], Any]
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001  the work's business, as if it had waited itself
                go_on, given = work.throw, error
            else:
                go_on, given = work.send, sent
            try:
                waits_for = go_on(given)
            except StopIteration as end:
                return end.value
