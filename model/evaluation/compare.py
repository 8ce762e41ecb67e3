"""Two models on the same texts: how far apart, and whether that may be chance.

Accuracy and macro recall are compared in pairs, text by text: a paired
bootstrap gives the interval of the difference, and McNemar's exact test says
how likely the texts that only one of them gets right would fall so by chance.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS

RESAMPLES = 2_000


@dataclass(frozen=True)
class Difference:
    """``value``: the other's figure less the base's; ``low`` and ``high``: 95% interval of it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """The other model against the base. Shares are from 0 to 1.

    ``only_base``, ``only_other``: texts that one of them alone labels rightly.
    ``chance``: McNemar's exact p-value. ``changed[base][other]``: texts by the
    labels of both, in the order of LABELS.
    """

    n: int
    accuracy: Difference
    macro_recall: Difference
    only_base: int
    only_other: int
    chance: float
    same_label: float
    changed: list[list[int]]

    @property
    def verdict(self) -> str:
        """In one word or two, by the interval of macro recall."""
        if self.macro_recall.low > 0:
            return "better"
        return "worse" if self.macro_recall.high < 0 else "no difference that is not chance"

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers, lists and dicts."""
        return {**asdict(self), "verdict": self.verdict}


def compare(base: NDArray[np.intp], other: NDArray[np.intp], truth: NDArray[np.intp], *, seed: int = 1) -> Comparison:
    """Compare predicted labels with the true ones: all of shape (n,), indices into LABELS, n > 0."""
    from scipy.stats import binomtest

    right_base, right_other = base == truth, other == truth
    only_base = int((right_base & ~right_other).sum())
    only_other = int((right_other & ~right_base).sum())
    told_apart = only_base + only_other
    size = len(LABELS)
    return Comparison(
        n=len(truth),
        accuracy=_difference(right_base, right_other, np.zeros_like(truth), seed),
        macro_recall=_difference(right_base, right_other, truth, seed),
        only_base=only_base,
        only_other=only_other,
        chance=float(binomtest(only_other, told_apart).pvalue) if told_apart else 1.0,
        same_label=float((base == other).mean()),
        changed=np.bincount(base * size + other, minlength=size * size).reshape(size, size).tolist(),
    )


def _difference(base: NDArray[np.bool_], other: NDArray[np.bool_], groups: NDArray[np.intp], seed: int) -> Difference:
    """Mean over the groups that occur of the mean gain in each; resampled within the groups."""
    gains = other.astype(np.int8) - base.astype(np.int8)
    random = np.random.default_rng(seed)
    means, resampled = [], []
    for group in np.unique(groups):
        own = gains[groups == group]
        means.append(own.mean())
        # A resample of -1, 0 and 1 is how often each was drawn.
        shares = np.array([(own == gain).mean() for gain in (-1, 0, 1)])
        drawn = random.multinomial(len(own), shares, size=RESAMPLES)
        resampled.append((drawn[:, 2] - drawn[:, 0]) / len(own))
    low, high = np.percentile(np.mean(resampled, axis=0), [2.5, 97.5])
    return Difference(float(np.mean(means)), float(low), float(high))
