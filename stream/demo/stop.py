"""Ctrl-C and SIGTERM: the first asks for a clean end, the second ends at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

_LEAVE_SCREEN = "\x1b[?1049l\x1b[?25h"
"""Back from the alternate screen, cursor visible."""


class StopSignals:
    """A context in which SIGINT and SIGTERM set an event instead of raising, so that nothing is left half done."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.before_end: Callable[[], None] = lambda: None
        """Called when the second signal comes."""
        self._number: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """128 plus the signal, as shells have it; 0 if none came."""
        return 0 if self._number is None else 128 + self._number

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number = number
            self.requested.set()
            return
        # The guards of our children see our end and stop them.
        self.before_end()
        if sys.stdout.isatty():
            os.write(sys.stdout.fileno(), _LEAVE_SCREEN.encode())
        os._exit(128 + number)
