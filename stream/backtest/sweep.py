"""Other thresholds over the same panes: what they would have found, and which to take.

Windows do not depend on thresholds, so the tweets are not counted again: the
detector is run over the panes as the fold closed them, once for each setting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from math import inf
from typing import Any

from infra.errors import UsageError
from infra.settings import load_settings
from stream.aggregate.fold import WATCHED_S
from stream.backtest.incidents import Incident
from stream.backtest.result import Result
from stream.backtest.score import Alarm, Score, score
from stream.spikes.detector import Detector
from stream.spikes.pane import Kind, PaneStats, SpikeEvent
from stream.spikes.rules import SpikeRules, rules_of
from stream.spikes.state import BrandState

Settings = Mapping[str, Any]
"""Names of thresholds, as in SpikeRules, to values (numbers)."""
PREFIX = "spike_"
SHARE_GRID: dict[str, tuple[float, ...]] = {
    "false_alarms_per_month": (0.02, 0.1, 0.5, 2.0, 8.0),
    "min_effect": (0.05, 0.08, 0.12, 0.2),
    "min_tweets": (10, 20, 50),
}
"""How sure, how large, how many: the thresholds that decide whether a share opens a spike."""
VOLUME_GRID: dict[str, tuple[float, ...]] = {
    "volume_ratio": (2.0, 3.0, 4.0, 6.0),
    "volume_z": (2.5, 3.0, 3.5, 4.5),
}


@dataclass(frozen=True)
class Try:
    """What one setting came to. ``changed``: thresholds that are not as they were; none of the current setting."""

    rules: SpikeRules
    changed: Settings
    score: Score


@dataclass(frozen=True)
class Sweep:
    """``tries`` from the best to the worst. ``allowed``: false alarms a brand and week that are acceptable."""

    tries: Sequence[Try]
    current: Try
    allowed: float

    @property
    def best(self) -> Try:
        return self.tries[0]

    @property
    def environment(self) -> list[str]:
        """Lines that make the best setting the current one; none when it is."""
        return [f"BAROMETER_{PREFIX.upper()}{name.upper()}={value:g}" for name, value in self.best.changed.items()]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "allowed_false_alarms_per_brand_week": self.allowed,
            "recommended": self.environment,
            "tries": [
                {
                    "changed": {f"{PREFIX}{name}": value for name, value in one.changed.items()},
                    "recall": one.score.recall,
                    "precision": one.score.precision,
                    "median_delay_s": one.score.delay_s,
                    "false_alarms_per_brand_week": round(one.score.false_alarms, 4),
                }
                for one in self.tries
            ],
        }


def read_grid(asked: Sequence[str], current: SpikeRules, kinds: Iterable[Kind]) -> list[dict[str, tuple[float, ...]]]:
    """The grids to sweep: what ``--grid`` asks for as one, else the usual ones for ``kinds`` of spikes.

    The current value of a threshold is always among those tried. Raises UsageError.
    """
    if asked:
        grids = [dict(_parsed(part) for part in asked)]
    else:
        kinds = set(kinds)
        grids = [SHARE_GRID] if kinds - {Kind.VOLUME} else []
        grids += [VOLUME_GRID] if Kind.VOLUME in kinds else []
    return [{name: tuple(sorted({*values, getattr(current, name)})) for name, values in grid.items()} for grid in grids]


def sweep(
    result: Result,
    incidents: Sequence[Incident],
    current: SpikeRules,
    grids: Sequence[Mapping[str, Sequence[float]]],
    allowed: float,
    progress: Callable[[int, int], None],
) -> Sweep:
    """Try every combination of each grid. ``progress`` is told how many of how many are done."""
    chosen = [settings for grid in grids for settings in _combinations(grid)]
    watched = result.watched
    tries: dict[SpikeRules, Try] = {}
    for number, settings in enumerate([dict[str, Any](), *chosen]):
        rules = replace(current, **settings)
        if rules not in tries:
            alarms = list(_alarms(result.told.panes, rules, result.told.end_s))
            changed = {name: value for name, value in settings.items() if getattr(current, name) != value}
            tries[rules] = Try(rules, changed, score(alarms, incidents, watched))
        progress(number, len(chosen))
    ranked = sorted(tries.values(), key=lambda one: _rank(one, allowed))
    return Sweep(ranked, tries[current], allowed)


def _rank(one: Try, allowed: float) -> tuple[float, ...]:
    """Few enough false alarms, then recall, then delay, then fewest false alarms, then what changes least."""
    found = one.score
    too_many = found.false_alarms if found.false_alarms > allowed else 0.0
    delay = inf if found.delay_s is None else found.delay_s
    return too_many, -(found.recall or 0.0), delay, found.false_alarms, len(one.changed)


def _combinations(grid: Mapping[str, Sequence[float]]) -> Iterator[dict[str, Any]]:
    for values in product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _alarms(panes: Mapping[str, Sequence[PaneStats]], rules: SpikeRules, end_s: int) -> Iterator[Alarm]:
    """The spikes of all brands, as the fold would have opened and closed them."""
    detector = Detector(rules)
    for brand, known in panes.items():
        state, events = BrandState(brand), list[SpikeEvent]()
        for pane in known:
            events += detector.silent(state, pane.start)
            if state.end is not None and state.end < pane.start - WATCHED_S and not state.open:
                state = BrandState(brand)
            events += detector.closed(state, pane)
        events += detector.silent(state, end_s)
        closed = {event.id: event.at for event in events if event.change == "closed"}
        for event in events:
            if event.change == "opened":
                yield Alarm(brand, event.kind, event.started, event.opened, closed.get(event.id, inf))


def _parsed(part: str) -> tuple[str, tuple[float, ...]]:
    name, equals, values = part.partition("=")
    name = name.strip().lower().removeprefix("barometer_").removeprefix(PREFIX)
    known = [field.name for field in fields(SpikeRules)]
    if not equals or name not in known:
        raise UsageError(
            f"--grid {part!r} is not NAME=A,B,C with a threshold of spikes, such as {PREFIX}min_effect=0.05,0.1"
        )
    read = []
    for value in values.split(","):
        rules = rules_of(load_settings(**{f"{PREFIX}{name}": value.strip()}))
        read.append(getattr(rules, name))
    return name, tuple(read)
