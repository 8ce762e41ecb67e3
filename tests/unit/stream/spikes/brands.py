"""Made-up brands, minute by minute, for the tests of spikes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from stream.spikes.codec import decode, encode
from stream.spikes.detector import Detector
from stream.spikes.pane import PaneStats, SpikeEvent
from stream.spikes.rules import SpikeRules
from stream.spikes.state import BrandState, Part

START = 2_800 * 7 * 24 * 3_600
RULES = SpikeRules()


@dataclass(frozen=True)
class Episode:
    """From minute ``first`` up to ``last`` shares rise by so much, and there are ``louder`` times the tweets."""

    first: int
    last: int
    negative: float = 0.0
    positive: float = 0.0
    louder: float = 1.0


def brand(
    minutes: int,
    *,
    a_minute: float = 4.0,
    negative: float = 0.3,
    positive: float = 0.2,
    episodes: Sequence[Episode] = (),
    seed: int = 1,
    start: int = START,
) -> list[PaneStats]:
    """Panes of ``minutes``, those without tweets included; every tweet by somebody else."""
    rng = random.Random(seed)
    panes = []
    for minute in range(minutes):
        now = [episode for episode in episodes if episode.first <= minute < episode.last]
        mean = a_minute
        bad, good = negative, positive
        for episode in now:
            mean *= episode.louder
            bad, good = bad + episode.negative, good + episode.positive
        labels = [0, 0, 0]
        for _ in range(_poisson(rng, mean)):
            luck = rng.random()
            labels[0 if luck < bad else 2 if luck < bad + good else 1] += 1
        panes.append(PaneStats(start + 60 * minute, labels[0], labels[1], labels[2]))
    return panes


def _poisson(rng: random.Random, mean: float) -> int:
    """Arrivals of a Poisson process in one minute."""
    count, at = 0, rng.expovariate(mean)
    while at < 1:
        count, at = count + 1, at + rng.expovariate(mean)
    return count


def run(panes: Sequence[PaneStats], state: BrandState | None = None, rules: SpikeRules = RULES) -> list[SpikeEvent]:
    """Every event of ``panes``."""
    detector, state = Detector(rules), state or BrandState("Acme")
    return [event for pane in panes for event in detector.closed(state, pane)]


class Saved:
    """A state that is saved after each pane, only the parts that changed, and read back when asked."""

    def __init__(self) -> None:
        self.records: dict[Part, bytes] = {}
        self.state = BrandState("Acme")
        self.written = 0

    def feed(self, detector: Detector, pane: PaneStats) -> list[SpikeEvent]:
        draft = self.state.draft()
        events = detector.closed(draft, pane)
        for part in draft.changed:
            record = encode(draft, part)
            if record is None:
                self.records.pop(part, None)
            else:
                self.records[part] = record
                self.written += len(record)
        self.state = draft
        return events

    def restore(self) -> None:
        if self.records:
            self.state = decode("Acme", self.records)
