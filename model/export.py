"""``barometer export``: a trained torch model into the format of the fast CPU engine, checked against its parent."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.errors import BarometerError, MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from model.engines.folder import FolderConfig
    from model.engines.openvino import OpenVinoClassifier
    from model.engines.torch import TorchClassifier
    from model.engines.torch_last_layer import Reads
    from model.labelled import LabelledTexts
    from model.prediction import Predictions
    from model.quantification import Confusion

MOST_LOSS = 0.005
"""An export whose macro recall differs by more from its parent's is refused."""
LEAST_SAME = 0.975
"""A last layer that is asked once is kept if so many texts get their parent's label."""
PROBES = 1_000
INVARIANCE_TEXTS = 256


class ExportRefusedError(BarometerError):
    """The exported model is not what its parent is; nothing was written."""


@dataclass(frozen=True)
class Exported:
    """What ``export_model`` wrote, and the content of its metrics.json."""

    folder: Path
    version: str
    size: int
    metrics: dict[str, Any]


@click.command(
    epilog="""\b
Examples:
  barometer export runs/barometer-minilm --output exported --data val.tsv
  barometer evaluate --model exported --data val.tsv"""
)
@click.argument("run")
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to write.")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labelled texts to compare with the parent on; without, generated ones.",
)
@click.option("--name", help="Name of the model; default: as it was trained.")
@click.option(
    "--notes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Markdown for the model card: intended use, terms, limits.",
)
@click.option("--model-labels", default="", help="What the parent's labels mean: LABEL_0=negative,...")
@click.option("--text-column", help="Column of the text in --data, if its name is unusual.")
@click.option("--label-column", help="Column of the label in --data, if its name is unusual.")
@click.option("--labels", default="", help="What the labels in --data mean: 0=negative,1=positive.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    *,
    run: str,
    output: Path,
    data: Path | None,
    name: str | None,
    notes: Path | None,
    model_labels: str,
    text_column: str | None,
    label_column: str | None,
    labels: str,
    as_json: bool,
) -> None:
    """Turn a trained model into int8 for the fast CPU engine.

    RUN is the folder of a training run, any classifier of the transformers
    library, or a name on the hub. The result is compared with it, and refused
    when it depends on the batch or when its macro recall on --data differs by more
    than 0.005.
    """
    from rich.console import Console

    from model.labelled import read_labelled
    from model.labels import parse_mapping

    require_train_extra()
    check_output(output)
    texts = None
    if data:
        declared = parse_mapping(labels, where="--labels")
        texts = read_labelled(data, text_column=text_column, label_column=label_column, declared=declared)
    words = notes.read_text(encoding="utf-8") if notes else ""
    console = Console(stderr=True, highlight=False)
    with console.status("exporting, and comparing with the parent"):
        done = export_model(run, output, name=name, data=texts, data_file=data, notes=words, model_labels=model_labels)
    if as_json:
        click.echo(json.dumps({"output": str(output), "version": done.version, "bytes": done.size, **done.metrics}))
        return
    say_result(Console(highlight=False, markup=False), done)


def export_model(
    parent_model: str,
    output: Path,
    *,
    name: str | None = None,
    data: LabelledTexts | None = None,
    data_file: Path | None = None,
    notes: str = "",
    model_labels: str = "",
) -> Exported:
    """Convert, check and write; ``output`` appears whole or not at all.

    Raises ExportRefusedError when a check fails, UsageError and ModelError for a
    parent that cannot be exported.
    """
    from model.card import write_card
    from model.engines.folder import CARD_FILE, METRICS_FILE
    from model.engines.openvino import OpenVinoClassifier
    from model.engines.torch import TorchClassifier
    from model.probe import probe_texts
    from model.quantification.confusion import CONFUSION_FILE, write_confusion

    parent = TorchClassifier(parent_model, device="cpu", model_labels=model_labels, precision="float32")
    columns = exportable_labels(parent)
    texts = data.texts if data else probe_texts(PROBES)
    theirs = parent.classify(texts)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as work:
        folder = Path(work) / output.name
        folder.mkdir()
        config, reads = _write_model(parent, folder, name or parent.info.name, columns, texts, theirs)
        exported = OpenVinoClassifier(folder)
        metrics = {
            "parent_version": parent.info.version,
            "parent_temperature": parent.temperature,
            "last_layer_for": reads,
            **check(exported, texts, theirs, data, data_file),
        }
        if data and (errors := measure_errors(parent.provenance, exported, data, data_file)):
            write_confusion(errors, folder / CONFUSION_FILE)
        exported.close()
        (folder / METRICS_FILE).write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
        card = write_card(config, parent.provenance, metrics, notes)
        (folder / CARD_FILE).write_text(card, encoding="utf-8")
        size = sum(path.stat().st_size for path in folder.iterdir())
        if output.exists():
            shutil.rmtree(output)
        folder.rename(output)
    return Exported(output, config.version, size, metrics)


