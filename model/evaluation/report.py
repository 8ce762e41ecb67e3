"""An evaluation as rich tables."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from model.evaluation.metrics import Metrics
from model.evaluation.shares import ShareReport
from model.labelled import LabelledTexts
from model.labels import LABELS

METHODS = {
    "counted": "counted",
    "summed": "summed",
    "adjusted_count": "ACC",
    "probabilistic_adjusted_count": "PACC",
    "corrected": "corrected",
}


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


def print_shares(console: Console, report: ShareReport, column: str) -> None:
    """Negative shares by group, in percent and points, and the errors of windows of several sizes."""
    shares = Table(column, title="negative share, %", title_justify="left", box=SIMPLE, pad_edge=False)
    for name in ("texts", "people", "counted", "corrected (95%)", "nearer by (95%)"):
        shares.add_column(name, justify="right", no_wrap=True)
    for one in report.groups:
        found, nearer = one.corrected, one.nearer
        shares.add_row(
            one.group,
            f"{one.texts:,}",
            _percent(one.human),
            _percent(one.counted.value),
            f"{_percent(found.value)} ({_percent(found.low)}-{_percent(found.high)})",
            f"{100 * nearer.value:+.1f} ({100 * nearer.low:.1f} to {100 * nearer.high:.1f})",
        )
    console.print(shares)
    worse = [one.group for one in report.groups if one.nearer.value < 0]
    console.print(f"not nearer: {', '.join(worse)}" if worse else "nearer in every group")
    errors = Table("", title="its error, points", title_justify="left", box=SIMPLE, pad_edge=False)
    for title in (*METHODS.values(), "holds", "Wilson"):
        errors.add_column(title, justify="right", no_wrap=True)
    mean = {name: sum(abs(one.errors[name][0]) for one in report.groups) / len(report.groups) for name in METHODS}
    errors.add_row("groups, mean", *(f"{100 * mean[name]:.1f}" for name in METHODS))
    for size in report.windows:
        figures = (f"{100 * size.rmse[name]:.1f}" for name in METHODS)
        errors.add_row(f"{size.texts} texts, RMS", *figures, f"{size.inside:.0%}", f"{size.inside_counted:.0%}")
    console.print(errors)
    console.print(
        "ACC, PACC: adjusted count, and with probabilities. holds, Wilson: intervals, of corrected and of counted, "
        "with the group's true share in them."
    )


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


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
