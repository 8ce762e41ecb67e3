"""One brand under watch: what the detector remembers of it, and what its people said.

``BrandWatch.closed`` is called when a pane first closes; it gives the spikes
that this opens, moves on or closes, each with its evidence, ready to publish.
``changed_records`` and ``restore`` are the state as small records and back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from stream.records import Spike, WindowBaseline
from stream.spikes import codec
from stream.spikes.detector import Detector
from stream.spikes.evidence import Memory, Sample, SpikeWindow, explain, memory, write_sentence
from stream.spikes.pane import PaneStats, SpikeEvent
from stream.spikes.rules import SpikeRules
from stream.spikes.state import HEAD, BrandState, Part

STATE, MEMORY = "state", "memory"


class Address(NamedTuple):
    """Which record of a brand: ``kind`` is STATE or MEMORY, ``name`` and ``number`` are those of its part."""

    kind: str
    name: str
    number: int


HEAD_ADDRESS = Address(STATE, *HEAD)


@dataclass
class BrandWatch:
    """State of one brand; give ``closed`` and ``silent`` a ``draft``."""

    state: BrandState
    memory: Memory = field(default_factory=Memory)

    @classmethod
    def of(cls, brand: str) -> BrandWatch:
        return cls(BrandState(brand))

    def draft(self) -> BrandWatch:
        """A copy that can be changed while this one stays; nothing in it has changed yet."""
        return BrandWatch(self.state.draft(), self.memory.draft())

    def closed(self, detector: Detector, pane: PaneStats, sample: Sample, names: Collection[str]) -> list[Spike]:
        """Take in the next pane, at its first closing; ``names``: what the brand is called."""
        self.memory.closed(pane.start, sample)
        return [self._spike(event, names) for event in detector.closed(self.state, pane)]

    def expects(self, rules: SpikeRules) -> WindowBaseline | None:
        """What is expected of the minute that closed last; None while the brand, or its model, is new."""
        state = self.state
        baseline = state.baseline(rules)
        if baseline is None or state.end is None:
            return None
        expected = state.expected(baseline, state.end - 1)
        negative = baseline.negative
        return WindowBaseline(
            negative_share=round(expected.shares[0], 6),
            variance=round(expected.variances[0], 8),
            level_variance=round(negative.level_variance, 8),
            alike=round(negative.alike, 6),
            tweets=None if baseline.volume is None else round(expected.volume[1], 4),
        )

    def silent(self, detector: Detector, now: int, names: Collection[str]) -> list[Spike]:
        """Spikes that end because nothing was said for long before ``now`` (seconds since 1970)."""
        return [self._spike(event, names) for event in detector.silent(self.state, now)]

    def changed_records(self) -> Iterator[tuple[Address, bytes | None]]:
        """What differs from what this is a draft of; None removes."""
        for part in self.state.changed - {HEAD}:
            yield Address(STATE, *part), codec.encode(self.state, part)
        for slot in self.memory.changed:
            yield Address(MEMORY, *slot), memory.encode(self.memory, slot)
        if self.state.changed or self.memory.changed:
            head = codec.encode(self.state, HEAD)
            yield HEAD_ADDRESS, orjson.dumps({"newest": self.memory.newest, "state": orjson.Fragment(head or b"{}")})

    def whole(self) -> BrandWatch:
        """A draft in which everything counts as changed: for writing all of it."""
        draft = self.draft()
        draft.state.changed = codec.parts(self.state)
        draft.memory.changed = set(self.memory.slots)
        return draft

    def addresses(self) -> Iterable[Address]:
        """All records this consists of."""
        yield HEAD_ADDRESS
        yield from (Address(STATE, *part) for part in codec.parts(self.state) - {HEAD})
        yield from (Address(MEMORY, *slot) for slot in self.memory.slots)

    def _spike(self, event: SpikeEvent, names: Collection[str]) -> Spike:
        """The record of an event. One that closes is told as a whole: at its peak, with all that was said in it."""
        over = event.change == "closed"
        start = min(event.started, event.window_start) if over else event.window_start
        share, z = (event.peak_share, event.peak_z) if over else (event.share, event.z)
        window = SpikeWindow(event.kind.value, start, event.at, share, event.baseline)
        evidence = explain(self.memory, window, names)
        sentence = write_sentence(
            event.brand,
            event.kind.value,
            share=share,
            baseline=event.baseline,
            seconds=event.at - start,
            z=z,
            tweets=0 if over else event.tweets,  # of the whole spike nobody has counted
            people=None if over else event.authors,
            terms=evidence.terms,
        )
        return Spike(
            id=event.id,
            brand=event.brand,
            kind=event.kind.value,
            status="closed" if over else "open",
            started_at=_time(event.started),
            opened_at=_time(event.opened),
            updated_at=_time(event.at),
            closed_at=None if event.closed is None else _time(event.closed),
            reason=event.reason or None,
            window_start=_time(event.window_start),
            tweets=event.tweets,
            authors=event.authors,
            share=event.share,
            baseline=event.baseline,
            z=event.z,
            peak_share=event.peak_share,
            peak_z=event.peak_z,
            evidence=evidence,
            sentence=sentence,
            models=sorted(self.state.models),
        )


def restore(brand: str, records: Mapping[Address, bytes]) -> BrandWatch:
    """The watch of ``brand`` from what ``changed_records`` gave, newest of each address."""
    head = orjson.loads(records[HEAD_ADDRESS])
    parts = {HEAD: orjson.dumps(head["state"])}
    slots: dict[memory.Part, bytes] = {}
    for address, value in records.items():
        if address.kind == MEMORY:
            slots[memory.Part(address.name, address.number)] = value  # type: ignore[arg-type]
        elif address != HEAD_ADDRESS:
            parts[Part(address.name, address.number)] = value  # type: ignore[arg-type]
    return BrandWatch(codec.decode(brand, parts), memory.decode(head["newest"], slots))


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
