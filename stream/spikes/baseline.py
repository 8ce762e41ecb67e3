"""What to expect of a brand now, learnt from its hours: level, rhythm, and how much both vary. Pure.

A share is taken apart as mean + hour of the day + hour of the week + level. The
first three come from whole days, the level from the last days with a half-life.
Each part of the rhythm is shrunk towards none by how little is known of it (the
posterior mean of a normal effect with a normal prior), and what remains unknown
is part of the variance: a brand of which one day is known is not judged as if
all days were like it.

Volume is done alike on a log scale, with medians where one burst must not count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, exp, log
from statistics import median

from stream.spikes.history import HOURS_A_DAY, History, Hour
from stream.spikes.pane import Kind
from stream.spikes.rules import DAY_S, HOUR_S, SpikeRules
from stream.spikes.score import LEAST_SHARE, MONTH_MIN

HOURS_A_WEEK = 168
LEVEL_HALF_LIVES = 4
"""How far back the level looks: what is older would count a sixteenth or less."""
PRIOR_HOUR_SD, PRIOR_DAY_SD, PRIOR_WEEK_SD = 0.03, 0.04, 0.02
"""Before anything is known: how a share varies from hour to hour, with the hour of the day, and of the week."""
PRIOR_PHASES = 6.0
"""The prior of how much phases of a rhythm differ counts as much as so many phases that are known well."""
PRIOR_HOURS = 24.0
"""The prior of the variance from hour to hour counts as much as so many hours."""
PRIOR_PAIRS = 500.0
"""Tweets with another one in their minute that must be seen before their correlation is half believed."""
PRIOR_SPREAD = 0.7
"""How volume varies from hour to hour before it is known: by half or double."""
RHYTHM_HOURS = 2.0
"""Shrinks the rhythm of volume: a ratio is believed as if it had been 1 for so many hours before."""
_MAD_TO_SD = 1.4826

Observed = tuple[int, float, float, float]
"""Hour number, share, variance of the share by sampling alone, weight."""


@dataclass(frozen=True)
class Rhythm:
    """``by_hour[h]`` for the hour of the day, ``by_week[h]`` for that of the week (168), as (effect, variance)."""

    mean: float
    by_hour: tuple[tuple[float, float], ...]
    by_week: tuple[tuple[float, float], ...]

    def at(self, number: int) -> tuple[float, float]:
        """Effect and its variance at hour ``number`` since 1970, the mean included."""
        hour, week = self.by_hour[number % HOURS_A_DAY], self.by_week[number % HOURS_A_WEEK]
        return self.mean + hour[0] + week[0], hour[1] + week[1]


@dataclass(frozen=True)
class ShareBaseline:
    """Of one share. ``variance``: of an hour's true share around ``at``, rhythm apart.

    ``level_variance``: the part of it that is the same in all hours, the error of ``level``.
    ``alike``: correlation of two tweets of the same minute; 0 if people do not repeat each other.
    """

    rhythm: Rhythm
    level: float
    variance: float
    level_variance: float
    alike: float

    def at(self, number: int) -> tuple[float, float]:
        """The share expected in hour ``number``, and the variance of the true one around it."""
        share, variance = self.rhythm.at(number)
        return min(max(share + self.level, LEAST_SHARE), 1 - LEAST_SHARE), variance + self.variance


@dataclass(frozen=True)
class VolumeBaseline:
    """Tweets a minute, as logarithms; ``spread``: sd of an hour's logarithm around ``at``."""

    rhythm: Rhythm
    level: float
    spread: float

    def at(self, number: int) -> float:
        """Tweets a minute expected in hour ``number``."""
        return exp(self.rhythm.at(number)[0] + self.level)


@dataclass(frozen=True)
class Baseline:
    """``volume`` is None during its warm-up. ``panes_a_month``: minutes with tweets, that is chances for chance."""

    negative: ShareBaseline
    positive: ShareBaseline
    volume: VolumeBaseline | None
    panes_a_month: float

    def share(self, kind: Kind) -> ShareBaseline:
        return self.negative if kind is Kind.NEGATIVE else self.positive


