"""What is learnt of a brand from its hours."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from stream.spikes.baseline import ShareBaseline, learn_baseline, learn_rhythms
from stream.spikes.history import History, Hour
from stream.spikes.rules import SpikeRules

FIRST = 2_800 * 168
HOURS = 14 * 24
PRIOR_HOURLY = 0.03**2


def learnt(share: Callable[[int], float], tweets: int = 60, seed: int = 1) -> ShareBaseline:
    """The baseline of the negative share after two weeks in which it was ``share(hour)``."""
    rng = random.Random(seed)
    history = History()
    for number in range(HOURS):
        negative = sum(rng.random() < share(number) for _ in range(tweets))
        history.put(FIRST + number, Hour(tweets, negative, 0, 0, 0, 0, tweets, 60))
    rules = SpikeRules()
    baseline = learn_baseline(history, learn_rhythms(history, rules), (0, 0), rules)
    assert baseline is not None
    return baseline.negative


def test_a_share_that_stays_is_known_well() -> None:
    known = learnt(lambda _number: 0.3)
    assert known.at(FIRST + HOURS)[0] == pytest.approx(0.3, abs=0.03)
    assert known.level_variance < known.variance < PRIOR_HOURLY


def test_a_restless_share_is_known_to_be_restless() -> None:
    rng = random.Random(7)
    shares = [min(0.95, max(0.05, rng.gauss(0.4, 0.08))) for _ in range(HOURS)]
    restless = learnt(shares.__getitem__, 600)
    assert restless.variance > 4 * learnt(lambda _number: 0.4, 600).variance
    assert 0.04 < restless.variance**0.5 < 0.09
