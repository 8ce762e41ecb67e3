"""An event loop whose clock is advanced instead of waited for.

Where nothing is ready, time jumps to the next timer. Where there is no timer
either, something waits for what will never come: that is an error at once, and
no test hangs.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingLeftError(AssertionError):
    """Every task waits, and nothing is left that could wake one."""


class _Selector(selectors.SelectSelector):
    """Never sleeps: waiting is only a number."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingLeftError("every task waits for something that nobody will do")
        self.now += max(timeout, 0.0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop. Nothing outside of it (threads, sockets) can be waited for."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)
        # Timers due within a resolution of the clock run together: else rounding could keep one waiting for ever.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._virtual.now


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns, in no time at all."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
