"""``barometer demo``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  barometer demo
  barometer demo --data tweets.csv
  barometer demo --data export.jsonl.gz --text-column body --speedup 600
  barometer demo --exit-when-done --summary out.json
"""
)
@click.option("--data", type=_FILE, metavar="FILE", help="Replay this file (CSV, JSONL, Parquet; plain or gzip).")
@click.option("--seed", type=int, metavar="N", help="Of the scenario, without --data: another number, other tweets.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Replay only the first N tweets.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Publish N tweets a second.")
@click.option(
    "--speedup",
    type=click.FloatRange(min=0, min_open=True),
    metavar="X",
    help="Publish X times as fast as it happened.",
)
@click.option("--max", "maximum", is_flag=True, help="Publish as fast as Kafka takes it: the default with --data.")
@click.option("--text-column", metavar="NAME", help="Column with the text, where it is not found by itself.")
@click.option("--time-column", metavar="NAME", help="Column with the time of writing.")
@click.option("--id-column", metavar="NAME", help="Column with the id.")
@click.option("--author-column", metavar="NAME", help="Column with the author.")
@click.option("--brand-column", metavar="NAME", help="Column with the brand.")
@click.option(
    "--exit-when-done", is_flag=True, help="End when every tweet is labelled or dead and every window closed."
)
@click.option(
    "--summary", metavar="FILE", type=click.Path(path_type=Path, allow_dash=True), help="Write JSON at the end."
)
@click.option(
    "--kafka-dir",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep Kafka's data here instead of in a temporary folder.",
)
@click.option("--keep", is_flag=True, help="Keep the folder with the logs of worker and Kafka.")
@click.option("--no-browser", is_flag=True, help="Do not open the live page in a browser.")
@click.option("--picture", type=click.Path(dir_okay=False, path_type=Path), hidden=True)
def demo(**asked: Any) -> None:
    """Watch the whole system work on this machine, in one command.

    Starts a real Kafka, a worker, the live page and a replay, shows live what
    comes out, and sums up at the end. Without --data it replays a made-up scenario of several
    brands over some hours. Ctrl-C ends it; nothing stays behind.

    With BAROMETER_KAFKA_BOOTSTRAP_SERVERS it uses that Kafka, with topics of
    its own, which stay there.
    """
    import time

    started = time.monotonic()
    from stream.demo.command import run

    run(asked, started)
