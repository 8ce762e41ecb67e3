"""The decision, once for each pane: is a spike open, should one open, is it over?"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from stream.spikes.baseline import Baseline
from stream.spikes.pane import Kind, PaneStats, SpikeEvent, spike_id
from stream.spikes.recent import CHUNK_S, Bounds, Stretch, authors_in
from stream.spikes.rules import HOUR_S, SpikeRules
from stream.spikes.score import bar, mean_variance, share_z, volume_z
from stream.spikes.state import HEAD, BrandState, OpenSpike, Part

SHARES = (Kind.NEGATIVE, Kind.POSITIVE)
VOLUME_SPANS_S = (300, 900, HOUR_S)
"""Windows in which volume is looked at."""
EACH_ONCE = 0.8
"""Part of the bar for a window in which nobody speaks twice on the kind's side. Less than 1, because the others,
of whom not all authors are kept, repeat themselves too."""
Reason = Literal["", "over", "silence", "new level", "new model"]


class Finding(NamedTuple):
    """A window that ends now, and how far it is out. ``share`` and ``baseline``: for volume, tweets a minute."""

    start: int
    tweets: int
    share: float
    baseline: float
    z: float
    authors: int | None


class Detector:
    """Holds the rules and nothing else: all that is remembered is in the BrandState."""

    def __init__(self, rules: SpikeRules) -> None:
        self.rules = rules
        self.bounds = Bounds(rules.max_window_s, rules.max_window_tweets)

    def closed(self, state: BrandState, pane: PaneStats) -> list[SpikeEvent]:
        """Take in the next pane of a brand, at its first closing; what that says of spikes, in order.

        Changes ``state``: give it a ``draft()``. A pane without tweets says
        nothing, and one that is not after the newest is too late to decide
        anything: both change nothing.
        """
        if not pane.tweets or (state.end is not None and pane.start < state.end):
            return []
        events = self.silent(state, pane.start)
        if state.end is None or pane.start - state.end >= self.rules.silence_s:
            state.resumed = pane.start
        if state.note(pane, self.rules):
            events += self._relearn(state, pane.start, "new model")
        state.learn(pane.start, self.rules)
        baseline = state.baseline(self.rules)
        self._remember(state, pane, baseline)
        for kind in Kind:
            events += self._judge(state, kind, baseline)
        state.forget(pane.end, self.rules)
        state.changed.add(HEAD)
        return events

    def silent(self, state: BrandState, now: int) -> list[SpikeEvent]:
        """Close what is open when nothing was said for ``silence_s`` before ``now``.

        ``closed`` does this itself when the next pane comes; call it with the
        watermark to hear of it sooner. The events are the same.
        """
        if not state.open or state.end is None or now - state.end < self.rules.silence_s:
            return []
        at = state.end + self.rules.silence_s
        state.changed.add(HEAD)
        return [self._close(state, spike, _last_words(spike, state.end), at, "silence") for spike in _opened(state)]

    def _remember(self, state: BrandState, pane: PaneStats, baseline: Baseline | None) -> None:
        """A pane of the warm-up expects what it has: it is no evidence for anything."""
        if baseline is None:
            shares = pane.negative / pane.tweets, pane.positive / pane.tweets
        else:
            shares = state.expected(baseline, pane.start).shares
        apart = 0
        for spike in state.open.values():
            apart |= spike.bit
        state.recent.add(pane, shares, apart)
        state.changed.add(Part("recent", pane.start // CHUNK_S))
        state.end = pane.end

    def _judge(self, state: BrandState, kind: Kind, baseline: Baseline | None) -> list[SpikeEvent]:
        spike = state.open.get(kind)
        if baseline is None or state.end is None or not state.recent.panes:
            return []
        if spike is not None:
            return self._follow(state, spike, baseline)
        if state.end < state.closed.get(kind, 0) + self.rules.cool_down_s:
            return []
        volume = kind is Kind.VOLUME
        finding = self._find_volume(state, baseline) if volume else self._find_share(state, kind, baseline)
        return [] if finding is None else [self._open(state, kind, finding)]

    def _find_share(self, state: BrandState, kind: Kind, baseline: Baseline) -> Finding | None:
        """The window that most contradicts the baseline, when it does so enough."""
        rules = self.rules
        best: Stretch | None = None
        most = margin = 0.0
        since = state.closed.get(kind, 0)
        for stretch in state.recent.stretches(kind, since, self.bounds, rules.min_tweets, rules.min_effect):
            z = self.share_z(state, kind, baseline, stretch, stretch.hits)
            over = z - self.bar(baseline, stretch)
            if over >= margin:
                best, most, margin = stretch, z, over
        if best is None:
            return None
        authors, voices = self._crowd(state, kind, best)
        if authors is not None and authors < rules.min_authors:
            return None
        if voices < 1.0:
            # One author, one vote: without what the same people said again, it must still stand.
            heard = round(best.hits * voices)
            fewer = best.tweets - best.hits + heard
            fair = best._replace(tweets=fewer, hits=heard, expected=best.expected * fewer / best.tweets)
            enough = fewer >= rules.min_tweets and heard - fair.expected >= rules.min_effect * fewer
            if not enough or self.share_z(state, kind, baseline, fair, heard) < EACH_ONCE * self.bar(baseline, best):
                return None
        return _finding(best, most, authors)

    def bar(self, baseline: Baseline, stretch: Stretch) -> float:
        """The z that opens a spike in a window like ``stretch``."""
        return bar(self.rules.false_alarms_per_month, baseline.panes_a_month, stretch.panes)

    def share_z(self, state: BrandState, kind: Kind, baseline: Baseline, stretch: Stretch, hits: int) -> float:
        """How far ``hits`` in ``stretch``, a window that ends now, is from what is usual."""
        usual, end = baseline.share(kind), state.end or 0
        hourly = state.expected(baseline, end - 1).variances[kind is Kind.POSITIVE] - usual.level_variance
        variance = usual.level_variance + mean_variance(hourly, (end - stretch.start) / HOUR_S)
        expected = stretch.expected / stretch.tweets
        dispersion = 1 + usual.alike * (stretch.tweets / stretch.panes - 1)
        return share_z(stretch.tweets, hits, expected, variance, dispersion)

    @staticmethod
    def _crowd(state: BrandState, kind: Kind, stretch: Stretch) -> tuple[int | None, float]:
        """Distinct authors in the window's samples, and their part of all sampled; None and 1 where unknown."""
        panes = state.recent.panes[-stretch.panes :]
        samples = [pane.negative_authors if kind is Kind.NEGATIVE else pane.positive_authors for pane in panes]
        sampled = authors_in(b"".join(samples))
        if not sampled:
            return None, 1.0
        distinct = len(set(sampled))
        return distinct, distinct / len(sampled)

    def _find_volume(self, state: BrandState, baseline: Baseline) -> Finding | None:
        rules = self.rules
        best: Finding | None = None
        for span in VOLUME_SPANS_S:
            found = self.volume(state, baseline, span, rules.volume_ratio)
            if found is None or found.tweets < rules.min_tweets or found.z < rules.volume_z:
                continue
            if best is None or found.z > best.z:
                best = found
        return best

    def volume(self, state: BrandState, baseline: Baseline, span: int, least_ratio: float = 0.0) -> Finding | None:
        """Tweets of the last ``span`` seconds, when they are ``least_ratio`` times the usual ones or more.

        None also when they are not all known, or from before the last spike closed.
        """
        if baseline.volume is None or state.end is None:
            return None
        start = state.end - span
        if start < max(state.resumed, state.closed.get(Kind.VOLUME, 0)):
            return None
        usual = state.usual_tweets(baseline, span) or 0.0
        tweets = state.recent.tweets_since(start)
        if tweets < least_ratio * usual:
            return None
        z = volume_z(tweets, usual, baseline.volume.spread)
        return Finding(start, tweets, 60 * tweets / span, 60 * usual / span, z, None)

    def _open(self, state: BrandState, kind: Kind, found: Finding) -> SpikeEvent:
        at = state.end or 0
        opening = state.recent.panes[-1].start
        spike = OpenSpike(
            id=spike_id(state.brand, kind, opening),
            kind=kind,
            started=found.start,
            opened=at,
            updated=at,
            peak_share=round(found.share, 6),
            peak_baseline=round(found.baseline, 6),
            peak_z=round(found.z, 3),
        )
        state.open[kind] = spike
        state.set_apart(spike, self.rules)
        return self._event(state, spike, "opened", found, at)

    def _follow(self, state: BrandState, spike: OpenSpike, baseline: Baseline) -> list[SpikeEvent]:
        """Whether an open spike goes on."""
        at = state.end or 0
        if at - spike.opened >= self.rules.max_spike_s:
            closed = self._close(
                state, spike, self._now(state, spike, baseline) or _last_words(spike, at), at, "new level"
            )
            if spike.kind is not Kind.VOLUME:
                return [closed, *self._relearn(state, at, "new level")]
            state.relearn_volume(at)
            return [closed]
        now = self._now(state, spike, baseline)
        if now is None:
            return []
        if self._is_over(spike, now):
            return [self._close(state, spike, now, at, "over")]
        if now.z > spike.peak_z:
            spike = state.open[spike.kind] = _at_peak(spike, now)
        if at - spike.updated < self.rules.update_s:
            return []
        spike = state.open[spike.kind] = replace(spike, updated=at)
        return [self._event(state, spike, "updated", now, at)]

    def _now(self, state: BrandState, spike: OpenSpike, baseline: Baseline) -> Finding | None:
        """How it is in the last ``close_s`` and ``close_tweets`` of a spike; None while it is younger than that."""
        rules = self.rules
        at = state.end or 0
        if spike.kind is Kind.VOLUME:
            return self.volume(state, baseline, rules.close_s) if at - spike.started >= rules.close_s else None
        for stretch in state.recent.stretches(spike.kind, spike.started, self.bounds, rules.close_tweets):
            if at - stretch.start >= rules.close_s:
                z = self.share_z(state, spike.kind, baseline, stretch, stretch.hits)
                return _finding(stretch, z, self._crowd(state, spike.kind, stretch)[0])
        return None

    def _is_over(self, spike: OpenSpike, now: Finding) -> bool:
        if spike.kind is Kind.VOLUME:
            return now.share < self.rules.volume_ratio / 2 * now.baseline
        return now.share - now.baseline < self.rules.close_effect or now.z < self.rules.close_z

    def _relearn(self, state: BrandState, at: int, reason: Reason) -> list[SpikeEvent]:
        """Start again with another level: spikes of shares have lost what they are measured against."""
        events = [
            self._close(state, spike, _last_words(spike, at), at, reason)
            for spike in _opened(state)
            if spike.kind is not Kind.VOLUME
        ]
        state.relearn_shares(at, self.rules)
        return events

    def _close(self, state: BrandState, spike: OpenSpike, now: Finding, at: int, reason: Reason) -> SpikeEvent:
        del state.open[spike.kind]
        state.closed[spike.kind] = at
        return self._event(state, spike, "closed", now, at, reason)

    @staticmethod
    def _event(
        state: BrandState,
        spike: OpenSpike,
        change: Literal["opened", "updated", "closed"],
        now: Finding,
        at: int,
        reason: Reason = "",
    ) -> SpikeEvent:
        return SpikeEvent(
            id=spike.id,
            brand=state.brand,
            kind=spike.kind,
            change=change,
            at=at,
            started=spike.started,
            opened=spike.opened,
            window_start=now.start,
            tweets=now.tweets,
            share=round(now.share, 6),
            baseline=round(now.baseline, 6),
            z=round(now.z, 3),
            peak_share=spike.peak_share,
            peak_z=spike.peak_z,
            authors=now.authors,
            closed=at if change == "closed" else None,
            reason=reason,
        )


def _finding(stretch: Stretch, z: float, authors: int | None) -> Finding:
    share, baseline = stretch.hits / stretch.tweets, stretch.expected / stretch.tweets
    return Finding(stretch.start, stretch.tweets, share, baseline, z, authors)


def _last_words(spike: OpenSpike, at: int) -> Finding:
    """Nothing new is known: the peak stands, in an empty window."""
    return Finding(at, 0, spike.peak_share, spike.peak_baseline, spike.peak_z, None)


def _at_peak(spike: OpenSpike, now: Finding) -> OpenSpike:
    return replace(spike, peak_share=round(now.share, 6), peak_baseline=round(now.baseline, 6), peak_z=round(now.z, 3))


def _opened(state: BrandState) -> list[OpenSpike]:
    return [state.open[kind] for kind in Kind if kind in state.open]
