"""From the options of ``barometer demo`` to a run, and from its outcome to the terminal and an exit code."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from infra.errors import UsageError
from stream.demo.display import Display, choose_display
from stream.demo.picture import PictureDisplay
from stream.demo.run import Demo, DemoOptions, Outcome
from stream.demo.stop import StopSignals
from stream.demo.summary import check_writable, render
from stream.replay import ReplayOptions, open_source
from stream.replay.pace import AsFastAsPossible, Pace, Rate, Speedup
from stream.scenario import write_scenario

SCENARIO_S = 90.0
"""How long the scenario's hours take on the screen, unless told otherwise."""
DEMO_LOG = "demo.log"
_FAILED = 1
_PACES = {"--rate": "rate", "--speedup": "speedup", "--max": "maximum"}


def run(asked: Mapping[str, Any], started: float) -> None:
    """Run the demo and leave with its exit code.

    ``asked``: the options of the command by name. ``started``: when it was
    called, by time.monotonic. Raises BarometerError.
    """
    check_paces(asked)
    check_writable(asked["summary"])
    with work_folder(keep=asked["keep"]) as folder:
        options = make_options(asked, folder)
        open_source(options.replay)
        with StopSignals(lambda: shutil.rmtree(folder, ignore_errors=True)) as stop, _log_into(folder / DEMO_LOG):
            outcome = Demo(options, folder, started).run(_display(asked, folder), stop)
        report(outcome, asked["summary"])
        if outcome.error is not None:
            raise outcome.error
    if outcome.summary.problems:
        sys.exit(_FAILED)
    sys.exit(0 if outcome.summary.complete else stop.exit_code)


def check_paces(asked: Mapping[str, Any]) -> None:
    """Raise UsageError when more than one speed was asked for."""
    given = [flag for flag, name in _PACES.items() if asked[name]]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} cannot go together; give one of them")


def make_options(asked: Mapping[str, Any], folder: Path) -> DemoOptions:
    """What to replay and how; a scenario is written into ``folder``."""
    columns = {f"{role}_column": asked[f"{role}_column"] for role in ("text", "time", "id", "author", "brand")}
    end = {"exit_when_done": asked["exit_when_done"] or asked["picture"] is not None, "kafka_dir": asked["kafka_dir"]}
    data: Path | None = asked["data"]
    if data is not None:
        replay = ReplayOptions(data, limit=asked["limit"], pace=_pace(asked, AsFastAsPossible()), **columns)
        return DemoOptions(replay, data.name, **end)
    if unused := [name for name, column in columns.items() if column is not None]:
        raise UsageError(f"--{unused[0].replace('_', '-')} is about a file; give one with --data")
    path = folder / "scenario.jsonl"
    facts = write_scenario(path, asked["seed"])
    replay = ReplayOptions(path, order="file", limit=asked["limit"], pace=_pace(asked, _leisurely(facts)))
    return DemoOptions(replay, f"a made-up scenario, seed {asked['seed']}", **end)


def report(outcome: Outcome, path: Path | None) -> None:
    """The summary for people on stdout, and as JSON where it was asked for; '-' gives stdout to the JSON."""
    to_stdout = path is not None and str(path) == "-"
    Console(stderr=to_stdout).print(render(outcome.summary))
    if path is None:
        return
    if to_stdout:
        click.echo(outcome.summary.to_json(), nl=False)
    else:
        path.write_bytes(outcome.summary.to_json())


@contextmanager
def work_folder(*, keep: bool) -> Iterator[Path]:
    """A temporary folder for logs and the scenario; it stays when asked to, and after a failure, and says so."""
    folder = Path(tempfile.mkdtemp(prefix="barometer-demo-"))
    try:
        yield folder
    except UsageError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        _say(f"The logs are in {folder}")
        raise
    if keep:
        _say(f"The logs are in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _log_into(path: Path) -> Iterator[None]:
    """What this process logs goes to a file: the screen belongs to the view."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


def _display(asked: Mapping[str, Any], folder: Path) -> Display:
    picture: Path | None = asked["picture"]
    return choose_display(folder / DEMO_LOG, _say) if picture is None else PictureDisplay(picture)


def _pace(asked: Mapping[str, Any], otherwise: Pace) -> Pace:
    if asked["rate"]:
        return Rate(asked["rate"])
    if asked["speedup"]:
        return Speedup(asked["speedup"])
    return AsFastAsPossible() if asked["maximum"] else otherwise


def _say(line: str) -> None:
    click.echo(line, err=True)
