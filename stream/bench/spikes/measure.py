"""Runs every detector over the same histories, at the same number of false alarms, and counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, log
from statistics import median
from time import process_time

import numpy as np

from stream.bench.spikes import rivals
from stream.bench.spikes.histories import (
    LEAST_TWEETS,
    MINUTES_A_DAY,
    START,
    BrandHistory,
    Incident,
    Plan,
    eventful,
    quiet,
)
from stream.records import PANE_S
from stream.spikes.detector import Detector
from stream.spikes.pane import Kind, PaneStats, SpikeEvent
from stream.spikes.rules import SpikeRules
from stream.spikes.state import BrandState

OURS, ORACLE, ADWIN = "Barometer", "CUSUM oracle", "ADWIN (river)"
MONTH_DAYS = 28
THRESHOLDS = 60
"""Steps of a sweep over a rival's thresholds."""
ADWIN_DELTAS = (1e-2, 1e-4, 1e-8, 1e-16, 1e-32, 1e-64)
HIGHEST_CUSUM = 60.0

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Caught:
    """What became of an incident: seconds until the alarm, infinite when there was none in time."""

    rate: int
    size: float
    delay_s: float


@dataclass
class Result:
    """Of one detector, by rate.

    ``chosen``: the threshold that gave these figures. ``curve``: (threshold, false
    alarms a brand-month, recall at ``Plan.goal``) for all that were tried.
    """

    name: str
    false_alarms: dict[int, float] = field(default_factory=dict)
    caught: list[Caught] = field(default_factory=list)
    chosen: dict[int, float] = field(default_factory=dict)
    curve: dict[int, list[tuple[float, float, float]]] = field(default_factory=dict)

    def of(self, rate: int | None, size: float) -> list[float]:
        """Delays of the incidents of ``size``, at ``rate`` or at all of them."""
        return [c.delay_s for c in self.caught if c.size == size and rate in (None, c.rate)]

    def recall(self, rate: int | None, size: float) -> float:
        delays = self.of(rate, size)
        return sum(delay < inf for delay in delays) / len(delays)

    def delay(self, rate: int | None, size: float) -> float:
        """Median, incidents that were missed being the longest."""
        return median(self.of(rate, size))


@dataclass(frozen=True)
class Trial:
    """What a rival is tried on. ``target``: most false alarms a brand-month; ``months``: brand-months in ``calm``."""

    rate: int
    calm: Sequence[BrandHistory]
    busy: Sequence[BrandHistory]
    months: float
    target: float


@dataclass
class Outcome:
    """``extra``: false alarms a brand-month of our other kinds; ``pane_us``: our cost for each pane, in µs."""

    plan: Plan
    results: dict[str, Result]
    months: dict[int, float]
    extra: dict[Kind, float]
    pane_us: float

    def to_oracle(self, name: str, rate: int | None, size: float) -> float:
        """Median delay as a multiple of the oracle's on incidents of ``size``, at ``rate`` or at all rates."""
        return self.results[name].delay(rate, size) / self.results[ORACLE].delay(rate, size)

    def to_oracle_mean(self, name: str, size: float) -> float:
        """Geometric mean over the rates of ``to_oracle``: every rate counts alike, whatever its delays."""
        ratios = [self.to_oracle(name, rate, size) for rate in self.plan.rates]
        return inf if inf in ratios else exp(sum(map(log, ratios)) / len(ratios))

    def false_alarms(self, name: str) -> float:
        """A brand-month, all rates alike."""
        return sum(self.results[name].false_alarms.values()) / len(self.plan.rates)


