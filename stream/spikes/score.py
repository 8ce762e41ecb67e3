"""How far a window is from what was expected, in standard deviations. Pure functions of numbers."""

from __future__ import annotations

from math import log, sqrt
from statistics import NormalDist

LEAST_SHARE = 0.005
"""Expected shares keep this distance from 0 and 1, where any tweet would be infinitely surprising."""
MONTH_H = 30 * 24
PANES_AN_HOUR = 60


def share_z(tweets: int, hits: int, expected: float, variance: float, dispersion: float) -> float:
    """Signed root of the likelihood ratio of ``hits`` in ``tweets`` against the share ``expected``.

    2·n·KL(hits/n ‖ expected) is the binomial deviance, whose root is normal far
    further out than the usual (p - p0)/sd, which makes too much of small samples
    of rare things. It is divided by how much more such a window varies than a
    coin: ``dispersion`` (1 for a coin) within the hour, and ``variance`` of the
    true share around the expected one, which no number of tweets averages out.
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


def volume_z(tweets: int, expected: float, spread: float) -> float:
    """Distance of ``tweets`` from ``expected`` on a log scale; ``spread`` is the sd of hours there, noise removed."""
    return log(max(tweets, 1) / expected) / sqrt(1 / expected + spread * spread)


def bar(false_alarms_per_month: float, tweets_an_hour: float) -> float:
    """The z that the largest of all windows of a month exceeds so often by chance.

    Windows overlap: what counts is how many differ enough to be a new chance.
    For a slow brand that goes with its tweets, for a busy one with its panes.
    LOOKS was fitted to quiet histories of ``barometer bench spikes``.
    """
    looks = MONTH_H * min(tweets_an_hour / TWEETS_A_LOOK, PANES_AN_HOUR * LOOKS_A_PANE)
    return NormalDist().inv_cdf(1 - min(0.5, false_alarms_per_month / max(looks, 1.0)))


TWEETS_A_LOOK = 10.0
LOOKS_A_PANE = 2.0
