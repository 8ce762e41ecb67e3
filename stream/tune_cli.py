"""``barometer tune``: the engine's streams and batches, measured on this machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from model.engines.openvino import OpenVinoClassifier
    from model.engines.tuning import Timed, Tuning

CALL = 512
"""Texts in one call: about a batch of a worker with a backlog."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  barometer tune
  barometer tune --data Tweets.csv --dry-run
""",
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Texts like yours, in a file with a column of labels; default: those of the demo.",
)
@click.option("--texts", type=click.IntRange(min=64), default=1_024, show_default=True, help="Texts in a round.")
@click.option("--rounds", type=click.IntRange(min=1), default=3, show_default=True, help="Rounds that count.")
@click.option("--dry-run", is_flag=True, help="Measure and tell, but keep nothing.")
def tune(data: Path | None, texts: int, rounds: int, *, dry_run: bool) -> None:
    """Measure how the engine spreads its work best on this machine, and keep that.

    Tries numbers of streams (batches that are worked on at once) and sizes of
    batches, in turns. What is faster than the rule by at least 3% is kept in the
    cache folder for this processor, number of threads and model, and taken by
    every command from then on. No label changes by it. Best on an idle machine;
    takes half a minute on two cores.
    """
    from infra.errors import UsageError
    from infra.settings import load_settings
    from model.engines.cores import usable_cores
    from model.engines.openvino import OpenVinoClassifier, tuning_key
    from model.engines.tuning import best, candidates, keep, measure
    from stream.bench.engine import sample

    settings = load_settings()
    folder = _exported(settings.model)
    measured = sample(data, texts)
    threads = settings.threads or usable_cores()
    engines = {tuning: OpenVinoClassifier(folder, threads=threads, tuning=tuning) for tuning in candidates(threads)}
    timed = measure(list(engines), partial(_tweets_per_s, engines, measured), rounds)
    chosen = best(timed)
    _show(timed)
    key = tuning_key(next(iter(engines.values())).info.version, threads)
    if dry_run:
        click.echo(f"\n{key}: would keep {chosen}")
        return
    try:
        path = keep(settings.cache_dir, key, chosen)
    except OSError as error:
        raise UsageError(f"cannot write to {settings.cache_dir} ({error.strerror}); set BAROMETER_CACHE_DIR") from error
    click.echo(f"\n{key}: {chosen}; kept in {path}")


def _exported(model: str) -> Path:
    """The folder of the model, which must be an exported one. Raises UsageError."""
    from infra.errors import UsageError
    from model.engines import BUNDLED, bundled_folder
    from model.engines.folder import NETWORK_FILE

    folder = bundled_folder() if model == BUNDLED else Path(model).expanduser()
    if not (folder / NETWORK_FILE).exists():
        raise UsageError(f"model {model!r} is not exported for the CPU engine, and only that is tuned; export it first")
    return folder


def _tweets_per_s(engines: dict[Tuning, OpenVinoClassifier], texts: Sequence[str], tuning: Tuning) -> float:
    began = time.perf_counter()
    for at in range(0, len(texts), CALL):
        engines[tuning].classify(texts[at : at + CALL])
    return len(texts) / (time.perf_counter() - began)


def _show(timed: Sequence[Timed]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("streams", "tokens in a batch", "tweets/s", "to the rule", box=box.SIMPLE_HEAD)
    for column in table.columns:
        column.justify = "right"
    for one in timed:
        table.add_row(
            str(one.tuning.streams), f"{one.tuning.token_budget:,}", f"{one.rate:,.0f}", f"{one.ratio(timed[0]):.3f}"
        )
    Console(width=None if sys.stdout.isatty() else 100, highlight=False).print(table)
