"""``barometer report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from stream.replay.cli import FILE, EventTime

if TYPE_CHECKING:
    import datetime as dt


@click.command(
    epilog="""\b
Examples:
  barometer report United --from 2015-02-22 --to 2015-02-24
  barometer report United --data Tweets.csv --out united.html
"""
)
@click.argument("brand")
@click.option("--from", "since", type=EventTime(), metavar="T", help="From this event time on.")
@click.option("--to", "until", type=EventTime(), metavar="T", help="Up to, not including, this event time.")
@click.option("--data", type=FILE, metavar="FILE", help="A file of tweets, as replay and backtest read it; no Kafka.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where to write the page [default: the brand's name, with .html].",
)
def report(
    brand: str, since: dt.datetime | None, until: dt.datetime | None, data: Path | None, out: Path | None
) -> None:
    """Write a report on a brand: one HTML page that needs nothing else.

    Numbers, a plot of the shares with what was expected, each spike with its
    evidence, and a table. From the topics on Kafka; or from a file, whose
    tweets are then counted as in a backtest, all of it, so that what was before
    the span tells what was to be expected in it.
    """
    from stream.report.command import run

    run(brand, since=since, until=until, data=data, out=out)
