"""What ``barometer backtest`` does with its options, and shows while it works."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from infra.errors import UsageError
from infra.settings import Settings, load_settings
from infra.terminal import printable
from model.prediction import Classifier
from stream.backtest.incidents import Incident, read_incidents
from stream.backtest.report.scores import show_score, show_sweep
from stream.backtest.report.show import show
from stream.backtest.result import Result, as_json
from stream.backtest.run import BacktestOptions, backtest_file
from stream.backtest.score import alarm_of, score
from stream.backtest.sweep import Sweep, read_grid, sweep
from stream.records import Window
from stream.replay.cli import one_character
from stream.replay.options import ReplayOptions
from stream.spikes.detector import Detector
from stream.spikes.rules import SpikeRules, rules_of

if TYPE_CHECKING:
    from stream.backtest.openmetrics import History

_SHOW_AFTER_S = 1.0


def run(asked: Mapping[str, Any]) -> None:
    """Run with the options of the command line. Raises BarometerError for what cannot be done."""
    options = dict(asked)
    settings = load_settings(**settings_of(options.pop("changed")))
    as_object, out, past = options.pop("as_json"), options.pop("out"), options.pop("openmetrics")
    incidents_file, wants_sweep = options.pop("incidents"), options.pop("sweep")
    grid, most_false_alarms = options.pop("grid"), options.pop("most_false_alarms")
    _require_together(incidents_file, wants_sweep, grid)
    incidents = None if incidents_file is None else read_incidents(incidents_file)
    chosen = _options(options)
    display = Display(Console(stderr=True))
    with ExitStack() as stack:
        stack.enter_context(display)
        writer = None
        if out is not None:
            from stream.backtest.report.write import Writer

            writer = stack.enter_context(Writer(out))
        history = None if past is None else stack.enter_context(_history(past, settings))
        takers = [one.window for one in (writer, history) if one is not None]

        def on_window(window: Window) -> None:
            for take in takers:
                take(window)

        on_closed = history.closed if history else None
        result = backtest_file(
            settings, chosen, lambda: _load(settings), watcher=display, on_window=on_window, on_closed=on_closed
        )
        rules = rules_of(settings)
        found = (
            None
            if incidents is None or not wants_sweep
            else _sweep(result, incidents, rules, grid, most_false_alarms, display)
        )
        written = writer.finish(result, incidents or ()) if writer else []
        written += [history.finish(result.spikes)] if history else []
    scored = None if incidents is None else score(map(alarm_of, result.spikes), incidents, result.watched)
    if as_object:
        told = as_json(result)
        if scored is not None:
            told["score"] = scored.as_json()
        if found is not None:
            told["sweep"] = found.as_json()
        click.echo(orjson.dumps(told, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2))
    else:
        console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
        show(console, result)
        if scored is not None:
            show_score(console, scored)
        if found is not None:
            show_sweep(console, found)
    for path in written:
        click.echo(f"wrote {path}", err=True)


def _history(path: Path, settings: Settings) -> History:
    from stream.backtest.openmetrics import History

    return History(path, Detector(rules_of(settings)))


def settings_of(changed: Sequence[str]) -> dict[str, str]:
    """What ``--set`` asks for. Raises UsageError for what is no setting."""
    found: dict[str, str] = {}
    for part in changed:
        name, equals, value = part.partition("=")
        name = name.strip().lower().removeprefix("barometer_")
        if not equals:
            raise UsageError(f"--set {part!r} is not NAME=VALUE, such as spike_min_effect=0.1")
        if name not in Settings.model_fields:
            close = difflib.get_close_matches(name, Settings.model_fields, n=1)
            hint = f"did you mean {close[0]}?" if close else "docs/settings.md lists them"
            raise UsageError(f"--set {part!r}: there is no setting {name}; {hint}")
        found[name] = value.strip()
    return found


def _options(asked: dict[str, Any]) -> BacktestOptions:
    brands, label_column = frozenset(asked.pop("brands")), asked.pop("label_column")
    cached = not asked.pop("no_cache")
    asked["format"] = asked.pop("format_")
    asked["header"] = {None: "auto", True: "yes", False: "no"}[asked["header"]]
    asked["delimiter"] = one_character(asked["delimiter"])
    return BacktestOptions(ReplayOptions(**asked), brands, label_column, cached)


def _require_together(incidents: Path | None, wants_sweep: bool, grid: Sequence[str]) -> None:
    if wants_sweep and incidents is None:
        raise UsageError("--sweep needs --incidents FILE: without known incidents no threshold is better than another")
    if grid and not wants_sweep:
        raise UsageError("--grid is for --sweep; give that too")


def _sweep(
    result: Result,
    incidents: Sequence[Incident],
    rules: SpikeRules,
    grid: Sequence[str],
    most_false_alarms: float,
    display: Display,
) -> Sweep:
    kinds = {incident.kind for incident in incidents}
    grids = read_grid(grid, rules, kinds)
    return sweep(result, incidents, rules, grids, most_false_alarms, display.tried)


def _load(settings: Settings) -> Classifier:
    from model.engines import load_from_settings

    return load_from_settings(settings)


class Display:
    """One line on what the file is, and a progress bar where it takes longer than a second in a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def opened(self, description: str) -> None:
        self._console.print(printable(description), markup=False, highlight=False, soft_wrap=True)

    def read(self, rows: int) -> None:
        self._update("Reading", None, rows, f"{rows:,} rows")

    def done(self, tweets: int, total: int, by_model: int, from_cache: int) -> None:
        labelled = f"; {by_model:,} texts labelled, {from_cache:,} known" if by_model or from_cache else ""
        self._update(
            "Labelling" if by_model else "Counting", total, tweets, f"{tweets:,} of {total:,} tweets{labelled}"
        )

    def tried(self, done: int, total: int) -> None:
        self._update("Sweeping", total, done, f"{done:,} of {total:,} settings")

    def _update(self, what: str, total: int | None, done: int, said: str) -> None:
        if not self._console.is_terminal or time.monotonic() - self._started < _SHOW_AFTER_S:
            return
        if self._bar is None:
            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[said]}"),
            )
            self._bar = Progress(*columns, TimeRemainingColumn(), console=self._console, transient=True)
            self._task = self._bar.add_task(what, said=said)
            self._bar.start()
        self._bar.update(self._task, description=what, total=total, completed=done, said=said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