def run(plan: Plan, seed: int, rules: SpikeRules, progress: Progress) -> Outcome:
    """All detectors at all rates."""
    names = (OURS, *rivals.SCORES, ADWIN, ORACLE)
    outcome = Outcome(plan, {name: Result(name) for name in names}, {}, dict.fromkeys(Kind, 0.0), 0.0)
    seconds = panes = 0.0
    for rate in plan.rates:
        calm, busy = quiet(plan, rate, seed), eventful(plan, rate, seed)
        months = sum(history.minutes for history in calm) / (MONTH_DAYS * MINUTES_A_DAY)
        outcome.months[rate] = months
        progress(f"{rate} tweets an hour: {OURS}")
        began = process_time()
        quiet_events = [events(history, rules) for history in calm]
        busy_events = [events(history, rules) for history in busy]
        seconds += process_time() - began
        panes += sum(int(np.count_nonzero(history.tweets)) for history in (*calm, *busy))
        for kind in Kind:
            wrong = sum(
                len(_unfounded(h, opened(found, kind), kind)) for h, found in zip(calm, quiet_events, strict=True)
            )
            outcome.extra[kind] += wrong / months / len(plan.rates)
        ours = outcome.results[OURS]
        ours.false_alarms[rate] = sum(len(opened(found, Kind.NEGATIVE)) for found in quiet_events) / months
        for history, found in zip(busy, busy_events, strict=True):
            ours.caught += _catch(history, opened(found, Kind.NEGATIVE))
        # No alarm at all cannot be told from one in twice the time.
        trial = Trial(rate, calm, busy, months, max(ours.false_alarms[rate], 0.5 / months))
        for name, score in rivals.SCORES.items():
            progress(f"{rate} tweets an hour: {name}")
            _tune_score(outcome.results[name], score, plan, trial)
        progress(f"{rate} tweets an hour: {ADWIN}")
        _tune_adwin(outcome.results[ADWIN], plan, trial)
        progress(f"{rate} tweets an hour: {ORACLE}")
        for size in plan.sizes:
            _tune_oracle(outcome.results[ORACLE], size, plan, trial)
    outcome.pane_us = 1e6 * seconds / panes
    return outcome


def sweep(plan: Plan, seed: int, rules: SpikeRules, rates: Sequence[float], progress: Progress) -> Result:
    """Our curve: one run of the detector for each of ``rates``, settings of ``false_alarms_per_month``."""
    result = Result(OURS)
    for rate in plan.rates:
        calm, busy = quiet(plan, rate, seed), eventful(plan, rate, seed)
        months = sum(history.minutes for history in calm) / (MONTH_DAYS * MINUTES_A_DAY)
        for setting in rates:
            progress(f"{rate} tweets an hour: {OURS} at {setting:g} false alarms a month")
            other = replace(rules, false_alarms_per_month=setting)
            alarms = sum(len(opened(events(history, other), Kind.NEGATIVE)) for history in calm) / months
            caught = [c for h in busy for c in _catch(h, opened(events(h, other), Kind.NEGATIVE))]
            result.curve.setdefault(rate, []).append((setting, alarms, _recall(caught, plan.goal)))
    return result


def events(history: BrandHistory, rules: SpikeRules) -> list[SpikeEvent]:
    """All that Barometer's detector says of a history."""
    detector, state = Detector(rules), BrandState("brand")
    found: list[SpikeEvent] = []
    for pane in panes_of(history):
        found += detector.closed(state, pane)
    return found


def panes_of(history: BrandHistory) -> Iterator[PaneStats]:
    """The minutes with tweets."""
    at = np.flatnonzero(history.tweets)
    columns = (
        history.negative[at],
        history.tweets[at] - history.negative[at] - history.positive[at],
        history.positive[at],
    )
    for minute, negative, neutral, positive in zip(at.tolist(), *(c.tolist() for c in columns), strict=True):
        yield PaneStats(START + minute * PANE_S, negative, neutral, positive)


