"""The comparison of shares tells who is nearer, and the truth when it is not the correction."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.evaluation.shares import ShareReport, compare_shares
from model.quantification import measure


def world(seed: int, n: int, shares: list[float]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Three overlapping kinds of texts, and a model that assumes equal shares of them."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(3, n, p=shares)
    centre = np.array([-1.2, 0.0, 1.2])
    weights = np.exp(-0.5 * (rng.normal(centre[labels])[:, None] - centre) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32), labels


def report(told: list[float]) -> ShareReport:
    known = measure(*world(1, 3_000, [0.2, 0.4, 0.4]), model_version="v", trained_prior=told)
    angry, calm = world(2, 1_500, [0.8, 0.1, 0.1]), world(3, 500, [0.1, 0.5, 0.4])
    probabilities = np.concatenate([angry[0], calm[0]])
    labels = np.concatenate([angry[1], calm[1]])
    return compare_shares(probabilities, labels, ["angry"] * 1_500 + ["calm"] * 500, known)


def test_the_correction_is_nearer_in_every_group_and_window_size() -> None:
    found = report([1, 1, 1])
    assert [(one.group, one.texts) for one in found.groups] == [("angry", 1_500), ("calm", 500)]
    angry = found.groups[0]
    assert angry.nearer.value > 0.05
    assert angry.nearer.low > 0
    assert angry.corrected.low < angry.human < angry.corrected.high
    assert [window.texts for window in found.windows] == [20, 100, 500]
    for window in found.windows:
        assert window.rmse["corrected"] < window.rmse["counted"]
        assert window.inside > window.inside_counted + 0.2
        assert window.inside > 0.8  # all windows share one error of the measured prior


def test_a_wrong_belief_about_the_model_is_seen() -> None:
    angry = report([1, 6, 6]).groups[0]
    assert angry.nearer.value < report([1, 1, 1]).groups[0].nearer.value
    assert angry.errors["corrected"][0] > 0.02


def test_the_same_data_give_the_same_report() -> None:
    assert report([1, 1, 1]) == report([1, 1, 1])
