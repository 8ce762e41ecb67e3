"""From the options of ``barometer demo`` to a run, and from its outcome to the terminal and an exit code."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from infra.errors import BarometerError, UsageError
from stream.demo.display import choose_display
from stream.demo.picture import PictureDisplay
from stream.demo.run import Demo, DemoOptions, Outcome
from stream.demo.stop import StopSignals
from stream.demo.summary import check_writable, render
from stream.replay import ReplayOptions, open_source
from stream.replay.pace import AsFastAsPossible, Pace, Rate, Speedup
from stream.scenario import DEFAULT_SEED, write_scenario

SCENARIO_S = 90.0
"""How long the scenario's hours take on the screen, unless told otherwise."""
DEMO_LOG = "demo.log"
_STDERR = 2
_PACES = {"--rate": "rate", "--speedup": "speedup", "--max": "maximum"}


class DisagreementError(BarometerError):
    """Everything came to its end, and the numbers are not right."""


def run(asked: Mapping[str, Any], started: float) -> None:
    """Run the demo and leave with its exit code.

    ``asked``: the options of the command by name. ``started``: when it was
    called, by time.monotonic. Raises BarometerError.
    """
    check_paces(asked)
    check_writable(asked["summary"])
    with StopSignals() as stop, work_folder(keep=asked["keep"]) as folder:
        stop.before_end = partial(shutil.rmtree, folder, ignore_errors=True)
        options = make_options(asked, folder)
        open_source(options.replay)
        with quiet(folder / DEMO_LOG) as say:
            picture: Path | None = asked["picture"]
            display = choose_display(say) if picture is None else PictureDisplay(picture)
            outcome = Demo(options, folder, started).run(display, stop, say)
        report(outcome, asked["summary"])
        if outcome.error is not None:
            raise outcome.error
        if outcome.summary.problems:
            raise DisagreementError(f"the run does not add up: {outcome.summary.problems[0]}")
    sys.exit(0 if outcome.summary.complete else stop.exit_code)


def check_paces(asked: Mapping[str, Any]) -> None:
    """Raise UsageError when more than one speed was asked for."""
    given = [flag for flag, name in _PACES.items() if asked[name]]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} cannot go together; give one of them")


def make_options(asked: Mapping[str, Any], folder: Path) -> DemoOptions:
    """What to replay and how; a scenario is written into ``folder``."""
    columns = {f"{role}_column": asked[f"{role}_column"] for role in ("text", "time", "id", "author", "brand")}
    unattended = asked["exit_when_done"] or asked["picture"] is not None
    browser = not (unattended or asked["no_browser"]) and sys.stdout.isatty()
    end = {"exit_when_done": unattended, "kafka_dir": asked["kafka_dir"], "browser": browser}
    data: Path | None = asked["data"]
    if data is not None:
        replay = ReplayOptions(data, limit=asked["limit"], pace=_pace(asked, AsFastAsPossible()), **columns)
        return DemoOptions(replay, data.name, **end)
    if unused := [name for name, column in columns.items() if column is not None]:
        raise UsageError(f"--{unused[0].replace('_', '-')} is about a file; give one with --data")
    path = folder / "scenario.jsonl"
    seed = DEFAULT_SEED if asked["seed"] is None else asked["seed"]
    facts = write_scenario(path, seed)
    fits_the_screen = Speedup((facts.end - facts.start).total_seconds() / SCENARIO_S)
    replay = ReplayOptions(path, order="file", limit=asked["limit"], pace=_pace(asked, fits_the_screen))
    return DemoOptions(replay, f"a made-up scenario of {facts.published:,} tweets, seed {seed}", **end)


def report(outcome: Outcome, path: Path | None) -> None:
    """The summary for people on stdout, and as JSON where it was asked for; '-' gives stdout to the JSON."""
    to_stdout = path is not None and str(path) == "-"
    Console(stderr=to_stdout).print(render(outcome.summary))
    if path is None:
        return
    if to_stdout:
        click.echo(outcome.summary.to_json(), nl=False)
    else:
        try:
            path.write_bytes(outcome.summary.to_json())
        except OSError as error:
            raise BarometerError(f"--summary {path} could not be written: {error.strerror}") from error


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
def quiet(path: Path) -> Iterator[Callable[[str], None]]:
    """Send to a file what is logged here, and all that anything else, C libraries too, writes to stderr.

    Gives a function that still writes a line to the real stderr.
    """
    root = logging.getLogger()
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with path.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), _STDERR)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root.addHandler(handler)
    try:
        yield lambda line: _write_all(kept, f"{line}\n".encode("utf-8", "replace"))
    finally:
        sys.stderr.flush()
        os.dup2(kept, _STDERR)
        os.close(kept)
        root.removeHandler(handler)
        handler.close()


def _write_all(descriptor: int, data: bytes) -> None:
    # Nobody may be reading any more; that is no reason to leave a run half done.
    with suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]


def _pace(asked: Mapping[str, Any], otherwise: Pace) -> Pace:
    if asked["rate"]:
        return Rate(asked["rate"])
    if asked["speedup"]:
        return Speedup(asked["speedup"])
    return AsFastAsPossible() if asked["maximum"] else otherwise


def _say(line: str) -> None:
    click.echo(line, err=True)