@dataclass(frozen=True)
class Rhythms:
    """Learnt anew with each new ``day``, from the whole days before it."""

    day: int
    negative: Rhythm
    positive: Rhythm
    volume: Rhythm


def learn_rhythms(history: History, rules: SpikeRules) -> Rhythms:
    """From all whole days in ``history``, which must not be empty."""
    day = history.newest_day or 0
    hours = list(history.hours(day - rules.history_days, day))
    return Rhythms(
        day,
        _share_rhythm(_observed(hours, _negative)),
        _share_rhythm(_observed(hours, _positive)),
        _volume_rhythm([(number, hour) for number, hour in hours if hour.minutes]),
    )


def learn_baseline(history: History, rhythms: Rhythms, since: tuple[int, int], rules: SpikeRules) -> Baseline | None:
    """What is expected after the last hour of ``history``; None during warm-up.

    ``since``: numbers of the hours from which the levels of shares and of volume are learnt.
    """
    level_days = ceil(LEVEL_HALF_LIVES * rules.half_life_s / DAY_S)
    recent = list(history.hours(rhythms.day - level_days, rhythms.day + 1))
    valid = [(number, hour) for number, hour in recent if number >= since[0]]
    tweets = sum(hour.tweets for _number, hour in valid)
    minutes = sum(hour.minutes for _number, hour in valid)
    if tweets < rules.warm_up_tweets or minutes * 60 < rules.warm_up_s:
        return None
    counted = [(number, hour) for number, hour in recent if hour.minutes and number >= since[1]]
    seen = sum(hour.minutes for _number, hour in counted)
    return Baseline(
        _share_baseline(valid, rhythms.negative, _negative, _chi_negative, rules),
        _share_baseline(valid, rhythms.positive, _positive, _chi_positive, rules),
        _volume_baseline(counted, rhythms.volume, rules) if seen * 60 >= rules.volume_warm_up_s else None,
        MONTH_MIN * (1 - exp(-tweets / minutes)),
    )


def _negative(hour: Hour) -> int:
    return hour.negative


def _positive(hour: Hour) -> int:
    return hour.positive


def _chi_negative(hour: Hour) -> int:
    return hour.chi_negative


def _chi_positive(hour: Hour) -> int:
    return hour.chi_positive


def _observed(hours: Sequence[tuple[int, Hour]], part: Callable[[Hour], int]) -> list[Observed]:
    """Hours with tweets; sampling variance with one tweet of each side added, so that it is never 0."""
    observed = []
    for number, hour in hours:
        if n := hour.tweets:
            hits = part(hour)
            guess = (hits + 1) / (n + 2)
            noise = guess * (1 - guess) / n
            observed.append((number, hits / n, noise, 1 / (noise + PRIOR_HOUR_SD**2)))
    return observed


def _share_rhythm(observed: Sequence[Observed]) -> Rhythm:
    weights = sum(weight for _number, _share, _noise, weight in observed)
    mean = sum(share * weight for _number, share, _noise, weight in observed) / weights if weights else 0.0
    left = [(number, share - mean, weight) for number, share, _noise, weight in observed]
    by_hour = _shrunk(left, HOURS_A_DAY, PRIOR_DAY_SD**2)
    left = [(number, value - by_hour[number % HOURS_A_DAY][0], weight) for number, value, weight in left]
    return Rhythm(mean, by_hour, _shrunk(left, HOURS_A_WEEK, PRIOR_WEEK_SD**2))


def _shrunk(values: Sequence[tuple[int, float, float]], period: int, prior: float) -> tuple[tuple[float, float], ...]:
    """Posterior mean and variance of each phase's effect; ``values`` are (number, value, 1 / its variance).

    How much phases differ at all is learnt too (empirical Bayes): ``prior`` is the
    variance among them as long as few are known.
    """
    sums, weights = [0.0] * period, [0.0] * period
    for number, value, weight in values:
        sums[number % period] += value * weight
        weights[number % period] += weight
    known = [(total / weight, 1 / weight) for total, weight in zip(sums, weights, strict=True) if weight]
    # Phases that are known well say more about it.
    trusts = [prior / (prior + noise) for _mean, noise in known]
    among = sum(trust * (mean * mean - noise) for trust, (mean, noise) in zip(trusts, known, strict=True))
    among = max(prior / 16, (PRIOR_PHASES * prior + among) / (PRIOR_PHASES + sum(trusts)))
    known = [(total, weight + 1 / among) for total, weight in zip(sums, weights, strict=True)]
    return tuple((total / weight, 1 / weight) for total, weight in known)


