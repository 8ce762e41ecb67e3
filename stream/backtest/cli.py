"""``barometer backtest``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream.replay.cli import FILE, EventTime, file_options


@click.command(
    epilog="""\b
Examples:
  barometer backtest tweets.csv
  barometer backtest tweets.csv --set spike_min_effect=0.15 --out report/
  barometer backtest labelled.jsonl --brand United --json | jq .spikes
  barometer backtest Tweets.csv --label-column airline_sentiment
  barometer backtest labelled.jsonl --incidents incidents.csv --sweep
"""
)
@click.argument("path", metavar="FILE", type=FILE)
@click.option("--brand", "brands", multiple=True, metavar="B", help="Only this brand; may be given several times.")
@click.option("--from", "since", type=EventTime(), metavar="T", help="Only tweets from this event time on.")
@click.option("--to", "until", type=EventTime(), metavar="T", help="Only tweets before this event time.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N tweets, in order.")
@click.option(
    "--set",
    "changed",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any setting, such as spike_min_tweets=50 or allowed_lateness_s=300; may be given several times.",
)
@click.option("--label-column", metavar="NAME", help="Column with labels, people's or a model's: nothing is labelled.")
@click.option("--no-cache", is_flag=True, help="Label every text anew, and remember nothing.")
@click.option(
    "--order",
    type=click.Choice(["time", "file"]),
    default="time",
    show_default=True,
    help="Oldest tweet first (sorted on disk), or as in the file, where some come late.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write windows, spikes and reports."
)
@click.option(
    "--openmetrics",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the past as the worker's metrics, for `promtool tsdb create-blocks-from openmetrics`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--incidents", type=FILE, metavar="FILE", help="Known incidents (CSV or JSON): how well were they told?")
@click.option("--sweep", is_flag=True, help="With --incidents: try other thresholds, and recommend settings.")
@click.option(
    "--grid",
    multiple=True,
    metavar="NAME=A,B,C",
    help="With --sweep: the values of a threshold to try, instead of the usual grid; may be given several times.",
)
@click.option(
    "--false-alarms",
    "most_false_alarms",
    type=click.FloatRange(min=0),
    default=0.25,
    show_default=True,
    metavar="N",
    help="With --sweep: so many a brand and week are acceptable.",
)
@file_options
def backtest(**asked: Any) -> None:
    """Tell the windows and spikes of a file, offline.

    By the code of the stream: what is told here is what the stream would have
    told, with the same settings. No Kafka is needed.

    FILE is anything that `barometer replay` reads. Its tweets are labelled by the
    model of the settings, and the labels kept in the cache folder; or they have
    labels: in a column (--label-column), or because the file is what
    `barometer tail tweets.labeled --json` prints.

    --incidents takes a table with the columns brand, start, end and, if it is
    not always negative, kind (negative, positive or volume).
    """
    from stream.backtest.command import run

    run(asked)
