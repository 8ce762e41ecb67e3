"""Corrected shares: right where the model is right about itself, careful where little is known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.quantification import CELLS, Confusion, Interval, cell_of, cells_of, estimate, measure
from model.quantification.adjusted import adjusted_count, probabilistic_adjusted_count, to_simplex
from model.quantification.grid import centres

EVEN = np.full(3, 1 / 3)
counts_by_cell = st.dictionaries(st.integers(0, CELLS - 1), st.integers(1, 500), max_size=20)


def world(
    rng: np.random.Generator, n: int, shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Texts of three kinds that overlap, with the exact probabilities of a model that assumes equal shares."""
    labels = rng.choice(3, n, p=shares)
    centre = np.array([[-1.2, 0.3], [0.0, -0.4], [1.3, 0.2]])
    seen = rng.normal(centre[labels])
    likelihoods = np.exp(-0.5 * ((seen[:, None, :] - centre) ** 2).sum(axis=2))
    return likelihoods / likelihoods.sum(axis=1, keepdims=True), labels


def tally(probabilities: NDArray[np.float64]) -> dict[int, int]:
    return dict(Counter(cells_of(probabilities).tolist()))


@pytest.fixture(scope="module")
def measured() -> Confusion:
    probabilities, labels = world(np.random.default_rng(1), 3_000, np.array([0.2, 0.45, 0.35]))
    return measure(probabilities, labels, model_version="v", trained_prior=(1, 1, 1))


@pytest.mark.parametrize("shares", [(0.2, 0.5, 0.3), (0.7, 0.2, 0.1), (0.05, 0.05, 0.9), (0.9, 0.05, 0.05)])
def test_shares_are_found_whatever_they_are(measured: Confusion, shares: tuple[float, float, float]) -> None:
    probabilities, labels = world(np.random.default_rng(2), 20_000, np.array(shares))
    truth = np.bincount(labels) / len(labels)
    found = estimate(tally(probabilities), measured)
    counted = np.bincount(probabilities.argmax(axis=1), minlength=3) / len(labels)
    assert found.negative.value == pytest.approx(truth[0], abs=0.015)
    assert found.net.value == pytest.approx(truth[2] - truth[0], abs=0.03)
    assert abs(found.negative.value - truth[0]) <= abs(counted[0] - truth[0]) + 0.01


def test_intervals_hold_the_true_share_about_as_often_as_they_say() -> None:
    """With the prior of another 2,000 texts, no help from training, over windows of three sizes."""
    rng = np.random.default_rng(3)
    held = []
    for trial in range(300):
        known = measure(*world(rng, 2_000, np.array([0.2, 0.45, 0.35])), model_version="v")
        share = np.array([[0.6, 0.2, 0.2], [0.3, 0.4, 0.3]][trial % 2])
        probabilities, _ = world(rng, (30, 300, 3_000)[trial % 3], share)
        found = estimate(tally(probabilities), known).negative
        held.append(found.low <= share[0] <= found.high)
    assert 0.92 <= np.mean(held) <= 0.99


def test_the_measured_prior_is_the_true_one_and_its_error_as_large_as_said() -> None:
    rng = np.random.default_rng(4)
    found, said = [], []
    for _ in range(200):
        one = measure(*world(rng, 1_500, np.array([0.2, 0.45, 0.35])), model_version="v")
        found.append(np.log([one.prior[0] / one.prior[1], one.prior[2] / one.prior[1]]))
        said.append(np.diag(np.array(one.log_prior_covariance)))
    spread = np.std(found, axis=0)
    assert np.abs(np.mean(found, axis=0)).max() < 0.02
    assert np.sqrt(np.mean(said, axis=0)) == pytest.approx(spread, rel=0.2)


def test_what_training_says_of_the_prior_goes_first_and_the_distance_counts_as_uncertainty() -> None:
    probabilities, labels = world(np.random.default_rng(5), 3_000, np.array([0.3, 0.4, 0.3]))
    tilted = probabilities * np.array([2.0, 1.0, 1.0])  # a model that assumes twice as much negative
    tilted /= tilted.sum(axis=1, keepdims=True)
    alone = measure(tilted, labels, model_version="v")
    told = measure(tilted, labels, model_version="v", trained_prior=(1, 1, 1))
    assert alone.prior == alone.measured_prior == told.measured_prior
    assert alone.prior[0] == pytest.approx(0.5, abs=0.03)
    assert told.prior == pytest.approx(EVEN, abs=1e-6)
    assert told.log_prior_covariance[0][0] > 0.3 > alone.log_prior_covariance[0][0]
    window = tally(tilted[:500])
    assert width(estimate(window, told).negative) > 2 * width(estimate(window, alone).negative)


