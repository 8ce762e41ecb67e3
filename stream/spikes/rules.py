"""Every threshold of the detector."""

from __future__ import annotations

from dataclasses import dataclass, fields

from infra.settings import Settings

HOUR_S = 3_600
DAY_S = 24 * HOUR_S


@dataclass(frozen=True)
class SpikeRules:
    """Times in seconds of event time, shares from 0 to 1, z in standard deviations."""

    # What is a spike
    false_alarms_per_month: float = 0.5
    """How often a brand on which nothing happens may raise one kind of alarm. Sets the least z of a spike: the
    more chances for chance there are, the higher the bar."""
    min_effect: float = 0.08
    """A share must be this far above the expected one, however significant less may be."""
    min_tweets: int = 20
    """A window of fewer tweets opens no spike."""
    min_authors: int = 8
    """Nor does one whose tweets of the kind come from fewer people (at most AUTHORS_KEPT)."""
    volume_ratio: float = 3.0
    """A volume spike has at least this many times the expected tweets."""
    volume_z: float = 3.5
    """And is at least this far out of what the hours of the last weeks differ by, on a log scale."""

    # Which windows are looked at
    max_window_s: int = 12 * HOUR_S
    """The longest recent window: how far back a slow brand's tweets may lie."""
    max_window_tweets: int = 3_000
    """Windows do not grow beyond this many tweets; of a busy brand that is minutes."""

    # When it is over
    close_effect: float = 0.04
    """A spike ends when the share of the last tweets is less than this above the expected one."""
    close_z: float = 1.0
    """Or when their z is below this."""
    close_tweets: int = 150
    """How many tweets, at least, say so."""
    close_s: int = 15 * 60
    """And over how long, at least."""
    cool_down_s: int = 30 * 60
    """After a spike none of its kind opens for this long."""
    silence_s: int = 6 * HOUR_S
    """A spike ends when nobody says anything for this long."""
    max_spike_s: int = DAY_S
    """What lasts longer than this is no spike but the new normal: it ends, and the baseline is learnt again."""
    update_s: int = 15 * 60
    """Least time between updates of an open spike."""

    # What is expected
    lag_s: int = 30 * 60
    """An hour enters the baseline this long after its end."""
    warm_up_s: int = HOUR_S
    """Nothing is decided before the baseline covers this much time"""
    warm_up_tweets: int = 200
    """and this many tweets. The same after a change of model."""
    volume_warm_up_s: int = DAY_S
    """Volume has to be known for this long: it changes more between night and day."""
    half_life_s: int = 2 * DAY_S
    """How fast the level follows a drift: an hour this old counts half."""
    history_days: int = 28
    """Whole days from which the rhythm of day and week is learnt."""
    model_memory_s: int = DAY_S
    """A model version not seen for this long is a new one when it comes back."""


def rules_of(settings: Settings) -> SpikeRules:
    """The rules in the settings ``spike_*``."""
    return SpikeRules(**{field.name: getattr(settings, f"spike_{field.name}") for field in fields(SpikeRules)})
