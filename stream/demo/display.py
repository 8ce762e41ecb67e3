"""Where frames go: a full screen on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
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

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )

    def layout(self, commands: int, notes: int) -> Layout:
        size = self._console.size
        return lay_out(size.width, size.height, commands=commands, notes=notes)

    def show(self, frame: Frame, layout: Layout) -> None:
        self._live.update(draw(frame, layout), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._console.clear()  # tmux copies lines of this screen to the other one if it was resized meanwhile
        self._live.stop()


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
        if frame.published and not self._done and (now >= self._next or frame.done):
            self._write(plain_line(frame))
            self._next = now + PLAIN_EVERY_S
        if frame.done and not self._done:
            self._done = True
            self._write(frame.done)
            for command in frame.commands:
                self._write(f"  $ {command}")

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


def choose_display(write: Callable[[str], None]) -> Display:
    """A screen where standard output is a terminal that can move its cursor, lines otherwise."""
    console = Console()
    if console.is_terminal and not console.is_dumb_terminal and sys.stdout.isatty():
        return ScreenDisplay(console)
    return PlainDisplay(write)
