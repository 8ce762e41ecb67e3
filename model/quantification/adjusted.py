"""Shares from a window's counts or probability sums alone: what ``estimate`` is compared with.

Both invert what the model says on average of each true label (Forman 2008;
Bella et al. 2010). They need no grid, but they take the error rates of the
measured texts for those of all texts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from model.quantification.confusion import Confusion


def adjusted_count(counts: Sequence[int], confusion: Confusion) -> NDArray[np.float64]:
    """Shares (shape (3,)) from tweets by label, by the inverse of the confusion rates."""
    return _invert(confusion.rates, np.array(counts, dtype=np.float64))


def probabilistic_adjusted_count(sums: Sequence[float], confusion: Confusion) -> NDArray[np.float64]:
    """Shares (shape (3,)) from sums of probabilities in any unit, by the inverse of the mean probabilities."""
    return _invert(np.array(confusion.mean_probabilities), np.array(sums, dtype=np.float64))


def _invert(rates: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = rates / rates.sum(axis=1, keepdims=True)
    return to_simplex(np.linalg.lstsq(rows.T, totals / totals.sum(), rcond=None)[0])


def to_simplex(point: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shares (not negative, sum 1) nearest to ``point`` (Duchi et al. 2008)."""
    ordered = np.sort(point)[::-1]
    surplus = (np.cumsum(ordered) - 1) / np.arange(1, len(point) + 1)
    level = surplus[np.nonzero(ordered > surplus)[0][-1]]
    nearest: NDArray[np.float64] = np.clip(point - level, 0, None)
    return nearest
