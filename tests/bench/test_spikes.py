"""The spike detector keeps its promises on histories that it was not made for (minutes)."""

from __future__ import annotations

from math import inf

import pytest

from stream.bench.spikes import rivals
from stream.bench.spikes.histories import Plan
from stream.bench.spikes.measure import ADWIN, OURS, Outcome, run
from stream.spikes.pane import Kind
from stream.spikes.rules import SpikeRules

SEED = 20_261
DETECTION_US = 250
"""5% of a worker's time at 1,000 tweets a second, if every fifth tweet opens a new pane."""


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return run(Plan(), SEED, SpikeRules(), print)


@pytest.mark.bench
@pytest.mark.timeout(1_800)
def test_at_most_one_false_alarm_in_a_brand_month(outcome: Outcome) -> None:
    assert outcome.false_alarms(OURS) <= 1
    assert all(outcome.extra[kind] <= 1 for kind in Kind)


@pytest.mark.bench
@pytest.mark.timeout(1_800)
def test_incidents_of_twenty_points_are_found_soon(outcome: Outcome) -> None:
    # 0.98 in docs/spikes.md, 0.99 with this seed.
    assert outcome.results[OURS].recall(None, 0.2) >= 0.95
    # 1.5 in docs/spikes.md. Medians are whole minutes, and at 6,000 tweets an hour one minute or two.
    assert outcome.to_oracle_mean(OURS, 0.2) <= 2


@pytest.mark.bench
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("rival", [*rivals.SCORES, ADWIN])
def test_no_rival_is_better(outcome: Outcome, rival: str) -> None:
    for size in (0.2, 0.4):
        assert outcome.results[OURS].recall(None, size) >= outcome.results[rival].recall(None, size)
        theirs = outcome.to_oracle_mean(rival, size)
        assert theirs == inf or outcome.to_oracle_mean(OURS, size) <= theirs


@pytest.mark.bench
def test_a_pane_costs_little(outcome: Outcome) -> None:
    print(f"{outcome.pane_us:.0f} µs a pane")  # noqa: T201
    assert outcome.pane_us < DETECTION_US
