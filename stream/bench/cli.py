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


@bench.command(
    epilog="""\b
Examples:
  barometer bench engine
  barometer bench engine --data Tweets.csv --json > engine.json
  barometer bench engine --data Tweets.csv --compare engine.json
"""
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labelled texts to measure on and to judge by; default: texts of the demo, not judged.",
)
@click.option(
    "--parent",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The float32 network of the shipped model; default: made again from the shipped weights.",
)
@click.option("--texts", type=click.IntRange(min=64), default=2_048, show_default=True, help="Texts in a round.")
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds that count.")
@click.option("--threads", type=click.IntRange(min=0), default=0, show_default=True, help="0: all cores.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON object.")
@click.option(
    "--compare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Figures of an earlier run (--json): tells what became slower; exit code 1 if anything did.",
)
def engine(
    data: Path | None, parent: Path | None, texts: int, rounds: int, threads: int, as_json: bool, compare: Path | None
) -> None:
    """Compare the engine with the ways people usually run the same model.

    That is the pipeline of the transformers library (one text at a time, and in
    batches), torch, and ONNX Runtime with dynamic int8 (if onnxruntime and onnx
    are installed). Each runs in a process of its own, and they take turns, so
    that ratios hold also on a busy machine. Tells how much of the processor's
    arithmetic is used. Takes about three minutes.
    """
    from stream.bench.engine import run

    run(data, parent, texts=texts, rounds=rounds, threads=threads, as_json=as_json, compare=compare)
