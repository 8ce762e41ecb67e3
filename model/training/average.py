"""``barometer average``: one model from several trained ones, by the mean of their weights.

Checkpoints of the later part of a run, and runs that start from the same base,
lie in one basin: the mean of their weights generalises better than any of
them, at no cost at run time (stochastic weight averaging, Izmailov et al. 2018;
model soups, Wortsman et al. 2022).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

WEIGHTS_FILE = "model.safetensors"
CONFIG_FILE = "config.json"
PROVENANCE_FILE = "provenance.json"
BESIDE = ("tokenizer.json", "tokenizer_config.json", "calibration.json")
"""Taken from the first folder that has them: a checkpoint has none of its own."""


@click.command(
    epilog="""\b
Examples:
  barometer average runs/a runs/b --output runs/mean
  barometer average runs/a=2 runs/b/checkpoints/checkpoint-900 --output runs/mean
"""
)
@click.argument("models", nargs=-1, required=True, metavar="RUN[=WEIGHT]...")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
def average(models: tuple[str, ...], output: Path) -> None:
    """Average the weights of trained models that share a base.

    Give folders of `barometer train`, or checkpoints in them; the first run's
    tokenizer and temperature are kept. Judge the result with `barometer
    evaluate` before you use it: models that did not start from the same base
    average to nonsense.
    """
    from importlib.util import find_spec

    if find_spec("torch") is None or find_spec("safetensors") is None:
        raise MissingExtraError("average", "torch")
    parts = [parse_part(model) for model in models]
    average_folders(parts, output)
    click.echo(f"{output}: the mean of {len(parts)} models; judge it: barometer evaluate --model {output} --data FILE")


def parse_part(text: str) -> tuple[Path, float]:
    """``FOLDER`` or ``FOLDER=WEIGHT``. Raises UsageError for a weight that is no positive number."""
    name, equals, weight = text.rpartition("=")
    if not equals:
        return Path(text), 1.0
    try:
        number = float(weight)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise UsageError(f"{text!r}: the weight after = must be a positive number, such as {name}=2")
    return Path(name), number


def average_folders(parts: Sequence[tuple[Path, float]], output: Path) -> None:
    """Write the weighted mean of the models in ``parts`` to ``output``, with what belongs beside it.

    Raises UsageError when a folder holds no weights or they do not fit together.
    """
    from safetensors.torch import save_file

    mean = weighted_mean(parts)
    output.mkdir(parents=True, exist_ok=True)
    save_file(mean, output / WEIGHTS_FILE, metadata={"format": "pt"})
    shutil.copyfile(parts[0][0] / CONFIG_FILE, output / CONFIG_FILE)
    for name in BESIDE:
        source = next((folder / name for folder, _weight in parts if (folder / name).exists()), None)
        if source is not None:
            shutil.copyfile(source, output / name)
    total = sum(weight for _folder, weight in parts)
    records = [_provenance(folder) for folder, _weight in parts]
    known = next((record for record in records if record), {})
    known["average_of"] = [
        {
            "model": folder.name,
            "weight": round(weight / total, 4),
            "seed": record.get("config", {}).get("seed"),
            "epochs": record.get("config", {}).get("epochs"),
        }
        for (folder, weight), record in zip(parts, records, strict=True)
    ]
    (output / PROVENANCE_FILE).write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")


def weighted_mean(parts: Sequence[tuple[Path, float]]) -> dict[str, torch.Tensor]:
    """The weighted mean of the weights in the folders, float32, by name."""
    from safetensors.torch import load_file

    total = sum(weight for _folder, weight in parts)
    mean: dict[str, torch.Tensor] = {}
    for folder, weight in parts:
        try:
            tensors = load_file(folder / WEIGHTS_FILE)
        except OSError as error:
            raise UsageError(f"{folder} has no {WEIGHTS_FILE}; give a folder of barometer train") from error
        if mean and {name: tensor.shape for name, tensor in tensors.items()} != {
            name: tensor.shape for name, tensor in mean.items()
        }:
            raise UsageError(f"{folder} has other weights than {parts[0][0]}; average models of one shape only")
        for name, tensor in tensors.items():
            share = tensor.float() * (weight / total)
            mean[name] = mean[name] + share if name in mean else share
    return mean


def _provenance(folder: Path) -> dict[str, Any]:
    """Of a run, or of the run that a checkpoint lies in; empty when there is none."""
    for place in (folder, folder.parent.parent):
        record = place / PROVENANCE_FILE
        if record.exists():
            found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
            return found
    return {}
