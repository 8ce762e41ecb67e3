"""The usual detectors, and an oracle. Each gives minutes at which an alarm begins.

All but ADWIN give a score for each minute, so that a threshold can be put to
whatever gives the wanted number of false alarms. Alarms less than QUIET_MIN
apart are one: nobody is paged twice in the same hour.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from stream.bench.spikes.histories import MINUTES_A_DAY, BrandHistory, Floats, Ints

QUIET_MIN = 60
WINDOW_MIN = 15
LEAST_TWEETS = 30
"""Windows of 15 minutes grow until they have this many tweets, at most to 12 hours: without that,
every rival drowns in the noise of slow brands."""
LONGEST_MIN = 12 * 60
EWMA_FAST_MIN, EWMA_SLOW_MIN = 15.0, 24 * 60.0
"""Half-lives."""
SMALLEST_SD = 0.005

Score = Callable[[BrandHistory], Floats]


def alarms(score: Floats, threshold: float) -> Ints:
    """Minutes at which ``score`` reaches ``threshold`` after QUIET_MIN below it."""
    above = np.flatnonzero(score >= threshold)
    if not len(above):
        return above
    first = np.concatenate(([True], np.diff(above) > QUIET_MIN))
    return above[first]


def fixed(history: BrandHistory) -> Floats:
    """The negative share of the recent window itself."""
    return _clean(_recent_share(history))


def mean_and_sigma(history: BrandHistory) -> Floats:
    """Distance from the mean of the hourly shares of the last 7 days, in their standard deviations."""
    tweets, negative = _hourly(history.tweets), _hourly(history.negative)
    counted = tweets >= 10
    shares = np.where(counted, negative / np.maximum(tweets, 1), 0.0)
    mean, sd = _rolling(shares, counted, 7 * 24)
    # Hour h is judged by the hours before it.
    mean, sd = (np.repeat(np.concatenate(([np.nan], values[:-1])), 60) for values in (mean, sd))
    return _clean((_recent_share(history) - mean) / np.maximum(sd, SMALLEST_SD))


def ewma(history: BrandHistory) -> Floats:
    """Fast against slow exponential average of the share, by the sampling error of the fast one."""
    fast = 0.5 ** (1 / EWMA_FAST_MIN)
    slow = 0.5 ** (1 / EWMA_SLOW_MIN)
    tweets, negative = history.tweets.astype(float), history.negative.astype(float)
    recent_n, usual_n = _decayed(tweets, fast), _decayed(tweets, slow)
    usual = _decayed(negative, slow) / np.maximum(usual_n, 1e-9)
    variance = np.maximum(usual * (1 - usual), 0.01) / np.maximum(recent_n * (1 + fast), 1e-9)
    score: Floats = (_decayed(negative, fast) / np.maximum(recent_n, 1e-9) - usual) / np.sqrt(variance)
    score[usual_n < 200] = -np.inf
    return score


def binomial(history: BrandHistory) -> Floats:
    """Two-proportion z of the recent window against the 7 days before it: the best of the simple ones."""
    tweets, negative = _sums(history.tweets), _sums(history.negative)
    end, begin = _recent(tweets)
    before = np.maximum(begin - 7 * MINUTES_A_DAY, 0)
    n, usual_n = tweets[end] - tweets[begin], tweets[begin] - tweets[before]
    hits, usual_hits = negative[end] - negative[begin], negative[begin] - negative[before]
    pooled = (hits + usual_hits + 1) / (n + usual_n + 2)
    sd = np.sqrt(pooled * (1 - pooled) * (1 / np.maximum(n, 1) + 1 / np.maximum(usual_n, 1)))
    score: Floats = (hits / np.maximum(n, 1) - usual_hits / np.maximum(usual_n, 1)) / sd
    score[(n < LEAST_TWEETS) | (usual_n < 200) | (end - begin > LONGEST_MIN)] = -np.inf
    return score


def prometheus(history: BrandHistory) -> Floats:
    """(share - avg_over_time(share[24h])) / stddev_over_time(share[24h]), as recording rules do it."""
    share = _recent_share(history)
    known = np.isfinite(share)
    mean, sd = _rolling(np.where(known, share, 0.0), known, MINUTES_A_DAY)
    score = (share - mean) / np.maximum(sd, SMALLEST_SD)
    score[: 6 * 60] = np.nan
    return _clean(score)


SCORES: dict[str, Score] = {
    "fixed threshold": fixed,
    "mean + k sigma, 7 d": mean_and_sigma,
    "EWMA": ewma,
    "Prometheus z, 24 h": prometheus,
    "binomial z, 7 d": binomial,
}


def adwin(history: BrandHistory, delta: float) -> Ints:
    """River's ADWIN on single tweets (of busy brands, on the mean of ten); a change upwards is an alarm."""
    from river.drift import ADWIN

    detector = ADWIN(delta=delta)
    together = max(1, history.rate // 600)
    found: list[int] = []
    rng = np.random.default_rng(history.minutes)
    hits = held = 0
    for minute in np.flatnonzero(history.tweets):
        labels = np.zeros(history.tweets[minute], dtype=int)
        labels[: history.negative[minute]] = 1
        rng.shuffle(labels)
        for label in labels.tolist():
            hits, held = hits + label, held + 1
            if held < together:
                continue
            before = detector.estimation
            detector.update(hits / held)
            hits = held = 0
            if detector.drift_detected and detector.estimation > before:
                found.append(int(minute))
    times = np.array(found, dtype=np.int64)
    if not len(times):
        return times
    return times[np.concatenate(([True], np.diff(times) > QUIET_MIN))]


def oracle_steps(history: BrandHistory, size: float) -> Floats:
    """Log-likelihood ratio of each minute, between the true share and the true share of an incident of ``size``."""
    usual = history.usual
    other = np.minimum(usual + size, 0.97)
    negative, rest = history.negative, history.tweets - history.negative
    steps: Floats = negative * np.log(other / usual) + rest * np.log((1 - other) / (1 - usual))
    return steps


def cusum(steps: Floats, threshold: float, first: int = 0) -> list[int]:
    """Alarms of Page's CUSUM over ``steps``, which starts again from 0 after each. Minutes count from ``first``."""
    found = []
    begin = 0
    while begin < len(steps):
        total = np.concatenate(([0.0], np.cumsum(steps[begin:])))
        height = (total - np.minimum.accumulate(total))[1:]
        over = np.flatnonzero(height >= threshold)
        if not len(over):
            break
        found.append(first + begin + int(over[0]))
        begin += int(over[0]) + 1
    return found


def _recent_share(history: BrandHistory) -> Floats:
    """Share of the last 15 minutes, or of as many more as LEAST_TWEETS take; NaN where even 12 hours have fewer."""
    tweets, negative = _sums(history.tweets), _sums(history.negative)
    end, begin = _recent(tweets)
    n = tweets[end] - tweets[begin]
    share: Floats = (negative[end] - negative[begin]) / np.maximum(n, 1)
    share[(n < LEAST_TWEETS) | (end - begin > LONGEST_MIN)] = np.nan
    return share


def _sums(minutes: Ints) -> Ints:
    """``[t]``: the sum of all minutes before t."""
    return np.concatenate(([0], np.cumsum(minutes)))


def _recent(tweets: Ints) -> tuple[Ints, Ints]:
    """Where the recent window of each minute ends and begins, in the sums of tweets."""
    end = np.arange(1, len(tweets))
    enough = np.searchsorted(tweets, tweets[end] - LEAST_TWEETS, side="right") - 1
    return end, np.maximum(np.minimum(end - WINDOW_MIN, enough), 0)


def _hourly(minutes: Ints) -> Floats:
    sums: Floats = minutes.reshape(-1, 60).sum(axis=1).astype(float)
    return sums


def _rolling(values: Floats, counted: npt.NDArray[np.bool_], length: int) -> tuple[Floats, Floats]:
    """Mean and standard deviation of the last ``length`` values that count, at each place; NaN before two of them."""
    sums = [np.concatenate(([0.0], np.cumsum(np.where(counted, part, 0.0)))) for part in (values, values**2)]
    counts = np.concatenate(([0.0], np.cumsum(counted)))
    end = np.arange(1, len(values) + 1)
    begin = np.maximum(end - length, 0)
    n = counts[end] - counts[begin]
    some = np.maximum(n, 1)
    mean = (sums[0][end] - sums[0][begin]) / some
    variance = (sums[1][end] - sums[1][begin]) / some - mean**2
    mean[n < 2] = np.nan
    return mean, np.sqrt(np.maximum(variance, 0))


def _decayed(values: Floats, keep: float) -> Floats:
    """Running sum of which a minute keeps ``keep``."""
    from scipy.signal import lfilter

    summed: Floats = lfilter([1.0], [1.0, -keep], values)
    return summed


def _clean(score: Floats) -> Floats:
    clean: Floats = np.where(np.isfinite(score), score, -np.inf)
    return clean