def _share_baseline(
    hours: Sequence[tuple[int, Hour]],
    rhythm: Rhythm,
    part: Callable[[Hour], int],
    chi: Callable[[Hour], int],
    rules: SpikeRules,
) -> ShareBaseline:
    """Go through ``hours`` in order: each is first predicted from those before it, then learnt from."""
    surplus = sum(chi(hour) / 1000 - hour.degrees for _number, hour in hours)
    pairs = sum(hour.tweets - hour.degrees - 1 for _number, hour in hours if hour.degrees)
    alike = max(0.0, surplus / (pairs + PRIOR_PAIRS))
    decay = 0.5 ** (HOUR_S / rules.half_life_s)
    level = weights = squares = 0.0
    variance, counted = PRIOR_HOURS * PRIOR_HOUR_SD**2, PRIOR_HOURS
    last = hours[0][0]
    for number, share, noise, weight in _observed(hours, part):
        value = share - rhythm.at(number)[0]
        faded = decay ** (number - last)
        weights, squares, last = weights * faded, squares * faded * faded, number
        if weights:
            trust = weight * PRIOR_HOUR_SD**2  # of an hour of few tweets the error says little about the true share
            error = value - level
            variance += trust * (error * error - noise - squares / weights**2)
            counted += trust
        weights += weight
        squares += weight
        level += (value - level) * weight / weights
    uncertain = squares / weights**2
    floor = (PRIOR_HOUR_SD / 6) ** 2
    return ShareBaseline(rhythm, level, max(floor, variance / counted) + uncertain, uncertain, alike)


def _volume_rhythm(hours: Sequence[tuple[int, Hour]]) -> Rhythm:
    """Logarithms of tweets a minute; a ratio of sums, shrunk towards 1."""
    minutes = sum(hour.minutes for _number, hour in hours)
    mean = log(max(1, sum(hour.volume for _number, hour in hours)) / minutes) if minutes else 0.0
    expected = [(number, hour.volume, hour.minutes * exp(mean)) for number, hour in hours]
    by_hour = _ratios(expected, HOURS_A_DAY, 60 * RHYTHM_HOURS * exp(mean))
    expected = [(number, n, usual * exp(by_hour[number % HOURS_A_DAY][0])) for number, n, usual in expected]
    return Rhythm(mean, by_hour, _ratios(expected, HOURS_A_WEEK, 60 * RHYTHM_HOURS * exp(mean)))


def _ratios(values: Sequence[tuple[int, int, float]], period: int, prior: float) -> tuple[tuple[float, float], ...]:
    seen, usual = [prior] * period, [prior] * period
    for number, tweets, expected in values:
        seen[number % period] += tweets
        usual[number % period] += expected
    return tuple((log(n / expected), 0.0) for n, expected in zip(seen, usual, strict=True))


def _volume_baseline(hours: Sequence[tuple[int, Hour]], rhythm: Rhythm, rules: SpikeRules) -> VolumeBaseline:
    last = hours[-1][0]
    seen = usual = 0.0
    ratios = []
    for number, hour in hours:
        faded = 0.5 ** ((last - number) * HOUR_S / rules.half_life_s)
        expected = hour.minutes * exp(rhythm.at(number)[0])
        seen += faded * hour.volume
        usual += faded * expected
        ratios.append(log((hour.volume + 1) / (expected + 1)))
    middle = median(ratios)
    spread = _MAD_TO_SD * median(abs(ratio - middle) for ratio in ratios)
    known = len(ratios) * HOUR_S / DAY_S
    trust = known / (known + 2)  # two days of prior
    level = log(max(seen, 1.0) / usual)
    return VolumeBaseline(rhythm, level, (trust * spread**2 + (1 - trust) * PRIOR_SPREAD**2) ** 0.5)
