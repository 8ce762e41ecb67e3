"""Where frames go: a full screen on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.live import Live

from stream.demo.layout import Layout, lay_out
from stream.demo.view import Frame, draw, plain_line

SCREEN_PAUSE_S = 0.25
PLAIN_EVERY_S = 5.0
_PLAIN_WIDTH, _PLAIN_HEIGHT = 80, 24


class Display(Protocol):
    """Shows frames until it is left."""

    pause_s: float
    """Time between two frames."""

    def layout(self, commands: int, notes: int) -> Layout:
        """What there is room for at this moment."""

    def show(self, frame: Frame, layout: Layout) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ScreenDisplay:
    """The alternate screen of a terminal, drawn whole each time: it follows every resize and leaves no trace."""

    pause_s = SCREEN_PAUSE_S

    def __init__(self, console: Console, log_file: Path) -> None:
        self._console = console
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._stack = contextlib.ExitStack()
        self._log_file = log_file

    def layout(self, commands: int, notes: int) -> Layout:
        size = self._console.size
        return lay_out(size.width, size.height, commands=commands, notes=notes)

    def show(self, frame: Frame, layout: Layout) -> None:
        self._live.update(draw(frame, layout), refresh=True)

    def __enter__(self) -> Self:
        self._stack.enter_context(_stderr_into(self._log_file))
        self._stack.enter_context(self._live)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


class PlainDisplay:
    """Lines without any control characters: what starts, then the numbers every few seconds."""

    pause_s = SCREEN_PAUSE_S

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._said: dict[str, str] = {}
        self._next = 0.0
        self._done = False

    def layout(self, commands: int, notes: int) -> Layout:
        return lay_out(_PLAIN_WIDTH, _PLAIN_HEIGHT, commands=commands, notes=notes)

    def show(self, frame: Frame, layout: Layout) -> None:
        for step in frame.steps:
            self._say(step.name, f"{step.name}: {step.detail}" if step.state != "waiting" else "")
        for number, note in enumerate(frame.notes):
            self._say(f"note {number}", note)
        now = self._clock()
        if frame.published and (now >= self._next or (frame.done and not self._done)):
            self._write(plain_line(frame))
            self._next = now + PLAIN_EVERY_S
        if frame.done and not self._done:
            self._write(frame.done)
            for command in frame.commands:
                self._write(f"  $ {command}")
            self._done = True

    def _say(self, what: str, line: str) -> None:
        if line and self._said.get(what) != line:
            self._said[what] = line
            self._write(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return


def choose_display(log_file: Path, write: Callable[[str], None]) -> Display:
    """A screen where standard output is a terminal that can move its cursor, lines otherwise."""
    console = Console()
    if console.is_terminal and not console.is_dumb_terminal and sys.stdout.isatty():
        return ScreenDisplay(console, log_file)
    return PlainDisplay(write)


@contextlib.contextmanager
def _stderr_into(path: Path) -> Iterator[None]:
    """Keep what anything, C libraries too, writes to a terminal's stderr off the screen for a while."""
    if not sys.stderr.isatty():
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with path.open("ab") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
