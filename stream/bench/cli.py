"""``barometer bench``. Each benchmark lives with what it runs and is imported only when called."""

from __future__ import annotations

from pathlib import Path

import click


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def bench() -> None:
    """Measure on this machine, next to something to compare with."""


@bench.command(
    epilog="""\b
Examples:
  barometer bench spikes
  barometer bench spikes --seed 7 --json > spikes.json
  barometer bench spikes --data Tweets.csv --plots plots/
"""
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the made-up histories.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON object.")
@click.option("--quick", is_flag=True, help="A few histories only: seconds, and figures that are rough.")
@click.option(
    "--scale",
    type=click.FloatRange(min=0.1, max=100),
    default=1.0,
    show_default=True,
    help="So many times as many brands and incidents.",
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also run over a CSV file of labelled tweets.",
)
@click.option(
    "--plots",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write PNG files here; runs Barometer's detector at more settings for its curve, which takes longer.",
)
def spikes(seed: int, as_json: bool, quick: bool, scale: float, data: Path | None, plots: Path | None) -> None:
    """Compare Barometer's spike detector with the usual ones and with an oracle.

    Made-up brands of 60, 600 and 6,000 tweets an hour, with rhythm, bursts,
    drift and noise; incidents of +10, +20 and +40 points of negative share.
    Every rival's threshold is set so that it raises as many false alarms as
    Barometer. The oracle is a CUSUM that is told both true shares. Takes about
    three minutes.

    The CSV file needs a time (created_at, or the time in the id of a tweet), a
    brand (brand or airline) and a label (label, sentiment or
    airline_sentiment); an author (author or name) if there is one.
    """
    from stream.bench.spikes.command import run

    run(seed, as_json=as_json, quick=quick, scale=scale, data=data, plots=plots)
