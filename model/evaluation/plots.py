"""PNG plots of an evaluation. Needs the extra ``evaluate``.

Figures are built as objects, without pyplot: no display, no global state.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from model.evaluation.metrics import Metrics, RocCurve
from model.labels import LABELS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"negative": "#c0392b", "neutral": "#7f8c8d", "positive": "#1e8449"}
SIZE_INCHES = (5.0, 4.5)
DPI = 150


def save_plots(metrics: Metrics, curves: dict[str, RocCurve], folder: Path, *, title: str) -> list[Path]:
    """Write confusion.png, roc.png and calibration.png into ``folder`` (made if needed); returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {
        "confusion.png": draw_confusion(metrics, title),
        "roc.png": draw_roc(metrics, curves, title),
        "calibration.png": draw_calibration(metrics, title),
    }
    for name, figure in drawn.items():
        figure.savefig(folder / name, dpi=DPI)
    return [folder / name for name in drawn]


def draw_confusion(metrics: Metrics, title: str) -> Figure:
    """Counts, and shades by share of the true label, so that rare labels can be read too."""
    figure, axes = _figure(f"{title}\nconfusion, n = {metrics.n:,}")
    counts = np.array(metrics.confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for true in range(len(LABELS)):
        for predicted in range(len(LABELS)):
            share = shares[true, predicted]
            axes.text(
                predicted,
                true,
                f"{counts[true, predicted]:,}\n{share:.0%}",
                ha="center",
                va="center",
                color="white" if share > 0.5 else "black",
            )
    axes.set_xticks(range(len(LABELS)), LABELS)
    axes.set_yticks(range(len(LABELS)), LABELS, rotation=90, va="center")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return figure


def draw_roc(metrics: Metrics, curves: dict[str, RocCurve], title: str) -> Figure:
    """Each label against the rest."""
    figure, axes = _figure(f"{title}\nROC, each label against the rest")
    for label, curve in curves.items():
        auc = metrics.per_class[label].auc
        axes.plot(
            curve.false_positive_rate,
            curve.true_positive_rate,
            color=COLOURS[label],
            label=f"{label}: AUC {auc:.3f}" if auc is not None else label,
        )
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", linewidth=1)
    axes.set_xlabel("false positive rate")
    axes.set_ylabel("true positive rate")
    axes.set_aspect("equal")
    if curves:
        axes.legend(loc="lower right")
    return figure


def draw_calibration(metrics: Metrics, title: str) -> Figure:
    """Accuracy over confidence; the size of a point is its share of the texts."""
    figure, axes = _figure(f"{title}\ncalibration, ECE {metrics.ece:.3f}")
    confidence = [part.confidence for part in metrics.reliability]
    accuracy = [part.accuracy for part in metrics.reliability]
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linestyle="--", linewidth=1)
    axes.plot(confidence, accuracy, color="#2c3e50", linewidth=1)
    axes.scatter(confidence, accuracy, s=[20 + 600 * p.count / metrics.n for p in metrics.reliability], color="#2c3e50")
    axes.set_xlim(1 / len(LABELS) - 0.03, 1.03)
    axes.set_ylim(0, 1.03)
    axes.set_xlabel("confidence (probability of the label)")
    axes.set_ylabel("accuracy")
    return figure


def _figure(title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    return figure, axes
