"""What ``barometer report`` does: gather, draw, write."""

from __future__ import annotations

import datetime as dt
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from infra.errors import BarometerError, MissingExtraError, UsageError
from infra.settings import load_settings
from model.engines import load_from_settings
from stream.backtest.command import Display
from stream.backtest.report.write import file_names
from stream.report.gather import Span, from_file, from_kafka
from stream.report.page import lead, page


def run(
    brand: str, *, since: dt.datetime | None, until: dt.datetime | None, data: Path | None, out: Path | None
) -> None:
    """Write the page, and say what is on it. Raises BarometerError."""
    if find_spec("matplotlib") is None:
        raise MissingExtraError("barometer report, which draws a plot,", "evaluate")
    if since is not None and until is not None and since >= until:
        raise UsageError(f"--from {since.isoformat()} is not before --to {until.isoformat()}")
    settings, span = load_settings(), Span(since, until)
    if data is None:
        story = from_kafka(settings, brand, span)
    else:
        with Display(Console(stderr=True)) as display:
            story = from_file(settings, data, brand, span, lambda: load_from_settings(settings), display)
    path = out or Path(f"{file_names([brand])[brand]}.html")
    html = page(story, dt.datetime.now(dt.UTC))
    try:
        path.write_text(html, encoding="utf-8", errors="replace")
    except OSError as error:
        raise BarometerError(f"{path} cannot be written: {error.strerror or error}; give another --out") from error
    click.echo(f"{path}: {lead(story)}")