def test_a_model_that_assumes_other_shares_is_understood() -> None:
    rng = np.random.default_rng(7)
    tilt = np.array([4.0, 1.0, 2.0])

    def tilted(n: int, shares: list[float]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        probabilities, labels = world(rng, n, np.array(shares))
        weights = probabilities * tilt
        return weights / weights.sum(axis=1, keepdims=True), labels

    known = measure(*tilted(5_000, [0.3, 0.4, 0.3]), model_version="v")
    probabilities, labels = tilted(10_000, [0.15, 0.6, 0.25])
    found = estimate(tally(probabilities), known).negative
    assert found.value == pytest.approx((labels == 0).mean(), abs=0.03)
    assert (probabilities.argmax(axis=1) == 0).mean() > 0.3


@settings(max_examples=300, deadline=None)
@given(counts_by_cell)
def test_shares_sum_to_one_and_lie_inside_their_intervals(measured: Confusion, cells: dict[int, int]) -> None:
    found = estimate(cells, measured)
    parts = (found.negative, found.neutral, found.positive)
    assert sum(part.value for part in parts) == pytest.approx(1)
    for part in parts:
        assert 0 <= part.low < part.value < part.high <= 1
    assert -1 <= found.net.low < found.net.value < found.net.high <= 1


@settings(max_examples=100, deadline=None)
@given(counts_by_cell.filter(bool), st.permutations(list(range(20))))
def test_the_order_of_cells_does_not_matter(measured: Confusion, cells: dict[int, int], order: list[int]) -> None:
    items = list(cells.items())
    shuffled = dict(items[place % len(items)] for place in [*order, *range(len(items))])
    assert estimate(shuffled, measured) == estimate(cells, measured)


@settings(max_examples=100, deadline=None)
@given(counts_by_cell.filter(bool))
def test_no_other_shares_are_likelier(measured: Confusion, cells: dict[int, int]) -> None:
    numbers = sorted(cells)
    likelihoods = (centres() / np.array(measured.prior))[numbers]
    counts = np.array([cells[number] for number in numbers])

    def value(shares: NDArray[np.float64]) -> float:
        return float(counts @ np.log(likelihoods @ shares) + np.log(shares).sum())

    found = estimate(cells, measured)
    best = np.array([found.negative.value, found.neutral.value, found.positive.value])
    others = np.random.default_rng(0).dirichlet(np.ones(3), 50)
    for other in [*others, *(0.999 * best + 0.001 * others)]:
        assert value(best) >= value(other) - 1e-9


def test_more_tweets_make_the_interval_narrower_down_to_what_is_not_known_of_the_model(measured: Confusion) -> None:
    probabilities, _ = world(np.random.default_rng(6), 100, np.array([0.5, 0.3, 0.2]))
    widths = [
        width(estimate({cell: times * n for cell, n in tally(probabilities).items()}, measured).negative)
        for times in (1, 10, 100, 10_000)
    ]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] > 0.01


def test_no_tweets_say_nothing(measured: Confusion) -> None:
    found = estimate({}, measured)
    assert found.negative.value == pytest.approx(1 / 3)
    assert width(found.negative) > 0.7


@pytest.mark.parametrize("cell", [-1, CELLS])
def test_a_cell_that_is_none_is_refused(measured: Confusion, cell: int) -> None:
    with pytest.raises(ValueError, match="0 to 80"):
        estimate({cell: 1}, measured)


probability_rows = st.tuples(*[st.floats(0, 1, width=32)] * 3).filter(lambda row: sum(row) > 0.01)


@given(st.lists(probability_rows, min_size=1, max_size=20))
def test_one_tweet_and_many_get_the_same_cells(rows: list[tuple[float, float, float]]) -> None:
    together = cells_of(np.array(rows)).tolist()
    assert together == [cell_of(*row) for row in rows]
    assert all(0 <= cell < CELLS for cell in together)


def test_the_middle_of_a_cell_lies_in_it() -> None:
    assert cells_of(centres()).tolist() == list(range(CELLS))


def test_adjusted_counts_undo_the_measured_errors(measured: Confusion) -> None:
    shares = np.array([0.6, 0.1, 0.3])
    said = shares @ measured.rates
    assert adjusted_count((said * 1e6).round().astype(int).tolist(), measured) == pytest.approx(shares, abs=1e-4)
    sums = shares @ np.array(measured.mean_probabilities)
    assert probabilistic_adjusted_count(sums.tolist(), measured) == pytest.approx(shares, abs=1e-4)
    assert adjusted_count([1, 0, 0], measured).tolist() == [1, 0, 0]  # the inverse lies outside: the nearest shares


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=3))
def test_the_nearest_shares_are_shares(point: list[float]) -> None:
    found = to_simplex(np.array(point))
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1)
    for corner in np.eye(3):
        assert np.linalg.norm(found - point) <= np.linalg.norm(corner - point) + 1e-9


def width(interval: Interval) -> float:
    return interval.high - interval.low
