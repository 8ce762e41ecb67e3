from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.evaluation.fidelity import compare, measure_invariance
from model.prediction import ModelInfo, Predictions
from model.probe import probe_texts


class NeighbourBound:
    """A classifier that breaks the promise: its answer moves by ``drift`` for each neighbour."""

    info = ModelInfo("bad", "0", "test")

    def __init__(self, drift: float) -> None:
        self._drift = drift

    def classify(self, texts: Sequence[str]) -> Predictions:
        moved = self._drift * (len(texts) - 1)
        rows = np.tile(np.array([0.4 - moved, 0.35, 0.25 + moved], dtype=np.float32), (len(texts), 1))
        return Predictions(rows, np.zeros(len(texts), dtype=np.bool_))

    def close(self) -> None:
        pass


def test_a_classifier_that_minds_its_neighbours_is_caught() -> None:
    found = measure_invariance(NeighbourBound(0.002), probe_texts(64))
    assert found.max_difference > 0.1
    assert found.changed_labels == 64
    assert not found.holds


def test_a_drift_below_the_tolerance_is_measured_and_allowed() -> None:
    found = measure_invariance(NeighbourBound(0.0001), probe_texts(64))
    assert 0.006 < found.max_difference < 0.007
    assert found.holds


def test_agreement_counts_labels_and_distances() -> None:
    first = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3]], dtype=np.float32)
    second = np.array([[0.4, 0.5, 0.1], [0.2, 0.5, 0.3]], dtype=np.float32)
    found = compare(first, second).as_dict()
    assert found == {"texts": 2, "same_label": 0.5, "max_difference": 0.2, "mean_difference": 0.06667}