def _write_model(
    parent: TorchClassifier,
    folder: Path,
    name: str,
    columns: tuple[Any, ...],
    texts: Sequence[str],
    theirs: Predictions,
) -> tuple[FolderConfig, Reads | None]:
    """Write network, tokenizer and config; returns the config, and for what alone the last layer is computed.

    A last layer that is asked by the mean of the tokens is kept if ``texts`` get ``theirs``, their parent's
    labels; its temperature is what brings its probabilities nearest to theirs.
    """
    from model.engines.folder import write_config
    from model.engines.openvino import OpenVinoClassifier
    from model.engines.torch_last_layer import read_by_head
    from model.engines.torch_to_openvino import convert
    from model.evaluation.fidelity import compare

    def describe(temperature: float) -> FolderConfig:
        return write_config(
            folder,
            name=name,
            labels=columns,
            max_tokens=parent.max_tokens,
            temperature=temperature,
            hidden_size=parent.network.config.hidden_size,
            pad_id=parent.tokenizer.pad_token_id or 0,
        )

    reads = read_by_head(parent.network)
    convert(parent, folder, reads=reads)
    config = describe(parent.temperature)
    if reads != "mean":  # exact
        return config, reads
    exported = OpenVinoClassifier(folder)
    ours = exported.classify(texts)
    exported.close()
    if compare(theirs.probabilities, ours.probabilities).same_label >= LEAST_SAME:
        ratio = nearest_temperature(ours.probabilities, theirs.probabilities)
        return describe(round(parent.temperature * ratio, 4)), reads
    convert(parent, folder)
    return describe(parent.temperature), None


