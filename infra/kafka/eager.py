"""Waiting for a message to be handed on, at the cost of a call where there is nothing to wait for.

Faust hands on each message beside three other waits (told to suspend, stopped,
crashed): four tasks for a message, of which nearly every one is done before it
could have waited. They were a third of all that a worker did.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, cast

from mode.services import WaitResults

_DONE = WaitResults(done=[], results=[], stopped=False)


class EagerWait:
    """For a Faust consumer, before its class: ``wait_first`` begins with the work itself."""

    suspend_flow: Any

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
