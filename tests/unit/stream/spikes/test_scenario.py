"""The demo's crisis, by the moods it was written with and by labels that are often wrong."""

from __future__ import annotations

import random
from collections import defaultdict
from hashlib import blake2b

import pytest

from model.labels import LABELS
from stream.scenario.plan import Plan
from stream.scenario.texts import load_texts
from stream.spikes.detector import Detector
from stream.spikes.pane import Kind, PaneStats, SpikeEvent, author_sample
from stream.spikes.rules import SpikeRules
from stream.spikes.state import BrandState

MONDAY = 1_740_988_800
HOURS, TWEETS = 6, 7_500


def events(plan: Plan, wrong: float, seed: int) -> list[SpikeEvent]:
    """Spikes of the plan's brands, when a label is drawn at random with probability ``wrong``."""
    rng = random.Random(seed)
    voices: dict[tuple[int, str], list[set[int]]] = defaultdict(lambda: [set(), set(), set()])
    for draft in plan.drafts():
        label = rng.randrange(3) if rng.random() < wrong else LABELS.index(draft.mood)
        author = int.from_bytes(blake2b(draft.author.encode(), digest_size=8).digest(), "big")
        for brand in draft.brands:
            voices[MONDAY + draft.at_ms // 60_000 * 60, brand][label].add(author)
    states: dict[str, BrandState] = {}
    found = []
    for (start, brand), (negative, neutral, positive) in sorted(voices.items()):
        pane = PaneStats(
            start, len(negative), len(neutral), len(positive), author_sample(negative), author_sample(positive)
        )
        found += Detector(SpikeRules()).closed(states.setdefault(brand, BrandState(brand)), pane)
    return found


@pytest.mark.parametrize("wrong", [0.0, 0.3])
@pytest.mark.parametrize("seed", [7, 8])
def test_the_crisis_opens_one_negative_spike_and_closes_it_and_nothing_else_happens(seed: int, wrong: float) -> None:
    plan = Plan(random.Random(seed), load_texts(), 60 * HOURS, TWEETS)
    told = [event for event in events(plan, wrong, seed) if event.change != "updated"]
    assert [event.change for event in told] == ["opened", "closed"]
    opened, closed = told
    assert opened.kind is Kind.NEGATIVE
    crisis = plan._timetable.crisis
    assert crisis.first - 3 <= (opened.started - MONDAY) / 60 <= crisis.first + 6
    assert crisis.first < (opened.at - MONDAY) / 60 <= crisis.first + 10
    assert (closed.at - MONDAY) / 60 > crisis.last
