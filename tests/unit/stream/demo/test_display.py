"""Where frames go: lines for pipes, a whole screen for terminals, a picture for the README."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from stream.demo.display import PLAIN_EVERY_S, PlainDisplay, ScreenDisplay
from stream.demo.picture import HEIGHT, WIDTH, PictureDisplay
from stream.demo.tally import Tally
from stream.demo.view import Step
from tests.unit.stream.demo.test_view import BUSY, frame_of


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_say_each_step_once_and_the_numbers_every_few_seconds() -> None:
    said: list[str] = []
    clock = Clock()
    with PlainDisplay(said.append, clock) as display:
        layout = display.layout(2, 0)
        snapshot = BUSY.snapshot(layout.wanted, 6.5)
        for _ in range(2 * int(PLAIN_EVERY_S)):
            display.show(frame_of(snapshot), layout)
            clock.now += 1
    assert said[:2] == ["Kafka: 4.1 s", "Worker: loading"]
    assert len(said) == 2 + 2
    assert all(line.isprintable() for line in said)


def test_lines_say_what_happened_to_the_worker_and_how_it_ended_once() -> None:
    said: list[str] = []
    with PlainDisplay(said.append, Clock()) as display:
        layout = display.layout(2, 0)
        frame = frame_of(BUSY.snapshot(layout.wanted, 6.5), steps=(), notes=("the worker died",), done="all done")
        for _ in range(3):
            display.show(frame, layout)
    assert [line for line in said if "published" not in line] == [
        "the worker died",
        "all done",
        "  $ export BAROMETER_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:41297",
        "  $ barometer tail reputation.windows",
    ]


def test_before_anything_is_published_there_are_no_numbers() -> None:
    said: list[str] = []
    with PlainDisplay(said.append, Clock()) as display:
        layout = display.layout(2, 0)
        steps = (Step("Kafka", "running", "Starting"), Step("Replay", "waiting", ""))
        display.show(frame_of(Tally().snapshot(layout.wanted, 0.0), published=0, steps=steps), layout)
    assert said == ["Kafka: Starting"]


def test_the_screen_is_entered_and_left_and_always_whole() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100, height=30, legacy_windows=False, _environ={})
    with ScreenDisplay(console) as display:
        layout = display.layout(2, 0)
        assert (layout.width, layout.height) == (100, 30)
        display.show(frame_of(BUSY.snapshot(layout.wanted, 6.5)), layout)
    written = file.getvalue()
    assert written.count("\x1b[?1049h") == written.count("\x1b[?1049l") == 1
    assert written.rindex("\x1b[?25h") > written.index("\x1b[?25l")
    frame = written.split("\x1b[H")[2]
    assert frame.count("\n") == 29


def test_the_picture_is_an_svg_of_the_view_taken_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "demo.svg"
    with PictureDisplay(path) as display:
        layout = display.layout(2, 0)
        assert (layout.width, layout.height) == (WIDTH, HEIGHT)
        snapshot = BUSY.snapshot(layout.wanted, 6.5)
        for published in (10, 85, 95):
            display.show(frame_of(snapshot, published=published), layout)
    text = path.read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")  # noqa: S314  we have just made it
    assert "85&#160;of&#160;100" in text
    assert "95&#160;of&#160;100" not in text
