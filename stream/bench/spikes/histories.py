"""Seeded histories of brands, minute by minute: what is normal, and incidents that are not.

A quiet history is not a flat one. Volume has a rhythm of day and week, varies from
hour to hour and minute to minute, and bursts three times a week at the same
share. The share has a rhythm of its own, drifts over weeks, wanders within
hours, and the tweets of one minute are more alike than coins are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

MINUTES_A_DAY = 24 * 60
MINUTES_A_WEEK = 7 * MINUTES_A_DAY
START = 2_800 * MINUTES_A_WEEK * 60
"""Histories begin with a whole week since 1970, in 2023."""
LEAST_TWEETS, MOST_TWEETS = 300, 1_200
"""Length of incidents, in tweets."""
HIGHEST_SHARE = 0.97
GOAL_SIZE = 0.2

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Incident:
    """``size`` is added to the negative share in minutes ``start`` up to, not including, ``end``."""

    start: int
    end: int
    size: float


@dataclass(frozen=True)
class BrandHistory:
    """One value a minute. ``usual``: the true negative share with no incident, which only an oracle knows.

    ``bursts``: first minutes of bursts of volume, and the minutes after their last.
    """

    rate: int
    tweets: Ints
    negative: Ints
    positive: Ints
    usual: Floats
    bursts: tuple[tuple[int, int], ...]
    incidents: tuple[Incident, ...] = ()

    @property
    def minutes(self) -> int:
        return len(self.tweets)


@dataclass(frozen=True)
class World:
    """How brands behave. Shares from 0 to 1; sd: standard deviation."""

    base: tuple[float, float] = (0.1, 0.55)
    """Negative share of a brand on average: from liked to always complained about."""
    day_volume: float = 0.9
    """Amplitude of the day's rhythm in the logarithm of volume: six times as much by day as at night."""
    weekend_volume: float = 0.7
    hour_volume_sd: float = 0.25
    minute_volume_sd: float = 0.2
    bursts_a_week: float = 3.0
    burst: tuple[float, float] = (3.0, 8.0)
    """A burst has so many times the usual tweets, of the usual share, for 15 to 90 minutes."""
    day_share: tuple[float, float] = (0.0, 0.05)
    """Amplitude of the day's rhythm in the share."""
    weekend_share_sd: float = 0.02
    drift_sd: float = 0.025
    """Of the change of the share from week to week."""
    wander_sd: float = 0.015
    wander_hours: float = 3.0
    """The share wanders around its rhythm by so much, and forgets it in so many hours."""
    alike: float = 0.003
    """Correlation of two tweets of the same minute and brand: at 100 a minute their share varies 1.3 times a coin's."""


@dataclass(frozen=True)
class Plan:
    """Sizes of a benchmark."""

    rates: tuple[int, ...] = (60, 600, 6_000)
    sizes: tuple[float, ...] = (0.1, 0.2, 0.4)
    quiet_days: int = 28
    quiet_brands: int = 8
    """At each rate."""
    calm_days: int = 7
    incidents_a_brand: int = 12
    incidents: int = 60
    """At each rate and size."""
    world: World = field(default_factory=World)

    @property
    def goal(self) -> float:
        """The size of incident that detectors are compared at."""
        return GOAL_SIZE if GOAL_SIZE in self.sizes else self.sizes[0]


def quiet(plan: Plan, rate: int, seed: int) -> list[BrandHistory]:
    """Histories in which nothing happens, each from its brand's first minute."""
    rngs = np.random.default_rng([seed, rate, 1]).spawn(plan.quiet_brands)
    return [_history(rng, plan.world, rate, plan.quiet_days, ()) for rng in rngs]


def eventful(plan: Plan, rate: int, seed: int) -> list[BrandHistory]:
    """Histories with ``plan.incidents`` of each size, after ``calm_days`` without any."""
    days_each = max(0.75, 2 * MOST_TWEETS / (24 * rate))
    days = plan.calm_days + ceil(plan.incidents_a_brand * days_each)
    wanted = [size for _ in range(plan.incidents) for size in plan.sizes]
    chunks = [wanted[first : first + plan.incidents_a_brand] for first in range(0, len(wanted), plan.incidents_a_brand)]
    rngs = np.random.default_rng([seed, rate, 2]).spawn(len(chunks))
    return [
        _history(rng, plan.world, rate, days, tuple(sizes), plan.calm_days, days_each)
        for rng, sizes in zip(rngs, chunks, strict=True)
    ]


