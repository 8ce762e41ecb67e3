"""What ``barometer predict`` shows: progress and refused rows on stderr, what came of it at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from types import TracebackType
from typing import Any, Self

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from infra.settings import load_settings
from infra.terminal import printable
from model.labels import LABELS
from model.remembering import load_remembering
from stream.predict.job import Outcome
from stream.predict.run import Predicted, PredictOptions, predict_file
from stream.replay.options import ReplayOptions
from stream.replay.source import Source

EXIT_NOTHING_LABELLED = 1
SHOWN_REFUSALS = 20
SHOWN_BRANDS = 20
_INTERRUPTED = 130
_SHOW_AFTER_S = 1.0
_SAMPLE_ROWS = 500


def run(asked: dict[str, Any], *, as_json: bool) -> None:
    """Label a file with the options of the command line; ends with its exit code."""
    settings = load_settings(model=asked.pop("model"))
    own = {name: asked.pop(name) for name in ("out", "overwrite", "restart")}
    options = PredictOptions(source=ReplayOptions(**asked, order="file"), **own)
    with Display(Console(stderr=True), options.source.limit) as display:
        try:
            done = predict_file(
                options, lambda: load_remembering(settings), on_opened=display.opened, on_part=display.part
            )
        except KeyboardInterrupt:
            display.interrupted()
            raise click.exceptions.Exit(_INTERRUPTED) from None
    if as_json:
        click.echo(orjson.dumps(_summary(done, options), option=orjson.OPT_INDENT_2))
    else:
        _show(done, options)
    if not done.outcome.labelled:
        raise click.exceptions.Exit(EXIT_NOTHING_LABELLED)


class Display:
    """What the file is, the rows that are refused, and a progress bar where it takes longer than a second."""

    def __init__(self, console: Console, limit: int | None) -> None:
        self._console = console
        self._limit = limit
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._total: int | None = None
        self._rows = self._resumed = self._refused = 0

    def opened(self, source: Source, resumed: int) -> None:
        self._say(f"{source.content.path.name}: {source.describe()}")
        if resumed:
            self._say(f"going on after {resumed:,} rows that are done")
        self._rows = self._resumed = resumed
        self._started = time.monotonic()
        if self._console.is_terminal:
            self._total = expected_rows(source)
            if self._limit is not None:
                self._total = min(self._limit, self._total)

    def part(self, outcome: Outcome) -> None:
        self._rows += outcome.rows
        for line, reason in outcome.refused[: max(0, SHOWN_REFUSALS - self._refused)]:
            self._say(f"line {line}: refused: {reason}")
        if self._refused <= SHOWN_REFUSALS < self._refused + outcome.refusals:
            self._say("more rows are refused; they are counted")
        self._refused += outcome.refusals
        self._update()

    def interrupted(self) -> None:
        self._stop()
        self._say(f"stopped; {self._rows:,} rows are done: run the same command again to go on")

    def _update(self) -> None:
        if not self._console.is_terminal or time.monotonic() - self._started < _SHOW_AFTER_S:
            return
        if self._bar is None:
            columns = (SpinnerColumn(), TextColumn("Labelling"), BarColumn(), TextColumn("{task.fields[said]}"))
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
            self._task = self._bar.add_task("", said="", completed=self._resumed)
            self._bar.start()
        rate = (self._rows - self._resumed) / (time.monotonic() - self._started)
        total = max(self._rows, self._total or 0)
        said = f"{self._rows:,} of about {total:,} rows, {rate:,.0f}/s"
        self._bar.update(self._task, total=total, completed=self._rows, said=said)

    def _say(self, line: str) -> None:
        self._console.print(printable(line), markup=False, highlight=False, soft_wrap=True)

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()


def expected_rows(source: Source) -> int:
    """Rows of a file: exact for Parquet, else from its lines, and how many rows the first lines hold."""
    if source.content.format == "parquet":
        import pyarrow.parquet as pq

        with source.content.open() as file:
            return int(pq.read_metadata(file).num_rows)
    sample = list(islice(source.rows(), _SAMPLE_ROWS + 1))
    if len(sample) <= _SAMPLE_ROWS:
        return len(sample)
    # From the start of the first row to that of the last.
    lines_per_row = max(1, sample[-1].line - sample[0].line) / _SAMPLE_ROWS
    with source.content.open() as file:
        lines = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    return max(len(sample), round((lines - sample[0].line + 1) / lines_per_row))


def _summary(done: Predicted, options: PredictOptions) -> dict[str, Any]:
    outcome = done.outcome
    return {
        "file": str(options.source.path),
        "out": str(options.out),
        "rows": outcome.rows,
        "labelled": outcome.labelled,
        "labels": {label: outcome.labels[label] for label in LABELS},
        "brands": {brand: {label: counts[label] for label in LABELS} for brand, counts in _by_volume(outcome.brands)},
        "truncated": outcome.truncated,
        "refused": outcome.refusals,
        "refused_rows": [{"line": line, "reason": reason} for line, reason in outcome.refused],
        "resumed_after": done.resumed,
        "elapsed_s": round(done.elapsed_s, 3),
        "rows_per_s": round((outcome.rows - done.resumed) / max(1e-9, done.elapsed_s), 1),
        "model": {"name": done.model.name, "version": done.model.version, "engine": done.model.engine},
    }


def _by_volume(brands: Mapping[str, Counter[str]]) -> list[tuple[str, Counter[str]]]:
    return sorted(brands.items(), key=lambda item: (-item[1].total(), item[0]))


def _show(done: Predicted, options: PredictOptions) -> None:
    from rich import box
    from rich.table import Table

    outcome = done.outcome
    new = outcome.rows - done.resumed
    said = f"{options.out}: {outcome.labelled:,} rows labelled by {done.model.name} {done.model.version}"
    if outcome.refusals:
        said += f"; {outcome.refusals:,} refused"
    if outcome.truncated:
        said += f"; {outcome.truncated:,} longer than the model's window"
    click.echo(f"{said}; {new:,} rows in {done.elapsed_s:.1f} s ({new / max(1e-9, done.elapsed_s):,.0f}/s)")
    if not outcome.labelled:
        return
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("", "Rows", *(label.capitalize() for label in LABELS)):
        table.add_column(name, justify="right" if name else "left")
    table.add_row("all", *_cells(outcome.labels))
    by_volume = _by_volume(outcome.brands)
    for brand, counts in by_volume[:SHOWN_BRANDS]:
        table.add_row(printable(brand), *_cells(counts))
    Console(highlight=False).print(table)
    if len(by_volume) > SHOWN_BRANDS:
        click.echo(f"and {len(by_volume) - SHOWN_BRANDS:,} brands more; --json tells all")


def _cells(counts: Counter[str]) -> list[str]:
    total = counts.total()
    return [f"{total:,}", *(f"{counts[label]:,} ({counts[label] / total:.0%})" for label in LABELS)]
