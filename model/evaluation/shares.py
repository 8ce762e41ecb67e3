"""How near reported shares come to those that people saw, group by group (a brand, a month, ...). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS
from model.quantification import CELLS, Confusion, Interval, cells_of, estimate, wilson
from model.quantification.adjusted import adjusted_count, probabilistic_adjusted_count

BOOTSTRAPS = 200
SIZES = (20, 100, 500)
"""Tweets in a window: a quiet quarter of an hour, a busy one, a day."""
DRAWS = 60


@dataclass(frozen=True)
class GroupShares:
    """The negative share of a group. ``nearer``: |error| of the counted less that of the corrected, bootstrapped.

    ``errors``: share less human share (negative, neutral, positive) by method.
    """

    group: str
    texts: int
    human: float
    counted: Interval
    corrected: Interval
    nearer: Interval
    errors: dict[str, list[float]]


@dataclass(frozen=True)
class WindowError:
    """Windows of ``texts`` drawn within groups: root mean square error of the negative share by method.

    ``inside``: part of the intervals of ``corrected`` that hold the human share of the whole group;
    ``inside_counted``: the same for Wilson's intervals of the counted share.
    """

    texts: int
    rmse: dict[str, float]
    inside: float
    inside_counted: float


@dataclass(frozen=True)
class ShareReport:
    """All groups, largest first, and what the correction costs or gains in small windows."""

    groups: list[GroupShares]
    windows: list[WindowError]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare_shares(
    probabilities: NDArray[np.float32], labels: NDArray[np.intp], groups: Sequence[str], confusion: Confusion
) -> ShareReport:
    """Compare counted and corrected shares with the ``labels`` that people gave, within each group.

    Seeded: the same input gives the same report. The data should not be what ``confusion`` was measured on.
    """
    names = np.array(groups)
    rng = np.random.default_rng(0)
    samples = {
        name: _Sample.of(probabilities[names == name], labels[names == name])
        for name, _count in Counter(groups).most_common()
    }
    return ShareReport(
        [_group(name, sample, confusion, rng) for name, sample in samples.items()],
        [error for size in SIZES if (error := _windows(size, list(samples.values()), confusion, rng))],
    )


@dataclass(frozen=True)
class _Sample:
    """Texts with their human label and what the model said: arrays of n rows."""

    truth: NDArray[np.intp]
    said: NDArray[np.intp]
    cells: NDArray[np.intp]
    probabilities: NDArray[np.float64]

    @classmethod
    def of(cls, probabilities: NDArray[np.float32], labels: NDArray[np.intp]) -> _Sample:
        return cls(labels, probabilities.argmax(axis=1), cells_of(probabilities), probabilities.astype(np.float64))

    def __len__(self) -> int:
        return len(self.truth)

    def draw(self, rng: np.random.Generator, size: int) -> _Sample:
        """``size`` texts, with replacement."""
        chosen = rng.integers(0, len(self), size)
        return _Sample(self.truth[chosen], self.said[chosen], self.cells[chosen], self.probabilities[chosen])

    def shares(self, labels: NDArray[np.intp]) -> NDArray[np.float64]:
        return np.bincount(labels, minlength=len(LABELS)) / len(self)

    def by_cell(self) -> dict[int, int]:
        counts = np.bincount(self.cells, minlength=CELLS)
        return {int(cell): int(counts[cell]) for cell in np.flatnonzero(counts)}


def _methods(confusion: Confusion) -> dict[str, Callable[[_Sample], NDArray[np.float64]]]:
    def corrected(sample: _Sample) -> NDArray[np.float64]:
        shares = estimate(sample.by_cell(), confusion)
        return np.array([shares.negative.value, shares.neutral.value, shares.positive.value])

    return {
        "counted": lambda sample: sample.shares(sample.said),
        "summed": lambda sample: np.asarray(sample.probabilities.mean(axis=0), dtype=np.float64),
        "adjusted_count": lambda sample: adjusted_count(
            np.bincount(sample.said, minlength=len(LABELS)).tolist(), confusion
        ),
        "probabilistic_adjusted_count": lambda sample: probabilistic_adjusted_count(
            sample.probabilities.sum(axis=0).tolist(), confusion
        ),
        "corrected": corrected,
    }


def _group(name: str, sample: _Sample, confusion: Confusion, rng: np.random.Generator) -> GroupShares:
    human = sample.shares(sample.truth)
    errors = {method: work(sample) - human for method, work in _methods(confusion).items()}
    negatives = int((sample.said == 0).sum())
    gains = [_gain(sample.draw(rng, len(sample)), confusion) for _ in range(BOOTSTRAPS)]
    return GroupShares(
        group=name,
        texts=len(sample),
        human=float(human[0]),
        counted=Interval(negatives / len(sample), *wilson(negatives, len(sample))),
        corrected=estimate(sample.by_cell(), confusion).negative,
        nearer=Interval(_gain(sample, confusion), *(float(np.quantile(gains, q)) for q in (0.025, 0.975))),
        errors={method: [round(float(value), 5) for value in error] for method, error in errors.items()},
    )


def _gain(sample: _Sample, confusion: Confusion) -> float:
    human, counted = (sample.truth == 0).mean(), (sample.said == 0).mean()
    corrected = estimate(sample.by_cell(), confusion).negative.value
    return float(abs(counted - human) - abs(corrected - human))


def _windows(
    size: int, samples: Sequence[_Sample], confusion: Confusion, rng: np.random.Generator
) -> WindowError | None:
    """DRAWS windows of each group that has as many texts; errors are against the human labels of the same texts."""
    methods = _methods(confusion)
    squares: dict[str, list[float]] = {name: [] for name in methods}
    inside: list[bool] = []
    inside_counted: list[bool] = []
    for sample in (sample for sample in samples if len(sample) >= size):
        overall = float((sample.truth == 0).mean())
        for _ in range(DRAWS):
            window = sample.draw(rng, size)
            human = float((window.truth == 0).mean())
            for name, work in methods.items():
                squares[name].append((float(work(window)[0]) - human) ** 2)
            found = estimate(window.by_cell(), confusion).negative
            low, high = wilson(int((window.said == 0).sum()), size)
            inside.append(found.low <= overall <= found.high)
            inside_counted.append(low <= overall <= high)
    if not inside:
        return None
    rmse = {name: float(np.sqrt(np.mean(values))) for name, values in squares.items()}
    return WindowError(size, rmse, float(np.mean(inside)), float(np.mean(inside_counted)))
