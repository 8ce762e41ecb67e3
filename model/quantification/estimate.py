"""Corrected shares of a window, with intervals.

With ``m[c]`` tweets in cell c of the grid, and ``L[c, k]`` the probability of
label k in that cell over the model's assumed prior, the shares are those that
maximise

    sum over c of m[c] * log(sum over k of L[c, k] * share[k])  +  sum over k of log(share[k])

The first term is the likelihood under prior shift, whose maximum the EM of
Saerens et al. (2002) climbs to. The second is a Dirichlet prior worth one
tweet of each label: it holds small windows back and is soon outweighed. The
whole is concave; Newton's method needs about six steps.

The interval adds two uncertainties: of drawing so few tweets (the curvature at
the maximum), and of the model's assumed prior, which no number of tweets makes
smaller. It takes tweets for independent; retweets make it too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from model.labels import LABELS
from model.quantification.confusion import Confusion
from model.quantification.grid import CELLS, centres
from model.quantification.wilson import Z_95

PSEUDO_TWEETS = 1.0
"""Of each label, as if they had been seen before the window."""
_FREE = np.array([[1.0, 0.0], [-1.0, -1.0], [0.0, 1.0]])
"""From changes of (negative, positive) to changes of all three shares, which sum to 1."""


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its 95% interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Shares:
    """Corrected shares of a window's tweets; the values sum to 1. ``net`` is positive less negative."""

    negative: Interval
    neutral: Interval
    positive: Interval
    net: Interval


def estimate(cells: Mapping[int, int], confusion: Confusion) -> Shares:
    """Corrected shares of tweets counted by cell (``grid.cell_of``), for a model with this ``confusion``.

    No tweets give a third each, and intervals that say how little that means.
    Takes about 0.3 ms, however many tweets. Raises ValueError for a cell that is none.
    """
    if cells and not (min(cells) >= 0 and max(cells) < CELLS):
        raise ValueError(f"cells are numbered 0 to {CELLS - 1}, found {min(cells)} to {max(cells)}")
    numbers = sorted(cells)
    counts = np.array([cells[number] for number in numbers], dtype=np.float64)
    likelihoods = _likelihoods(confusion.prior)[numbers]
    shares = _maximise(counts, likelihoods)
    covariance = _covariance(counts, likelihoods, shares, np.array(confusion.log_prior_covariance))
    negative, neutral, positive = (_interval(float(shares[k]), float(covariance[k, k])) for k in range(len(LABELS)))
    net = float(shares[2] - shares[0])
    half = Z_95 * math.sqrt(max(0.0, float(covariance[0, 0] + covariance[2, 2] - 2 * covariance[0, 2])))
    return Shares(negative, neutral, positive, Interval(net, max(-1.0, net - half), min(1.0, net + half)))


@lru_cache(maxsize=16)
def _likelihoods(prior: tuple[float, float, float]) -> NDArray[np.float64]:
    likelihoods: NDArray[np.float64] = centres() / np.array(prior)
    return likelihoods


def _maximise(counts: NDArray[np.float64], likelihoods: NDArray[np.float64]) -> NDArray[np.float64]:
    shares = np.full(len(LABELS), 1 / len(LABELS))
    value = _objective(counts, likelihoods, shares)
    for _ in range(100):
        gradient, curvature = _derivatives(counts, likelihoods, shares)
        step = _FREE @ np.linalg.solve(_FREE.T @ curvature @ _FREE, _FREE.T @ gradient)
        scale = 1.0
        while True:
            moved = shares + scale * step
            if moved.min() > 0 and (found := _objective(counts, likelihoods, moved)) >= value:
                break
            scale /= 2
            if scale < 1e-9:
                return shares
        shares, value = moved / moved.sum(), found
        if np.abs(scale * step).max() < 1e-9:
            break
    return shares


def _objective(counts: NDArray[np.float64], likelihoods: NDArray[np.float64], shares: NDArray[np.float64]) -> float:
    return float(counts @ np.log(likelihoods @ shares) + PSEUDO_TWEETS * np.log(shares).sum())


def _derivatives(
    counts: NDArray[np.float64], likelihoods: NDArray[np.float64], shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gradient (shape (3,)) and negative Hessian (shape (3, 3)) of the objective."""
    scaled = likelihoods / (likelihoods @ shares)[:, None]
    gradient = counts @ scaled + PSEUDO_TWEETS / shares
    curvature = scaled.T @ (counts[:, None] * scaled) + np.diag(PSEUDO_TWEETS / shares**2)
    return gradient, curvature


def _covariance(
    counts: NDArray[np.float64],
    likelihoods: NDArray[np.float64],
    shares: NDArray[np.float64],
    log_prior_covariance: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Of the three shares, shape (3, 3): from the draw, and from the assumed prior by the implicit function theorem."""
    _, curvature = _derivatives(counts, likelihoods, shares)
    drawn = _FREE @ np.linalg.inv(_FREE.T @ curvature @ _FREE) @ _FREE.T
    scaled = likelihoods / (likelihoods @ shares)[:, None]
    by_log_prior = scaled.T @ (counts[:, None] * scaled) * shares - np.diag(counts @ scaled)
    slope = drawn @ by_log_prior[:, [0, 2]]
    covariance: NDArray[np.float64] = drawn + slope @ log_prior_covariance @ slope.T
    return covariance


def _interval(share: float, variance: float) -> Interval:
    """Symmetric in log odds, so that it stays within 0 and 1."""
    odds = math.log(share / (1 - share))
    half = Z_95 * math.sqrt(variance) / (share * (1 - share))
    return Interval(share, _logistic(odds - half), _logistic(odds + half))


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0
