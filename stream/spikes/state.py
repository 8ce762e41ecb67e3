"""What is remembered of a brand between panes, in parts that are saved separately."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from stream.records import PANE_S
from stream.spikes.baseline import Baseline, Rhythms, learn_baseline, learn_rhythms
from stream.spikes.history import HOURS_A_DAY, History, summarise
from stream.spikes.pane import Kind, PaneStats
from stream.spikes.recent import CHUNK_S, SHARE, VOLUME, Recent
from stream.spikes.rules import HOUR_S, SpikeRules


class Part(NamedTuple):
    """One saved record of a brand: its ``head``, ten minutes of ``recent`` panes, or the hours of a ``day``."""

    name: Literal["head", "recent", "day"]
    number: int = 0


HEAD = Part("head")


class Expected(NamedTuple):
    """For hour number ``hour``: (negative, positive) shares and variances of the true ones around them.

    ``volume``: tweets a minute in the hour before, and in this one.
    """

    hour: int
    shares: tuple[float, float]
    variances: tuple[float, float]
    volume: tuple[float, float]


@dataclass(frozen=True, slots=True)
class OpenSpike:
    """A spike that has not closed. ``updated``: when it was last spoken of."""

    id: str
    kind: Kind
    started: int
    opened: int
    updated: int
    peak_share: float
    peak_baseline: float
    peak_z: float

    @property
    def bit(self) -> int:
        return VOLUME if self.kind is Kind.VOLUME else SHARE


@dataclass
class BrandState:
    """All times in seconds since 1970.

    ``end``: of the newest pane. ``resumed``: start of the first pane after the last long silence.
    ``summarised``: number of the first hour that is not in the history yet. ``relearn``: numbers
    of the hours from which the levels of shares and of volume are learnt. ``models``: when each version was last seen.
    ``closed``: when the last spike of a kind closed. ``changed``: parts that differ
    from what was saved.
    """

    brand: str
    end: int | None = None
    resumed: int = 0
    summarised: int = 0
    relearn: tuple[int, int] = (0, 0)
    models: dict[str, int] = field(default_factory=dict)
    open: dict[Kind, OpenSpike] = field(default_factory=dict)
    closed: dict[Kind, int] = field(default_factory=dict)
    recent: Recent = field(default_factory=Recent)
    history: History = field(default_factory=History)
    changed: set[Part] = field(default_factory=set)
    _rhythms: Rhythms | None = None
    _baseline: Baseline | None = None
    _current: bool = False
    """Whether ``_rhythms`` and ``_baseline``, which follow from the rest, were derived from all of it."""
    _expected: Expected | None = None

    def draft(self) -> BrandState:
        """A copy that can be changed while this one stays; nothing in it has changed yet."""
        return replace(
            self,
            models=dict(self.models),
            open=dict(self.open),
            closed=dict(self.closed),
            recent=self.recent.draft(),
            history=self.history.draft(),
            changed=set(),
        )

    @property
    def at_hand(self) -> bool:
        """Whether ``baseline`` is known without learning it from the history."""
        return self._current

    def baseline(self, rules: SpikeRules) -> Baseline | None:
        """What is expected now; None during warm-up."""
        if not self._current:
            newest = self.history.newest_day
            if newest is None:
                self._baseline = None
            else:
                if self._rhythms is None or self._rhythms.day != newest:
                    self._rhythms = learn_rhythms(self.history, rules)
                self._baseline = learn_baseline(self.history, self._rhythms, self.relearn, rules)
            self._current = True
        return self._baseline

    def expected(self, baseline: Baseline, at: int) -> Expected:
        """What ``baseline`` expects in the hour of ``at``."""
        hour = at // HOUR_S
        if self._expected is None or self._expected.hour != hour:
            negative, positive = baseline.negative.at(hour), baseline.positive.at(hour)
            volume = (0.0, 0.0) if baseline.volume is None else (baseline.volume.at(hour - 1), baseline.volume.at(hour))
            self._expected = Expected(hour, (negative[0], positive[0]), (negative[1], positive[1]), volume)
        return self._expected

    def usual_tweets(self, baseline: Baseline, span: int) -> float | None:
        """Tweets that are usual in the last ``span`` seconds, an hour or less; None while volume is learnt."""
        if baseline.volume is None or self.end is None:
            return None
        before, now = self.expected(baseline, self.end - 1).volume
        now_s = min(span, (self.end - 1) % HOUR_S + 1)
        return (now * now_s + before * (span - now_s)) / 60

    def learn(self, now: int, rules: SpikeRules) -> None:
        """Put the hours that ended ``lag_s`` or more before ``now`` into the history."""
        last = (now - rules.lag_s) // HOUR_S
        if last <= self.summarised:
            return
        for number in sorted({pane.start // HOUR_S for pane in self.recent.panes}):
            if self.summarised <= number < last:
                self._summarise(number, rules)
        self.summarised = last

    def forget(self, now: int, rules: SpikeRules) -> None:
        """Drop panes that no window can reach any more and no hour needs."""
        needed_from = min((self.summarised - 1) * HOUR_S, now - HOUR_S)
        longest_from = min(now - rules.max_window_s, needed_from)
        for chunk in self.recent.evict(needed_from, longest_from, rules.max_window_tweets):
            self.changed.add(Part("recent", chunk))

    def set_apart(self, spike: OpenSpike, rules: SpikeRules) -> None:
        """Take all since the spike's beginning out of the baseline, also what is in the history already."""
        self.changed.update(Part("recent", chunk) for chunk in self.recent.mark(spike.started, spike.bit))
        whole_from = -(-self.recent.panes[0].start // HOUR_S)  # earlier hours are no longer here in full
        for number in range(max(whole_from, spike.started // HOUR_S), self.summarised):
            if self.recent.between(number * HOUR_S, (number + 1) * HOUR_S):
                self._summarise(number, rules)

    def relearn_shares(self, at: int, rules: SpikeRules) -> None:
        """What is known of the level of shares no longer holds from ``at`` on; the rhythm does."""
        self.learn(at + HOUR_S + rules.lag_s, rules)
        self.changed.update(Part("recent", pane.start // CHUNK_S) for pane in self.recent.panes)
        self.recent = Recent()
        self.summarised = at // HOUR_S
        self.relearn = self.summarised, self.relearn[1]
        self._stale()

    def relearn_volume(self, at: int) -> None:
        """The same for the level of volume."""
        self.relearn = self.relearn[0], at // HOUR_S + 1
        self._stale()

    def _summarise(self, number: int, rules: SpikeRules) -> None:
        start = number * HOUR_S
        panes = self.recent.between(start, start + HOUR_S)
        covered = start + HOUR_S - max(start, self.resumed)
        self.history.put(number, summarise(panes, covered // PANE_S))
        day = number // HOURS_A_DAY
        self.changed.add(Part("day", day))
        newest = self.history.newest_day or day
        self.changed.update(Part("day", old) for old in self.history.prune(newest - rules.history_days))
        if self._rhythms is not None and day < self._rhythms.day:
            self._rhythms = None
        self._stale()

    def _stale(self) -> None:
        self._current = False
        self._expected = None

    def note(self, pane: PaneStats, rules: SpikeRules) -> bool:
        """Take note of the models of ``pane``; whether one of them is new, though not the first."""
        known = {name: seen for name, seen in self.models.items() if pane.start - seen < rules.model_memory_s}
        new = bool(self.models) and any(name not in known for name in pane.models)
        self.models = known | dict.fromkeys(pane.models, pane.start)
        return new
