"""What ``barometer bench engine`` does and shows; the measuring is in model.bench."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click
import orjson
from rich.console import Console

from infra.errors import UsageError
from model.bench.engine import bench_engine
from model.bench.report import print_figures
from model.labelled import read_labelled
from stream.bench.compare import Ratio, compare_runs
from stream.bench.machine import describe_machine
from stream.bench.plots import save_plot
from stream.replay import Rejected, ReplayOptions, read_tweets
from stream.scenario import write_scenario

FEWEST = 64
"""Of fewer texts than this no rate is worth telling."""
RATIOS = (
    Ratio("ratio", "to the pipeline one at a time"),
    Ratio("ratio_to_plain_int8", "to plain dynamic int8"),
    Ratio("limit.share_of_products_alone", "of the matrix products alone"),
    Ratio("accuracy", "accuracy"),
)
"""What a later run is held to: figures that do not depend on the machine's mood."""


def run(
    data: Path | None,
    parent: Path | None,
    *,
    texts: int,
    rounds: int,
    threads: int,
    as_json: bool,
    compare: Path | None,
    plots: Path | None,
) -> None:
    """Measure, and print tables or JSON on standard output. Raises UsageError for a file without enough texts."""
    timed = sample(data, texts)
    judged, truth = _labelled(data)
    console = Console(stderr=True)
    with console.status("starting") as status:
        figures = bench_engine(
            timed,
            judged,
            truth,
            parent=parent,
            rounds=rounds,
            threads=threads,
            progress=status.update if console.is_terminal else _silent,
        )
    figures = {"benchmark": "engine", **describe_machine(), **figures}
    if as_json:
        sys.stdout.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        out = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
        out.print(f"{len(timed):,} texts a round, {rounds} rounds; {figures['machine']}, {figures['date']}\n")
        print_figures(out, figures)
    if plots is not None:
        click.echo(f"{save_plot(figures, plots)}", err=True)
    if compare is not None and not compare_runs(compare, figures, RATIOS):
        click.get_current_context().exit(1)


def _labelled(data: Path | None) -> tuple[list[str], list[int]]:
    if data is None:
        return [], []
    read = read_labelled(data)
    return read.texts, read.labels


def sample(data: Path | None, count: int) -> list[str]:
    """The first texts of a labelled file, or of the demo's scenario. Raises UsageError for a file of too few."""
    texts = read_labelled(data, limit=count).texts if data else _made_up(count)
    if len(texts) < FEWEST:
        raise UsageError(f"{data} has {len(texts)} labelled texts; {FEWEST} are needed to measure anything")
    return texts


def _made_up(count: int) -> list[str]:
    """Texts of the demo's scenario."""
    with tempfile.TemporaryDirectory(prefix="barometer-bench-") as folder:
        path = Path(folder) / "scenario.jsonl"
        write_scenario(path)
        items = read_tweets(ReplayOptions(path, limit=count))
        return [item.tweet.text for item in items if not isinstance(item, Rejected)]


def _silent(_what: str) -> None:
    pass
