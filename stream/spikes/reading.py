"""Where a brand stands against what is usual of it: the figures behind the detector's verdict, for people to see.

The verdict is the detector's; this repeats, by the same functions, what it saw
when the newest pane closed, also where that was nothing special.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stream.spikes.baseline import Baseline, VolumeBaseline
from stream.spikes.detector import VOLUME_SPANS_S, Detector
from stream.spikes.pane import Kind
from stream.spikes.rules import HOUR_S, SpikeRules
from stream.spikes.score import volume_z
from stream.spikes.state import BrandState

USUAL_SPAN_S = 900
"""Usual tweets are told for this long."""


class ShareReading(NamedTuple):
    """``usual``: the share expected. Of the window that stands out most: ``z``, and the ``threshold`` of a spike.

    None without a window of enough tweets.
    """

    usual: float
    z: float | None
    threshold: float | None


@dataclass(frozen=True)
class Reading:
    """When the newest pane closed. ``usual_tweets``: in USUAL_SPAN_S.

    None while volume is learnt: ``usual_tweets``, ``volume_z`` and ``volume``.
    """

    negative: ShareReading
    positive: ShareReading
    usual_tweets: float | None
    volume_z: float | None
    volume: VolumeBaseline | None


def read(detector: Detector, state: BrandState) -> Reading | None:
    """The reading of ``state``; None during warm-up. Learns the baseline if it is not at hand: give it a draft then."""
    baseline = state.baseline(detector.rules)
    if baseline is None or state.end is None or not state.recent.panes:
        return None
    negative, positive = state.expected(baseline, state.end - 1).shares
    spans = [found.z for span in VOLUME_SPANS_S if (found := detector.volume(state, baseline, span)) is not None]
    return Reading(
        negative=_share(detector, state, baseline, Kind.NEGATIVE, negative),
        positive=_share(detector, state, baseline, Kind.POSITIVE, positive),
        usual_tweets=state.usual_tweets(baseline, USUAL_SPAN_S),
        volume_z=max(spans, default=None),
        volume=baseline.volume,
    )


def _share(detector: Detector, state: BrandState, baseline: Baseline, kind: Kind, usual: float) -> ShareReading:
    best = ShareReading(usual, None, None)
    most = float("-inf")
    since = state.closed.get(kind, 0)
    for stretch in state.recent.stretches(kind, since, detector.bounds, detector.rules.min_tweets):
        z = detector.share_z(state, kind, baseline, stretch, stretch.hits)
        threshold = detector.bar(baseline, stretch)
        if z - threshold > most:
            best, most = ShareReading(usual, z, threshold), z - threshold
    return best


def silence_z(volume: VolumeBaseline, end: int, now: int, rules: SpikeRules) -> float:
    """How far no tweet at all from ``end`` to ``now`` (seconds since 1970) is below the usual: a ``volume_z``.

    0 while fewer than ``min_tweets`` were to be expected, and when it has lasted so long that it is the new normal.
    """
    if now - end >= rules.max_spike_s:
        return 0.0
    expected, at = 0.0, end
    while at < now:
        upto = min(now, (at // HOUR_S + 1) * HOUR_S)
        expected += volume.at(at // HOUR_S) * (upto - at) / 60
        at = upto
    return 0.0 if expected < rules.min_tweets else min(0.0, volume_z(0, expected, volume.spread))
