"""Every figure that a rule compares with: from the settings where there is one, else here with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from infra.metrics import LABELLED_IN_TIME, LABELLED_WITHIN_S
from infra.settings import Settings

LAST_S = 120
"""What was last told of a brand or partition counts for this long: a partition moves within it, scrapes may fail."""


@dataclass(frozen=True)
class Thresholds:
    """Times in seconds, shares from 0 to 1. The second half is from the settings: see ``of``."""

    volume_ratio: float
    volume_z: float
    min_effect: float
    min_tweets: int
    allowed_lateness_s: float
    stalled_s: float
    """A partition that stands still for this long is stuck."""
    dead_share: float
    """A tenth of the share at which the worker stops."""
    keep_firing_s: float
    """With LAST_S, as long as nothing may be heard of a partition before it counts as stuck."""

    latency_s: float = LABELLED_WITHIN_S
    latency_objective: float = LABELLED_IN_TIME
    burn_tweets: int = 100
    """Of fewer tweets an hour nobody can say which share of them was late."""
    dead_least: int = 10
    model_error_share: float = 0.05
    model_errors_least: int = 5
    drain_s: float = 1_800
    drain_least: int = 1_000
    silent_s: float = 900
    silent_rate_per_min: float = 1
    """With one tweet a minute or more, 15 minutes without any do not happen by chance (e to the power of -15)."""
    recovery_s: float = 180
    """Recovering a partition takes seconds; docs/reliability.md has figures."""
    watermark_s: float = 600
    watermark_tweets: int = 100
    kafka_s: float = 60
    """A restart of a broker takes less."""
    down_s: float = 60
    disk_share: float = 0.1
    disk_soon_share: float = 0.3
    disk_soon_s: float = 86_400

    @classmethod
    def of(cls, settings: Settings) -> Thresholds:
        """The thresholds that go with ``settings``."""
        return cls(
            volume_ratio=settings.spike_volume_ratio,
            volume_z=settings.spike_volume_z,
            min_effect=settings.spike_min_effect,
            min_tweets=settings.spike_min_tweets,
            allowed_lateness_s=settings.allowed_lateness_s,
            stalled_s=max(settings.stalled_after_s, 2 * LAST_S),
            dead_share=settings.dead_share_limit / 10,
            keep_firing_s=max(60.0, settings.stalled_after_s - LAST_S),
        )
