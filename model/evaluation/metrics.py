"""The figures of a classifier on labelled texts. Pure: arrays in, numbers out. Needs the extra ``evaluate``.

Macro recall is the metric of SemEval-2017 Task 4 A and of TweetEval; the
expected calibration error (ECE) is that of Guo et al. 2017, with 15 equal bins.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS

BINS = 15


@dataclass(frozen=True)
class ClassMetrics:
    """Figures of one label against the rest; ``auc`` is None when the file has only this label or none of it."""

    precision: float
    recall: float
    f1: float
    support: int
    auc: float | None


@dataclass(frozen=True)
class ReliabilityBin:
    """Texts whose confidence (the best probability) lies in one of 15 equal bins."""

    confidence: float
    accuracy: float
    count: int


@dataclass(frozen=True)
class RocCurve:
    """One label against the rest: points from (0, 0) to (1, 1)."""

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]


@dataclass(frozen=True)
class Metrics:
    """All shares are between 0 and 1. ``confusion[true][predicted]`` counts texts, in the order of LABELS."""

    n: int
    macro_recall: float
    macro_f1: float
    accuracy: float
    ece: float
    log_loss: float
    macro_auc: float | None
    per_class: dict[str, ClassMetrics]
    confusion: list[list[int]]
    reliability: list[ReliabilityBin]

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and dicts, rounded to 5 decimals."""
        rounded: dict[str, Any] = _rounded(asdict(self))
        return rounded


def compute_metrics(probabilities: NDArray[np.float32], labels: NDArray[np.intp]) -> Metrics:
    """Compare ``probabilities`` (shape (n, 3), columns as LABELS) with the true ``labels`` (shape (n,), n > 0).

    Macro figures are means over the labels that occur in ``labels``: a file
    without neutral texts has no recall of neutral.
    """
    from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support, roc_auc_score

    everything = np.arange(len(LABELS))
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=everything, zero_division=0.0
    )
    present = support > 0
    auc = [
        float(roc_auc_score(labels == index, probabilities[:, index])) if 0 < support[index] < len(labels) else None
        for index in everything
    ]
    known_auc = [value for value in auc if value is not None]
    exact = probabilities.astype(np.float64)
    reliability = reliability_bins(probabilities.max(axis=1), predicted == labels)
    return Metrics(
        n=len(labels),
        macro_recall=float(recall[present].mean()),
        macro_f1=float(f1[present].mean()),
        accuracy=float((predicted == labels).mean()),
        ece=expected_calibration_error(reliability),
        log_loss=float(log_loss(labels, exact / exact.sum(axis=1, keepdims=True), labels=everything)),
        macro_auc=float(np.mean(known_auc)) if known_auc else None,
        per_class={
            label: ClassMetrics(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]), auc[i])
            for i, label in enumerate(LABELS)
        },
        confusion=confusion_matrix(labels, predicted, labels=everything).tolist(),
        reliability=reliability,
    )


def reliability_bins(confidence: NDArray[np.float32], correct: NDArray[np.bool_]) -> list[ReliabilityBin]:
    """Mean confidence and accuracy of the texts in each of 15 bins (k/15, (k+1)/15]; empty bins are left out."""
    which = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(int) - 1, 0, BINS - 1)
    found = []
    for number in range(BINS):
        inside = which == number
        if inside.any():
            found.append(
                ReliabilityBin(float(confidence[inside].mean()), float(correct[inside].mean()), int(inside.sum()))
            )
    return found


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Mean distance of confidence and accuracy over the bins, weighted by their texts."""
    total = sum(part.count for part in bins)
    return sum(part.count * abs(part.confidence - part.accuracy) for part in bins) / total


def roc_curves(probabilities: NDArray[np.float32], labels: NDArray[np.intp]) -> dict[str, RocCurve]:
    """The curve of each label against the rest, for labels that some texts have and some have not."""
    from sklearn.metrics import roc_curve

    curves: dict[str, RocCurve] = {}
    for index, label in enumerate(LABELS):
        is_it = labels == index
        if is_it.any() and not is_it.all():
            false_rate, true_rate, _ = roc_curve(is_it, probabilities[:, index])
            curves[label] = RocCurve(false_rate, true_rate)
    return curves


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return value
