"""Alerts about brands: what the worker's detector decided in event time, told to people.

Whether there is a spike is decided once, by the worker; a rule that decided
again, by simpler figures, would contradict it. So a rule reads whether one is
open, and shows the figures beside it. A partition that moves takes its series
to another worker: the newest word of each brand counts for two minutes, and an
alert outlives a longer silence by ``keep_firing_for``. So it neither fires nor
resolves because of the move.
"""

from __future__ import annotations

from infra.prometheus.rule import Alert, Group, Recording, duration, figure
from infra.prometheus.thresholds import LAST_S, Thresholds

LAST = duration(LAST_S)
A_BRAND = 'brand!="_other"'
"""Tweets about no brand, or one without series of its own, are nobody's reputation."""
ACTIVE = "brand_kind:barometer_brand_spike_active:max"


def reputation(limits: Thresholds) -> Group:
    """What is recorded and alerted on of brands."""
    return Group(
        "barometer-reputation",
        [
            Recording(ACTIVE, f"max by (brand, kind) (last_over_time(barometer_brand_spike_active[{LAST}]))"),
            _share("NegativeSentimentSpike", "negative", "critical", limits),
            _share("PositiveSentimentSpike", "positive", "info", limits),
            _volume(limits),
            _silent(limits),
        ],
    )


def told(metric: str, form: str) -> str:
    """A template: the newest word on ``metric`` of the alert's brand."""
    return figure(f"max(last_over_time(barometer_brand_{metric}{{brand=%q}}[{LAST}]))", form, "brand")


PERCENT = "humanizePercentage"
WHOLE = 'printf "%.0f"'
TENTHS = 'printf "%.1f"'
_EVENT_TIME = "Event time of the last tweet: " + told("latest_timestamp_seconds", "humanizeTimestamp") + "."


def _share(name: str, kind: str, severity: str, limits: Thresholds) -> Alert:
    return Alert(
        name,
        category="reputation",
        severity=severity,  # type: ignore[arg-type]  # one of the two above
        expr=f'{ACTIVE}{{kind="{kind}",{A_BRAND}}} == 1',
        keep_firing_s=limits.keep_firing_s,
        summary=f"{{{{ $labels.brand }}}}: unusually many {kind} tweets",
        description=f"""
            {told(f"{kind}_share_ratio", PERCENT)} of the {told("volume_tweets", WHOLE)} tweets of the last 15 minutes
            are {kind}; {told(f"{kind}_baseline_ratio", PERCENT)} is usual for {{{{ $labels.brand }}}} at this hour.
            The window that stands out most has z {told(f"{kind}_z", TENTHS)}, where
            {told(f"{kind}_z_threshold", TENTHS)} opens a spike together with {limits.min_effect * 100:g} points
            above the usual share and {limits.min_tweets} tweets. {_EVENT_TIME}
            """,
    )


def _volume(limits: Thresholds) -> Alert:
    return Alert(
        "MentionVolumeSpike",
        category="reputation",
        severity="warning",
        expr=f'{ACTIVE}{{kind="volume",{A_BRAND}}} == 1',
        keep_firing_s=limits.keep_firing_s,
        summary="{{ $labels.brand }}: unusually many tweets",
        description=f"""
            {told("volume_tweets", WHOLE)} tweets in the last 15 minutes, where
            {told("volume_baseline_tweets", WHOLE)} are usual for {{{{ $labels.brand }}}} at this hour; z
            {told("volume_z", TENTHS)}. {limits.volume_ratio:g} times the usual and z {limits.volume_z:g} open a spike.
            {told("negative_share_ratio", PERCENT)} are negative.
            {_EVENT_TIME}
            """,
    )


def _silent(limits: Thresholds) -> Alert:
    return Alert(
        "BrandSilent",
        category="reputation",
        severity="warning",
        expr=f"max by (brand) (last_over_time(barometer_brand_silence_z{{{A_BRAND}}}[{LAST}])) <= -{limits.volume_z:g}",
        keep_firing_s=limits.keep_firing_s,
        summary="{{ $labels.brand }}: nobody says anything any more",
        description=f"""
            No tweet about {{{{ $labels.brand }}}} while others are talked about, where
            {told("volume_baseline_tweets", WHOLE)} in 15 minutes are usual at this hour:
            z {{{{ $value | printf "%.1f" }}}}, threshold -{limits.volume_z:g}. {_EVENT_TIME}
            """,
    )