def _history(
    rng: np.random.Generator,
    world: World,
    rate: int,
    days: int,
    sizes: tuple[float, ...],
    calm_days: int = 0,
    days_each: float = 1.0,
) -> BrandHistory:
    minutes = days * MINUTES_A_DAY
    intensity, bursts = _intensity(rng, world, rate, minutes)
    usual = _usual_share(rng, world, minutes)
    share = usual.copy()
    incidents = []
    for number, size in enumerate(sizes):
        first = calm_days * MINUTES_A_DAY + int(number * days_each * MINUTES_A_DAY)
        start = first + int(rng.uniform(0, days_each * MINUTES_A_DAY / 4))
        start = min(start, minutes - 1)
        louder = rng.uniform(1.0, 2.0)
        length = np.exp(rng.uniform(np.log(LEAST_TWEETS), np.log(MOST_TWEETS)))
        upto = np.cumsum(intensity[start:] * louder)
        end = min(start + int(np.searchsorted(upto, length)) + 1, minutes)
        intensity[start:end] *= louder
        share[start:end] = np.minimum(usual[start:end] + size, HIGHEST_SHARE)
        incidents.append(Incident(start, end, size))
    tweets = rng.poisson(intensity)
    negative = _alike(rng, world, tweets, share)
    positive = rng.binomial(tweets - negative, rng.uniform(0.2, 0.5))
    return BrandHistory(rate, tweets, negative, positive, usual, bursts, tuple(incidents))


def _intensity(
    rng: np.random.Generator, world: World, rate: int, minutes: int
) -> tuple[Floats, tuple[tuple[int, int], ...]]:
    """Tweets expected in each minute, ``rate`` an hour on average, and when there are bursts."""
    minute = np.arange(minutes)
    day = 2 * np.pi * (minute / MINUTES_A_DAY - rng.uniform())
    shape = np.exp(world.day_volume * np.sin(day))
    shape[minute // MINUTES_A_DAY % 7 >= 5] *= world.weekend_volume
    shape *= np.repeat(_gamma(rng, world.hour_volume_sd, minutes // 60), 60)
    shape *= rate / 60 / shape.mean()
    shape *= _gamma(rng, world.minute_volume_sd, minutes)
    bursts = []
    for _ in range(rng.poisson(world.bursts_a_week * minutes / MINUTES_A_WEEK)):
        start, length = int(rng.integers(minutes)), int(rng.integers(15, 90))
        shape[start : start + length] *= rng.uniform(*world.burst)
        bursts.append((start, start + length))
    return shape, tuple(bursts)


def _usual_share(rng: np.random.Generator, world: World, minutes: int) -> Floats:
    minute = np.arange(minutes)
    weeks = minutes / MINUTES_A_WEEK
    knots = np.cumsum(rng.normal(0, world.drift_sd, int(weeks) + 2))
    share = rng.uniform(*world.base) + np.interp(minute / MINUTES_A_WEEK, np.arange(len(knots)), knots - knots.mean())
    share += rng.uniform(*world.day_share) * np.sin(2 * np.pi * (minute / MINUTES_A_DAY - rng.uniform()))
    share += np.where(minute // MINUTES_A_DAY % 7 >= 5, rng.normal(0, world.weekend_share_sd), 0)
    keep = np.exp(-1 / world.wander_hours)
    steps = rng.normal(0, world.wander_sd * np.sqrt(1 - keep**2), minutes // 60 + 2)
    wander = np.empty(len(steps))
    value = rng.normal(0, world.wander_sd)
    for hour, step in enumerate(steps):
        value = keep * value + step
        wander[hour] = value
    share += np.interp(minute / 60, np.arange(len(wander)), wander)
    clipped: Floats = np.clip(share, 0.03, 0.75)
    return clipped


def _gamma(rng: np.random.Generator, sd: float, size: int) -> Floats:
    """Positive factors with mean 1 and standard deviation ``sd``."""
    return rng.gamma(1 / sd**2, sd**2, size)


def _alike(rng: np.random.Generator, world: World, tweets: Ints, share: Floats) -> Any:
    """Beta-binomial counts: each minute draws a share of its own."""
    strength = 1 / world.alike - 1
    return rng.binomial(tweets, rng.beta(share * strength, (1 - share) * strength))
