"""What a closed minute says was expected of it: the detector's own numbers."""

from __future__ import annotations

import pytest

from stream.spikes.detector import Detector
from stream.spikes.evidence import PANE_TWEETS, Sample
from stream.spikes.pane import PaneStats
from stream.spikes.rules import SpikeRules
from stream.spikes.watch import BrandWatch

RULES = SpikeRules()
START = 1_772_442_000
"""A whole hour, seconds since 1970."""


def watch_for(minutes: int) -> BrandWatch:
    """A brand of which a quarter of ten tweets a minute, more or less, is negative."""
    detector, watch = Detector(RULES), BrandWatch.of("Lumora")
    for minute in range(minutes):
        negative = 2 + minute % 2
        pane = PaneStats(START + 60 * minute, negative, 6, 4 - negative, models=("v1",))
        watch.closed(detector, pane, Sample(PANE_TWEETS), ("Lumora",))
    return watch


def test_nothing_is_expected_of_a_new_brand() -> None:
    assert BrandWatch.of("Lumora").expects(RULES) is None
    assert watch_for(60).expects(RULES) is None


def test_what_is_expected_is_what_the_detector_judges_by() -> None:
    watch = watch_for(5 * 60)
    expected = watch.expects(RULES)
    baseline = watch.state.baseline(RULES)
    assert expected is not None
    assert baseline is not None
    assert expected.negative_share == pytest.approx(0.25, abs=0.02)
    assert expected.negative_share == pytest.approx(baseline.negative.at((watch.state.end or 0) // 3_600)[0], abs=1e-5)
    assert 0 < expected.level_variance < expected.variance
    assert expected.tweets is None, "volume has to be known for a day"


def test_after_a_day_the_volume_is_expected_too() -> None:
    expected = watch_for(26 * 60).expects(RULES)
    assert expected is not None
    assert expected.tweets == pytest.approx(10, rel=0.05)
