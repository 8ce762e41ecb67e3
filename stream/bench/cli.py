"""``barometer bench``. Each benchmark lives with what it runs and is imported only when called."""

from __future__ import annotations

from pathlib import Path

import click

_json = click.option("--json", "as_json", is_flag=True, help="All figures as one JSON object.")
_compare = click.option(
    "--compare",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Figures of an earlier run (--json): tells what became slower; exit code 1 if anything did.",
)
_plots = click.option(
    "--plots", type=click.Path(file_okay=False, path_type=Path), help="Draw the figures as a PNG file in this folder."
)


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
@_json
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
@_json
@_compare
@_plots
def engine(
    data: Path | None,
    parent: Path | None,
    texts: int,
    rounds: int,
    threads: int,
    as_json: bool,
    compare: Path | None,
    plots: Path | None,
) -> None:
    """Compare the engine with the ways people usually run the same model.

    That is the pipeline of the transformers library (one text at a time, and in
    batches), torch, and ONNX Runtime with dynamic int8 (if onnxruntime and onnx
    are installed). Each runs in a process of its own, and they take turns, so
    that ratios hold also on a busy machine. Tells how much of the processor's
    arithmetic is used, and where its time goes. Takes about six minutes.
    """
    from stream.bench.engine import run

    run(data, parent, texts=texts, rounds=rounds, threads=threads, as_json=as_json, compare=compare, plots=plots)


@bench.command(
    epilog="""\b
Examples:
  barometer bench predict
  barometer bench predict --seconds 10 --rounds 5 --json > predict.json
"""
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=4.0,
    show_default=True,
    help="Of each server at each number of clients, in a round.",
)
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds, in turns.")
@_json
def predict(seconds: float, rounds: int, as_json: bool) -> None:
    """Compare POST /predict with the server that most people write first.

    That is FastAPI around a pipeline of the transformers library, with the same
    weights; and, to see what the batcher alone does, Barometer's engine behind a
    lock, one text at a time. 1, 8 and 64 clients, each asking for one text after
    the other. The servers take turns. Needs the extra torch, and takes about three minutes.
    """
    from importlib.util import find_spec

    from infra.errors import MissingExtraError

    if find_spec("torch") is None or find_spec("transformers") is None:
        raise MissingExtraError("barometer bench predict", "torch")
    from stream.bench.predict import run

    run(seconds=seconds, rounds=rounds, as_json=as_json)


@bench.command(
    epilog="""\b
Examples:
  barometer bench pipeline
  barometer bench pipeline --data Tweets.csv --json > pipeline.json
  barometer bench pipeline --data Tweets.csv --compare pipeline.json
"""
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Tweets to publish, again and again, with times of their own; default: those of the demo.",
)
@click.option("--tweets", type=click.IntRange(min=500), help="In the backlog for the model; default: 6,000.")
@click.option("--quick", "size", flag_value="quick", help="A minute, and figures that are rough.")
@click.option("--full", "size", flag_value="full", help="Up to a million tweets and 10,000 brands: 20 minutes.")
@_json
@_compare
@_plots
def pipeline(
    data: Path | None, tweets: int | None, size: str | None, as_json: bool, compare: Path | None, plots: Path | None
) -> None:
    """Compare the whole flow with the engine alone, on a real Kafka.

    Starts a Kafka of its own, and workers. Measures a backlog with the model
    that ships and the engine alone in turns, what everything but the model costs
    (with a classifier that takes no time), latency at 10, 50 and 80% of the
    capacity, two and three workers, and whether more tweets or brands cost more
    for each. Every count is checked. Takes about four minutes.
    """
    from stream.bench.pipeline.command import run

    run(size or "default", tweets, data, as_json=as_json, compare=compare, plots=plots)
