"""Does one engine say the same as another, and the same in every batch?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.prediction import Classifier

TOLERANCE = 0.01
"""The contract of Classifier: probabilities of a text differ by no more between batches."""


@dataclass(frozen=True)
class Agreement:
    """Two sets of probabilities of the same texts, compared."""

    texts: int
    same_label: float
    max_difference: float
    mean_difference: float

    def as_dict(self) -> dict[str, Any]:
        return {key: round(value, 5) for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Invariance:
    """How far probabilities move with the batch a text is in.

    ``changed_labels`` counts texts whose label changed although their two best
    probabilities lie further apart than the tolerance.
    """

    texts: int
    max_difference: float
    changed_labels: int

    @property
    def holds(self) -> bool:
        return self.max_difference <= TOLERANCE and self.changed_labels == 0

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "max_difference": round(self.max_difference, 7)}


def compare(first: NDArray[np.float32], second: NDArray[np.float32]) -> Agreement:
    """Compare probabilities of the same texts, both of shape (n, 3)."""
    difference = np.abs(first - second)
    return Agreement(
        texts=len(first),
        same_label=float((first.argmax(axis=1) == second.argmax(axis=1)).mean()),
        max_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
    )


def measure_invariance(
    classifier: Classifier, texts: Sequence[str], *, sizes: Sequence[int] = (2, 64), seed: int = 7
) -> Invariance:
    """Label ``texts`` alone, then in batches of ``sizes`` with other neighbours each time, and compare.

    Neighbours are drawn, so that short texts meet long ones, and one batch
    holds everything.
    """
    alone = np.concatenate([classifier.classify([text]).probabilities for text in texts])
    best = np.sort(alone, axis=1)
    clear = best[:, -1] - best[:, -2] > TOLERANCE
    draw = random.Random(seed)
    worst, changed = 0.0, np.zeros(len(texts), dtype=np.bool_)
    for size in (*sizes, len(texts)):
        order = list(range(len(texts)))
        draw.shuffle(order)
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            found = classifier.classify([texts[row] for row in rows]).probabilities
            worst = max(worst, float(np.abs(found - alone[rows]).max()))
            changed[rows] |= (found.argmax(axis=1) != alone[rows].argmax(axis=1)) & clear[rows]
    return Invariance(len(texts), worst, int(changed.sum()))
