"""How a window stands against what its minutes were expected to be. Pure.

The same statistics as the detector's, on tweets: it judges voices (an author
counts once a minute) in windows of many lengths, so that its z is that of the
window that stands out most.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from model.quantification.wilson import Z_95
from stream.records import WindowBaseline
from stream.spikes.rules import HOUR_S
from stream.spikes.score import LEAST_SHARE, mean_variance, share_z


def mean_baseline(minutes: Iterable[tuple[WindowBaseline, int]]) -> WindowBaseline | None:
    """What was expected of several minutes, in order of time, each with the number of its tweets; None of none.

    The share is the mean over tweets; ``tweets`` is that of a minute; how much it all varies is the newest's.
    """
    known = list(minutes)
    if not known:
        return None
    newest = known[-1][0]
    total = sum(tweets for _baseline, tweets in known)
    share = sum(baseline.negative_share * tweets for baseline, tweets in known) / total
    volumes = [baseline.tweets for baseline, _tweets in known if baseline.tweets is not None]
    return newest.model_copy(
        update={"negative_share": share, "tweets": sum(volumes) / len(volumes) if volumes else None}
    )


def negative_z(tweets: int, negative: int, minutes: int, seconds: float, baseline: WindowBaseline) -> float:
    """How far the negative share of a window is from the expected one, in standard deviations.

    ``minutes``: those with tweets, of the window's ``seconds``. ``tweets`` is at least 1.
    """
    return share_z(
        tweets,
        negative,
        baseline.negative_share,
        _variance(seconds, baseline),
        1 + baseline.alike * (tweets / minutes - 1),
    )


def negative_band(tweets: int, minutes: int, seconds: float, baseline: WindowBaseline) -> tuple[float, float]:
    """Between which bounds the negative share of 95% of such windows lies, when nothing is happening."""
    share = min(max(baseline.negative_share, LEAST_SHARE), 1 - LEAST_SHARE)
    chance = share * (1 - share) / tweets * (1 + baseline.alike * (tweets / minutes - 1))
    half = Z_95 * sqrt(_variance(seconds, baseline) + chance)
    return max(0.0, share - half), min(1.0, share + half)


def _variance(seconds: float, baseline: WindowBaseline) -> float:
    hourly = max(0.0, baseline.variance - baseline.level_variance)
    return baseline.level_variance + mean_variance(hourly, seconds / HOUR_S)
