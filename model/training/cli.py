"""``barometer train``: fine-tune a classifier on a labelled file."""

from __future__ import annotations

import json
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from model.evaluation.metrics import Metrics
    from model.labelled import LabelledTexts
    from model.training.config import TrainingConfig
    from model.training.run import Progress

BUNDLED_CONFIG = Path(__file__).with_name("bundled.toml")
QUIET_S = 30.0
"""Seconds between lines of progress where there is no terminal."""
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    epilog="""\b
Examples:
  barometer train --data train.tsv --val val.tsv
  barometer train --data train.tsv --config mine.toml --output runs/mine
  barometer train --data train.tsv --limit 500 --output runs/smoke"""
)
@click.option("--data", required=True, type=FILE, help="Labelled texts to learn from: TSV, CSV or JSONL.")
@click.option("--config", "config_file", type=FILE, help="What to train (TOML); default: as the bundled model.")
@click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), help="Default: runs/NAME, as in the config."
)
@click.option("--val", type=FILE, help="Labelled texts to judge the result by; never learned from.")
@click.option("--limit", type=click.IntRange(min=10), help="Only the first N rows of --data.")
@click.option("--fresh", is_flag=True, help="Discard what --output holds, instead of resuming it.")
@click.option("--text-column", help="Column of the text, if its name is unusual.")
@click.option("--label-column", help="Column of the label, if its name is unusual.")
@click.option("--labels", default="", help="What the files' labels mean: 0=negative,1=positive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    data: Path,
    config_file: Path | None,
    output: Path | None,
    val: Path | None,
    limit: int | None,
    *,
    fresh: bool,
    text_column: str | None,
    label_column: str | None,
    labels: str,
    as_json: bool,
) -> None:
    """Fine-tune a classifier on labelled texts.

    A run that was stopped or killed goes on where it was when called again with
    the same data and config. Writes the model, its tokenizer, provenance.json and,
    with --val, metrics.json. Then: barometer export RUN --output DIR
    """
    from rich.console import Console

    from model.evaluation.report import describe_data, print_metrics
    from model.labelled import read_labelled
    from model.labels import parse_mapping

    require_train_extra()
    notes = Console(stderr=True, highlight=False, markup=False)
    config = load_config(config_file or BUNDLED_CONFIG)
    folder = output or Path("runs") / config.name
    declared = parse_mapping(labels, where="--labels")
    read = partial(read_labelled, text_column=text_column, label_column=label_column, declared=declared)
    texts = read(data, limit=limit)
    judged = read(val) if val else None
    for note in describe_data(texts):
        notes.print(note)
    if fresh:
        _discard(folder)
    provenance = _run(config, texts, folder, data, notes)
    metrics = _judge(folder, judged, val) if judged and val else None
    if as_json:
        found = {"metrics": metrics.as_dict()} if metrics else {}
        click.echo(json.dumps({"output": str(folder), "provenance": provenance, **found}))
        return
    console = Console(highlight=False, markup=False)
    console.print(f"trained {config.name} on {provenance['data']['rows']:,} texts in {provenance['steps']:,} steps")
    if metrics and val:
        console.print(f"on {val.name}, {metrics.n:,} texts:")
        print_metrics(console, metrics)
    console.print(f"the model is in {folder}; next: barometer export {folder} --output DIR")


def load_config(path: Path) -> TrainingConfig:
    """Read a training config; UsageError names the file, the field and the rule."""
    from pydantic import ValidationError

    from model.training.config import TrainingConfig

    try:
        return TrainingConfig.load(path)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {error}") from error
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise UsageError(f"{path}: {problems}") from error


def require_train_extra() -> None:
    """Raise MissingExtraError unless everything that training needs is there."""
    if any(find_spec(name) is None for name in ("accelerate", "scipy", "sklearn", "torch", "transformers")):
        raise MissingExtraError("training", "train")


def _run(config: TrainingConfig, texts: LabelledTexts, folder: Path, data: Path, notes: Console) -> dict[str, Any]:
    notes.print(f"training {config.name} on {len(texts.texts):,} texts of {data.name}")
    from model.training.run import fingerprint, finished_run, last_checkpoint
    from model.training.run import train as run_training

    mark = fingerprint(config, texts)
    checkpoint = last_checkpoint(folder, mark)
    if finished_run(folder, mark):
        notes.print(f"{folder} already holds this run, finished; --fresh trains it again")
    elif checkpoint:
        notes.print(f"going on from {checkpoint.name}")
    with progress_shown(notes) as on_step:
        return run_training(config, texts, folder, data_file=data, on_step=on_step)


@contextmanager
def progress_shown(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A bar with loss and time left on a terminal; elsewhere a line every 30 seconds."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    if not console.is_terminal:
        started = said = time.monotonic()

        def say(progress: Progress) -> None:
            nonlocal said
            now = time.monotonic()
            if now - said >= QUIET_S or progress.step == progress.steps:
                said = now
                console.print(f"step {progress.step}/{progress.steps}, {_loss(progress)}, {now - started:.0f} s")

        yield say
        return
    columns = (TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[loss]}"))
    with Bar(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("training", total=None, loss="")

        def move(progress: Progress) -> None:
            bar.update(task, completed=progress.step, total=progress.steps, loss=_loss(progress))

        yield move


def _loss(progress: Progress) -> str:
    return "loss -" if progress.loss is None else f"loss {progress.loss:.3f}"


def _judge(folder: Path, texts: LabelledTexts, val: Path) -> Metrics:
    """Metrics of the trained model on ``texts``, in full precision; also written to metrics.json."""
    from model.engines.folder import digest
    from model.engines.torch import TorchClassifier
    from model.evaluation.cli import judge

    classifier = TorchClassifier(str(folder), precision="float32")
    metrics, _ = judge(classifier, texts)
    info = classifier.info
    classifier.close()
    identity = {"model": info.name, "version": info.version, "engine": info.engine}
    content = {**identity, "data": {"file": val.name, "sha256": digest(val)}, **metrics.as_dict()}
    (folder / "metrics.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return metrics


def _discard(folder: Path) -> None:
    """Remove an earlier run; UsageError when the folder holds something else."""
    if not folder.exists():
        return
    known = (folder / "provenance.json").exists() or (folder / "checkpoints").is_dir()
    if not known and any(folder.iterdir()):
        raise UsageError(f"{folder} does not hold a training run, so --fresh will not empty it; give another --output")
    shutil.rmtree(folder)
