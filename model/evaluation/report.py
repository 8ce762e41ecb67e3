"""An evaluation as rich tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from model.evaluation.metrics import Metrics
from model.labelled import LabelledTexts
from model.labels import LABELS


def print_metrics(console: Console, metrics: Metrics) -> None:
    """The headline figures, each label's, and the confusion matrix."""
    console.print(
        f"macro recall {metrics.macro_recall:.4f}  accuracy {metrics.accuracy:.4f}  "
        f"macro F1 {metrics.macro_f1:.4f}  AUC {_share(metrics.macro_auc)}  ECE {metrics.ece:.4f}"
    )
    labels = Table("label")
    for name in ("precision", "recall", "F1", "AUC", "texts"):
        labels.add_column(name, justify="right")
    confusion = Table("true \\ predicted")
    for label in LABELS:
        confusion.add_column(label, justify="right")
    for label, row in zip(LABELS, metrics.confusion, strict=True):
        one = metrics.per_class[label]
        figures = (_share(one.precision), _share(one.recall), _share(one.f1), _share(one.auc))
        labels.add_row(label, *figures, f"{one.support:,}")
        confusion.add_row(label, *(f"{count:,}" for count in row))
    console.print(labels)
    console.print(confusion)


def describe_data(data: LabelledTexts) -> list[str]:
    """What was read from the file, for notes on stderr: labels that needed a mapping, rows left out."""
    notes = []
    unusual = {name: label for name, label in data.mapping.items() if name.casefold() != label}
    if unusual:
        notes.append("labels read as " + ", ".join(f"{name} = {label}" for name, label in unusual.items()))
    if data.unreadable:
        total = sum(data.unreadable.values())
        shown = ", ".join(f"{name!r} ({count:,})" for name, count in list(data.unreadable.items())[:5])
        more = ", ..." if len(data.unreadable) > 5 else ""
        notes.append(f"{total:,} rows left out, whose label is not understood: {shown}{more}")
    return notes


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
