"""How far a window is from what was expected, in standard deviations. Pure functions of numbers."""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist

LEAST_SHARE = 0.005
"""Expected shares keep this distance from 0 and 1, where any tweet would be infinitely surprising."""
MONTH_MIN = 30 * 24 * 60
MOST_OVERLAP, OVERLAP_A_PANE = 36.0, 3.0
ALIKE_HOURS = 8.0
"""Of many hours whose neighbours are correlated by r, so many, (1 + r) / (1 - r), say as much as one that is
independent: r is 0.78 here, a deviation that is forgotten within some four hours."""


def share_z(tweets: int, hits: int, expected: float, variance: float, dispersion: float = 1.0) -> float:
    """Signed root of the likelihood ratio of ``hits`` in ``tweets`` against the share ``expected``.

    2·n·KL(hits/n ‖ expected) is the binomial deviance, whose root is normal far
    further out than the usual (p - p0)/sd, which makes too much of small samples
    of rare things. It is divided by how much more such a window varies than a
    coin: ``dispersion`` (1 for a coin) within the hour, and ``variance`` of the
    window's true share around the expected one, which no number of tweets averages out.
    """
    expected = min(max(expected, LEAST_SHARE), 1 - LEAST_SHARE)
    share = hits / tweets
    deviance = 0.0
    if hits:
        deviance += hits * log(share / expected)
    if hits < tweets:
        deviance += (tweets - hits) * log((1 - share) / (1 - expected))
    inflation = dispersion + tweets * variance / (expected * (1 - expected))
    z = sqrt(max(0.0, 2 * deviance) / inflation)
    return z if share >= expected else -z


def mean_variance(hourly: float, hours: float) -> float:
    """Variance of the mean of ``hours`` hours in a row, each of which varies by ``hourly``.

    Neighbours are alike, so that it falls more slowly than 1 / ``hours``: half is left after ``ALIKE_HOURS`` + 1.
    Up to an hour, nothing averages out.
    """
    return hourly * ALIKE_HOURS / (ALIKE_HOURS + max(0.0, hours - 1))


def volume_z(tweets: int, expected: float, spread: float) -> float:
    """Distance of ``tweets`` from ``expected`` on a log scale; ``spread`` is the sd of hours there, noise removed."""
    return log(max(tweets, 1) / expected) / sqrt(1 / expected + spread * spread)


def bar(false_alarms_per_month: float, panes_a_month: float, panes: int) -> float:
    """The z that a window of so many ``panes`` must reach.

    A month has more short windows than long ones, so that more of them are
    extreme by chance: the bar falls with the length (a scan statistic with a
    penalty for its scale, as in Dümbgen and Spokoiny 2001). Windows that overlap
    are hardly new chances: a window counts at MOST_OVERLAP places along its own length
    at most, fitted to quiet histories of ``barometer bench spikes``.
    """
    looks = panes_a_month / panes * min(MOST_OVERLAP, OVERLAP_A_PANE * panes)
    return -NormalDist().inv_cdf(min(0.5, false_alarms_per_month / max(looks, 1.0)))
