"""What ``barometer replay`` shows: progress and rejected rows on stderr, what was done at the end."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from infra.settings import load_settings
from infra.terminal import printable
from stream.replay.cli import SHOWN_REJECTIONS
from stream.replay.options import Rejected, ReplayOptions, ReplayProgress, ReplayResult
from stream.replay.run import replay_file

_SHOW_AFTER_S = 1.0
_NOTHING_PUBLISHED = 1


def run(asked: Mapping[str, Any], *, as_json: bool) -> None:
    """Replay with the options of the command line; ends the process with its exit code."""
    settings = load_settings()
    options = ReplayOptions(**asked)
    display = Display(Console(stderr=True))
    with _stop_on_signals() as stopping, display:
        result = replay_file(
            settings,
            options,
            on_progress=display.progress,
            on_rejected=display.rejected,
            on_read=display.say,
            stop=stopping.event,
        )
    if as_json:
        click.echo(orjson.dumps(_summary(result), option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2))
    else:
        click.echo(_in_words(result))
    if result.stopped:
        sys.exit(stopping.exit_code)
    if not result.published and result.rejected:
        sys.exit(_NOTHING_PUBLISHED)


class _Stopping:
    """Set by the first Ctrl-C or SIGTERM; the next one ends the process as usual."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.exit_code = 128 + signal.SIGINT

    def handle(self, number: int, _frame: FrameType | None) -> None:
        self.exit_code = 128 + number
        self.event.set()
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[_Stopping]:
    stopping = _Stopping()
    before = {number: signal.signal(number, stopping.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Display(contextlib.AbstractContextManager["Display"]):
    """Lines on stderr, and a progress bar below them once it takes longer than a second in a terminal."""

    def __init__(self, console: Console, show_after_s: float = _SHOW_AFTER_S) -> None:
        self._console = console
        self._show_after_s = show_after_s
        self._started = time.monotonic()
        self._rejected = 0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def say(self, line: str) -> None:
        """One line, whole."""
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def rejected(self, row: Rejected) -> None:
        """The first rejected rows are shown, the others counted."""
        self._rejected += 1
        if self._rejected <= SHOWN_REJECTIONS:
            self.say(f"line {row.line}: rejected: {row.reason}")
        elif self._rejected == SHOWN_REJECTIONS + 1:
            self.say("more rows are rejected; they are counted")

    def progress(self, progress: ReplayProgress) -> None:
        """Called by the replay, about ten times a second."""
        if not self._console.is_terminal or time.monotonic() - self._started < self._show_after_s:
            return
        if self._bar is None:
            self._bar = _make_bar(self._console)
            self._task = self._bar.add_task("", count="", rate="", left="")
            self._bar.start()
        reading = progress.total is None and not progress.published
        done = progress.rows_read if reading else progress.published
        of_all = "" if progress.total is None else f" of {progress.total:,}"
        self._bar.update(
            self._task,
            description="Reading" if reading else "Publishing",
            total=progress.total,
            completed=done,
            count=f"{done:,}{of_all} {'rows' if reading else 'tweets'}",
            rate=f"{progress.rate:,.0f}/s",
            left="" if progress.eta_s is None else f"{_duration(progress.eta_s)} left",
        )

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def _make_bar(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TextColumn("{task.fields[rate]}"),
        TextColumn("{task.fields[left]}"),
        console=console,
        transient=True,
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _summary(result: ReplayResult) -> dict[str, Any]:
    return {
        "published": result.published,
        "rejected": result.rejected,
        "repaired": result.repaired,
        "outside": result.outside,
        "rejected_rows": [{"line": row.line, "reason": row.reason} for row in result.rejected_rows],
        "first_event_time": result.first_event_time,
        "latest_event_time": result.latest_event_time,
        "elapsed_s": round(result.elapsed_s, 3),
        "tweets_per_s": round(result.published / result.elapsed_s, 1),
        "stopped": result.stopped,
    }


def _in_words(result: ReplayResult) -> str:
    said = f"{'Stopped: ' if result.stopped else ''}{result.published:,} tweets published"
    if result.first_event_time and result.latest_event_time:
        said += (
            f", dated {result.first_event_time:%Y-%m-%d %H:%M:%S} to {result.latest_event_time:%Y-%m-%d %H:%M:%S} UTC"
        )
    said += f", in {result.elapsed_s:.1f} s ({result.published / result.elapsed_s:,.0f}/s)"
    notes = [
        f"{result.repaired:,} times taken from the id" if result.repaired else "",
        f"{result.outside:,} left out by --from, --to or --limit" if result.outside else "",
        f"{result.rejected:,} rows rejected" if result.rejected else "",
    ]
    return "; ".join([said, *filter(None, notes)])
