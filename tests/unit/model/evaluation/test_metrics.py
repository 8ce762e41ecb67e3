"""Figures against values worked out by hand, and against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.evaluation.metrics import compute_metrics, expected_calibration_error, reliability_bins, roc_curves

# Six texts: true 0 0 1 1 2 2, said 0 1 1 1 2 0.
TRUE = np.array([0, 0, 1, 1, 2, 2])
SAID = np.array(
    [[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0], [0.0, 0.1, 0.9], [0.5, 0.1, 0.4]],
    dtype=np.float32,
)


def test_shares_worked_out_by_hand() -> None:
    found = compute_metrics(SAID, TRUE)
    assert found.n == 6
    assert found.accuracy == pytest.approx(4 / 6)
    assert found.macro_recall == pytest.approx((1 / 2 + 1 + 1 / 2) / 3)
    assert found.confusion == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    negative, neutral, positive = found.per_class.values()
    assert (negative.precision, negative.recall, negative.support) == (0.5, 0.5, 2)
    assert neutral.precision == pytest.approx(2 / 3)
    assert neutral.f1 == pytest.approx(2 * (2 / 3) / (2 / 3 + 1))
    assert positive.precision == 1
    assert found.macro_f1 == pytest.approx((0.5 + 0.8 + 2 / 3) / 3)


def test_auc_worked_out_by_hand() -> None:
    # Of the 2 x 4 pairs of a negative text and another, the negative one scores higher in 7: 0.3 < 0.5.
    found = compute_metrics(SAID, TRUE)
    assert found.per_class["negative"].auc == pytest.approx(7 / 8)
    assert found.per_class["positive"].auc == 1


def test_calibration_error_worked_out_by_hand() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.5], dtype=np.float32)
    correct = np.array([True, True, False, False, True])
    bins = reliability_bins(confidence, correct)
    assert [(part.count, part.accuracy) for part in bins] == [(1, 1.0), (4, 0.5)]
    assert expected_calibration_error(bins) == pytest.approx((1 * 0.5 + 4 * 0.45) / 5)


def test_labels_that_the_file_lacks_do_not_count_as_zero() -> None:
    found = compute_metrics(SAID[:4], TRUE[:4])
    assert found.macro_recall == pytest.approx((1 / 2 + 1) / 2)
    assert found.per_class["positive"].auc is None
    assert "positive" not in roc_curves(SAID[:4], TRUE[:4])


def test_a_file_of_one_label_still_has_figures() -> None:
    found = compute_metrics(SAID[:2], TRUE[:2])
    assert found.macro_recall == 0.5
    assert found.macro_auc is None


PROBABILITIES = arrays(np.float32, st.tuples(st.integers(1, 60), st.just(3)), elements=st.floats(0.015625, 1, width=32))


@given(PROBABILITIES, st.data())
def test_figures_agree_with_their_definitions(weights: np.ndarray, data: st.DataObject) -> None:
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    n = len(probabilities)
    true = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)), dtype=np.intp)
    found = compute_metrics(probabilities, true)
    said = probabilities.argmax(axis=1)
    recalls = [(said[true == label] == label).mean() for label in range(3) if (true == label).any()]
    assert found.macro_recall == pytest.approx(np.mean(recalls))
    assert sum(map(sum, found.confusion)) == n == sum(part.count for part in found.reliability)
    assert 0 <= found.ece <= 1
    # Calibration in one bin is the distance of mean confidence and accuracy; bins can only add to it.
    assert found.ece >= abs(probabilities.max(axis=1).mean() - found.accuracy) - 1e-6


@given(PROBABILITIES)
def test_roc_curves_go_from_corner_to_corner(weights: np.ndarray) -> None:
    true = np.arange(len(weights)) % 3
    for curve in roc_curves(weights, true).values():
        assert (curve.false_positive_rate[0], curve.true_positive_rate[0]) == (0, 0)
        assert (curve.false_positive_rate[-1], curve.true_positive_rate[-1]) == (1, 1)
        assert (np.diff(curve.false_positive_rate) >= 0).all()
        assert (np.diff(curve.true_positive_rate) >= 0).all()
