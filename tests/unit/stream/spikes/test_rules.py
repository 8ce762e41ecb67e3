"""Every threshold is a setting."""

from __future__ import annotations

from infra.settings import Settings
from stream.spikes.pane import AUTHORS_KEPT
from stream.spikes.rules import SpikeRules, rules_of


def test_the_settings_are_the_rules() -> None:
    assert rules_of(Settings()) == SpikeRules()
    names = {name.removeprefix("spike_") for name in Settings.model_fields if name.startswith("spike_")}
    assert names == set(SpikeRules.__dataclass_fields__)
    assert rules_of(Settings(spike_min_tweets=77)).min_tweets == 77


def test_no_more_authors_are_asked_for_than_a_pane_keeps() -> None:
    limits = Settings.model_json_schema()["properties"]["spike_min_authors"]
    assert limits["maximum"] == AUTHORS_KEPT