def opened(found: Sequence[SpikeEvent], kind: Kind) -> list[int]:
    """Minutes at which spikes of ``kind`` opened."""
    return [(event.at - START) // PANE_S - 1 for event in found if event.kind is kind and event.change == "opened"]


def _unfounded(history: BrandHistory, alarms: Sequence[int], kind: Kind) -> list[int]:
    """Those of ``alarms`` in a quiet history for which there was no reason: a burst is one for volume."""
    if kind is not Kind.VOLUME:
        return list(alarms)
    return [at for at in alarms if not any(start <= at < end + rivals.QUIET_MIN for start, end in history.bursts)]


def _due(history: BrandHistory) -> Iterator[Incident]:
    """Incidents that were as long as they should be: chance can make them shorter."""
    for incident in history.incidents:
        if history.tweets[incident.start : incident.end].sum() >= LEAST_TWEETS:
            yield incident


def _catch(history: BrandHistory, alarms: Sequence[int], size: float | None = None) -> list[Caught]:
    """The first of ``alarms`` in each incident (of ``size``); a delay ends when the minute does."""
    at = np.asarray(alarms, dtype=np.int64)
    caught = []
    for incident in _due(history):
        if size is None or incident.size == size:
            first = int(np.searchsorted(at, incident.start))
            hit = first < len(at) and at[first] < incident.end
            delay = (int(at[first]) + 1 - incident.start) * PANE_S if hit else inf
            caught.append(Caught(history.rate, incident.size, delay))
    return caught


def _recall(caught: Sequence[Caught], size: float) -> float:
    goal = [c for c in caught if c.size == size]
    return sum(c.delay_s < inf for c in goal) / max(1, len(goal))


def _tune_score(result: Result, score: rivals.Score, plan: Plan, trial: Trial) -> None:
    """The lowest threshold with at most ``target`` false alarms, and the curve of all."""
    quiet_scores, busy_scores = [score(history) for history in trial.calm], [score(history) for history in trial.busy]
    finite = np.concatenate([values[np.isfinite(values)] for values in quiet_scores])
    top = float(finite.max())
    chosen: tuple[float, float, list[Caught]] | None = None
    # Evenly in how rare a score is: that is where false alarms change.
    levels = np.quantile(finite, 1 - np.geomspace(0.05, 1 / len(finite), THRESHOLDS))
    for threshold in [*np.unique(levels), np.nextafter(top, inf)]:
        alarms = sum(len(rivals.alarms(values, threshold)) for values in quiet_scores) / trial.months
        caught = [
            c
            for history, values in zip(trial.busy, busy_scores, strict=True)
            for c in _catch(history, rivals.alarms(values, threshold).tolist())
        ]
        result.curve.setdefault(trial.rate, []).append((float(threshold), alarms, _recall(caught, plan.goal)))
        if alarms > trial.target:
            chosen = None  # what is always above a low threshold is one alarm, and no detector
        elif chosen is None:
            chosen = threshold, alarms, caught
    if chosen is not None:
        result.chosen[trial.rate], result.false_alarms[trial.rate] = chosen[:2]
        result.caught += chosen[2]


def _tune_adwin(result: Result, plan: Plan, trial: Trial) -> None:
    for delta in ADWIN_DELTAS:
        alarms = sum(len(rivals.adwin(history, delta)) for history in trial.calm) / trial.months
        if alarms > trial.target and delta != ADWIN_DELTAS[-1]:
            result.curve.setdefault(trial.rate, []).append((delta, alarms, float("nan")))
            continue
        caught = [c for history in trial.busy for c in _catch(history, rivals.adwin(history, delta).tolist())]
        result.curve.setdefault(trial.rate, []).append((delta, alarms, _recall(caught, plan.goal)))
        result.chosen[trial.rate], result.false_alarms[trial.rate] = delta, alarms
        result.caught += caught
        return


def _tune_oracle(result: Result, size: float, plan: Plan, trial: Trial) -> None:
    """Told the true share of every minute, and what it will be in an incident of ``size``."""
    steps = [rivals.oracle_steps(history, size) for history in trial.calm]

    def false_alarms(threshold: float) -> float:
        return sum(len(rivals.cusum(values, threshold)) for values in steps) / trial.months

    low, high = 0.0, HIGHEST_CUSUM
    while high - low > 0.05:
        middle = (low + high) / 2
        low, high = (middle, high) if false_alarms(middle) > trial.target else (low, middle)
    for history in trial.busy:
        values = rivals.oracle_steps(history, size)
        free_from = 0
        for incident in history.incidents:
            # Each incident by itself: the oracle forgets the one before as it ends.
            found = rivals.cusum(values[free_from : incident.end], high, free_from)
            lone = replace(history, incidents=(incident,))
            result.caught += _catch(lone, found, size)
            free_from = incident.end
    if size == plan.goal:
        result.chosen[trial.rate], result.false_alarms[trial.rate] = high, false_alarms(high)