def nearest_temperature(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """By what to divide the logarithms of ``ours`` to bring them nearest to ``theirs``; both of shape (n, 3).

    Nearest: with the least divergence, found by a bounded search between a quarter and four.
    """
    import numpy as np
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = np.log(np.maximum(ours, 1e-12)).astype(np.float64)

    def divergence(temperature: float) -> float:
        return -float((theirs * log_softmax(logits / temperature, axis=1)).sum())

    return float(minimize_scalar(divergence, bounds=(0.25, 4.0), method="bounded").x)


def check(
    exported: OpenVinoClassifier,
    texts: Sequence[str],
    theirs: Predictions,
    data: LabelledTexts | None,
    data_file: Path | None,
) -> dict[str, Any]:
    """Hold what is exported to ``theirs``, the parent's predictions for ``texts``; part of metrics.json.

    Raises ExportRefusedError when the exported model depends on the batch, or
    differs in macro recall on ``data`` by more than MOST_LOSS.
    """
    from model.evaluation.fidelity import compare, measure_invariance
    from model.probe import probe_texts

    ours = exported.classify(texts)
    half = INVARIANCE_TEXTS // 2
    invariance = measure_invariance(exported, [*texts[:half], *probe_texts(half)])
    metrics: dict[str, Any] = {
        "agreement_with_parent": compare(theirs.probabilities, ours.probabilities).as_dict(),
        "batch_invariance": invariance.as_dict(),
    }
    if not invariance.holds:
        raise ExportRefusedError(
            f"refused: probabilities of the exported model depend on the batch, by up to "
            f"{invariance.max_difference:.4f} (0.01 is allowed); nothing was written"
        )
    if data:
        metrics |= _quality(data, data_file, theirs, ours)
        loss = metrics["parent"]["macro_recall"] - metrics["exported"]["macro_recall"]
        if abs(loss) > MOST_LOSS:
            raise ExportRefusedError(
                f"refused: macro recall is {metrics['exported']['macro_recall']:.4f} after the export and was "
                f"{metrics['parent']['macro_recall']:.4f} ({MOST_LOSS} may differ); nothing was written"
            )
    return metrics


def _quality(data: LabelledTexts, data_file: Path | None, theirs: Predictions, ours: Predictions) -> dict[str, Any]:
    import numpy as np

    from model.engines.folder import digest
    from model.evaluation.metrics import compute_metrics

    truth = np.array(data.labels, dtype=np.intp)
    named = {"file": data_file.name, "sha256": digest(data_file)} if data_file else {}
    return {
        "data": {**named, "rows": len(truth)},
        "parent": compute_metrics(theirs.probabilities, truth).as_dict(),
        "exported": compute_metrics(ours.probabilities, truth).as_dict(),
    }


def measure_errors(
    provenance: dict[str, Any] | None, exported: OpenVinoClassifier, data: LabelledTexts, data_file: Path | None
) -> Confusion | None:
    """The errors by which shares are corrected; None where ``data`` has too few texts of a label to tell."""
    import numpy as np

    from model.engines.folder import digest
    from model.labels import LABELS
    from model.quantification.confusion import LEAST_TEXTS, measure

    truth = np.array(data.labels, dtype=np.intp)
    if np.bincount(truth, minlength=len(LABELS)).min() < LEAST_TEXTS:
        return None
    balanced = provenance is not None and provenance["config"].get("class_weight_power") == 1
    return measure(
        exported.classify(data.texts).probabilities,
        truth,
        model_version=exported.info.version,
        trained_prior=(1, 1, 1) if balanced else None,
        file=data_file.name if data_file else None,
        sha256=digest(data_file) if data_file else None,
    )


def exportable_labels(parent: TorchClassifier) -> tuple[Any, ...]:
    """What the columns of the parent's logits mean; UsageError unless there is one for each label."""
    from model.labels import LABELS

    if sorted(parent.classes) != sorted(LABELS):
        raise UsageError(
            f"model {parent.info.name} has {len(parent.classes)} labels, read as {', '.join(parent.classes)}; "
            f"only a model with one output for each of {', '.join(LABELS)} can be exported (others run on torch)"
        )
    if not parent.tokenizer.is_fast:
        raise UsageError(
            f"model {parent.info.name} has no tokenizer.json; only models with a fast tokenizer can be exported"
        )
    return tuple(parent.classes)


def check_output(output: Path) -> None:
    """Refuse to replace a folder that is not an exported model."""
    from model.engines.folder import NETWORK_FILE

    if output.exists() and any(output.iterdir()) and not (output / NETWORK_FILE).exists():
        raise UsageError(f"{output} holds something that is not an exported model; give another --output")


def require_train_extra() -> None:
    """Raise MissingExtraError unless everything that an export needs is there."""
    if any(find_spec(name) is None for name in ("nncf", "sklearn", "torch", "transformers")):
        raise MissingExtraError("export", "train")


def say_result(console: Any, done: Exported) -> None:
    """The checks as a few lines."""
    agreement, invariance = done.metrics["agreement_with_parent"], done.metrics["batch_invariance"]
    console.print(f"wrote {done.folder} ({done.size / 1e6:.1f} MB), version {done.version}")
    if done.metrics["last_layer_for"]:
        console.print(f"its last layer is computed once a text, for the {_READ[done.metrics['last_layer_for']]}")
    console.print(
        f"as its parent: same label on {agreement['same_label']:.2%} of {agreement['texts']:,} texts, "
        f"probabilities within {agreement['max_difference']:.3f}"
    )
    console.print(
        f"in any batch: probabilities within {invariance['max_difference']:.7f}, "
        f"{invariance['changed_labels']} labels change"
    )
    if "exported" in done.metrics:
        parent, exported = done.metrics["parent"], done.metrics["exported"]
        for title, key in (("macro recall", "macro_recall"), ("accuracy", "accuracy"), ("ECE", "ece")):
            console.print(f"{title} {exported[key]:.4f} (parent {parent[key]:.4f})")


_READ = {"first": "first token alone", "mean": "mean of its tokens"}
