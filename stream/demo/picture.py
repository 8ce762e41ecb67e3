"""The picture of the README: the real view of a real run, as SVG.

``barometer demo --picture docs/images/demo.svg`` makes it again.
"""

from __future__ import annotations

import io
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from stream.demo.display import SCREEN_PAUSE_S
from stream.demo.layout import Layout, lay_out
from stream.demo.view import Frame, draw

WIDTH, HEIGHT = 112, 34
TAKEN_AT = 0.8
"""Share of the replay that has been published when the picture is taken."""

THEME = TerminalTheme(
    background=(22, 25, 32),
    foreground=(208, 212, 220),
    normal=[
        (40, 44, 54),
        (235, 96, 96),
        (92, 200, 128),
        (232, 190, 96),
        (104, 156, 240),
        (196, 128, 224),
        (84, 196, 212),
        (208, 212, 220),
    ],
)


class PictureDisplay:
    """Takes one frame on the way, and writes it when left."""

    pause_s = SCREEN_PAUSE_S

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken: tuple[Frame, Layout] | None = None

    def layout(self, commands: int, notes: int) -> Layout:
        return lay_out(WIDTH, HEIGHT, commands=commands, notes=notes)

    def show(self, frame: Frame, layout: Layout) -> None:
        waiting = self._taken is None or self._taken[0].published < TAKEN_AT * (self._taken[0].total or 1)
        if waiting and frame.snapshot.brands:
            self._taken = (frame, layout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._taken is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(svg(*self._taken), encoding="utf-8")


def svg(frame: Frame, layout: Layout) -> str:
    """One frame as an SVG picture of a terminal."""
    console = Console(
        record=True, width=layout.width, height=layout.height, file=io.StringIO(), force_terminal=True, no_color=False
    )
    console.print(draw(frame, layout), end="")
    return console.export_svg(title="barometer demo", theme=THEME, unique_id="barometer-demo")
