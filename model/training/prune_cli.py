"""``barometer prune``: a narrower, faster model out of a trained one."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.errors import UsageError
from model.training.cli import progress_shown, require_train_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from model.engines.torch import TorchClassifier
    from model.labelled import LabelledTexts
    from model.training.run import Progress

SAMPLE = 4_000
"""Texts on which it is seen which units are missed least."""
TOGETHER = 64


@click.command(
    epilog="""\b
Examples:
  barometer prune runs/mean --data train.tsv --output runs/narrow
  barometer compare runs/mean runs/narrow --data val.tsv"""
)
@click.argument("run")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Texts as the model will see them, such as those it was trained on; their labels are not used.",
)
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
@click.option("--width", type=click.IntRange(min=1), help="Hidden units to keep in each layer; default: half of them.")
@click.option("--epochs", type=click.FloatRange(min=0), default=1.0, show_default=True, help="Of learning from RUN.")
@click.option("--learning-rate", type=click.FloatRange(min=0), default=1e-4, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--text-column", help="Column of the text, if its name is unusual.")
@click.option("--label-column", help="Column of the label, if its name is unusual.")
@click.option("--labels", default="", help="What the labels in --data mean: 0=negative,1=positive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prune(
    *,
    run: str,
    data: Path,
    output: Path,
    width: int | None,
    epochs: float,
    learning_rate: float,
    seed: int,
    text_column: str | None,
    label_column: str | None,
    labels: str,
    as_json: bool,
) -> None:
    """Make a trained model narrower, and teach it to say what it said before.

    RUN is the folder of a training run, or any BERT classifier. The units of its
    feed-forward layers that are missed least go; then the narrow model learns
    from the wide one, on the texts of --data. With half of the units a third of
    the arithmetic is saved. Judge the result before you use it.
    """
    from rich.console import Console

    from model.labelled import read_labelled
    from model.labels import parse_mapping

    require_train_extra()
    if output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} is not empty; give another --output")
    declared = parse_mapping(labels, where="--labels")
    texts = read_labelled(data, text_column=text_column, label_column=label_column, declared=declared)
    notes = Console(stderr=True, highlight=False, markup=False)
    plan = Plan(width, epochs, learning_rate, seed)
    with progress_shown(notes) as on_step:
        record = prune_model(run, texts, data, output, plan, say=notes.print, on_step=on_step)
    if as_json:
        click.echo(json.dumps({"output": str(output), **record}))
        return
    click.echo(
        f"{output}: {record['width']:,} of {record['width_before']:,} units in each layer, {record['steps']:,} steps; "
        f"judge it: barometer compare {run} {output} --data FILE"
    )


@dataclass(frozen=True)
class Plan:
    """What the command is told. ``width`` None: half."""

    width: int | None
    epochs: float
    learning_rate: float
    seed: int


def prune_model(
    run: str,
    texts: LabelledTexts,
    data: Path,
    output: Path,
    plan: Plan,
    *,
    say: Callable[[str], None] = lambda _: None,
    on_step: Callable[[Progress], None] = lambda _: None,
) -> dict[str, Any]:
    """Write a narrower model than ``run`` to ``output``; returns what its provenance says of that.

    Raises UsageError for a model that is no BERT, or a width that is not less than its own.
    """
    from transformers import set_seed

    from model.engines.folder import digest
    from model.engines.torch import CALIBRATION_FILE, PROVENANCE_FILE, TorchClassifier, quiet_transformers
    from model.training.distil import distil
    from model.training.prune import narrow
    from model.training.run import tokenise

    wide, slim = (TorchClassifier(run, device="cpu", precision="float32") for _ in range(2))
    before = getattr(wide.network.config, "intermediate_size", 0)
    width = plan.width or before // 2
    rows = tokenise(wide.tokenizer, texts, wide.max_tokens)
    sample = random.Random(plan.seed).sample(rows, min(SAMPLE, len(rows)))
    lost = []
    for share in narrow(slim.network, partial(_batches, slim, sample), width):
        lost.append(round(share, 5))
        say(f"layer {len(lost)}: {share:.2%} of what it says is lost, before learning")
    set_seed(plan.seed)
    with quiet_transformers():
        steps = distil(
            wide.network,
            slim.network,
            wide.tokenizer,
            rows,
            epochs=plan.epochs,
            learning_rate=plan.learning_rate,
            seed=plan.seed,
            on_step=on_step,
        )
        slim.network.save_pretrained(output)
        wide.tokenizer.save_pretrained(output)
    (output / CALIBRATION_FILE).write_text(json.dumps({"temperature": round(wide.temperature, 4)}) + "\n")
    record = {
        "from": wide.info.version,
        "width_before": before,
        "width": width,
        "lost_by_layer": lost,
        "sample": len(sample),
        "data": {"file": data.name, "sha256": digest(data), "rows": len(rows)},
        "epochs": plan.epochs,
        "learning_rate": plan.learning_rate,
        "seed": plan.seed,
        "steps": steps,
    }
    if wide.provenance:
        known = wide.provenance | {"pruned": record}
        (output / PROVENANCE_FILE).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    return record


def _batches(classifier: TorchClassifier, rows: list[dict[str, Any]]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Token ids and mask, of texts of about one length together."""
    ordered = sorted(rows, key=lambda row: len(row["input_ids"]))
    for start in range(0, len(ordered), TOGETHER):
        together = [{k: row[k] for k in ("input_ids", "attention_mask")} for row in ordered[start : start + TOGETHER]]
        padded = classifier.tokenizer.pad(together, return_tensors="pt")
        yield padded["input_ids"], padded["attention_mask"]
