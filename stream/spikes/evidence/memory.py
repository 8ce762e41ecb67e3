"""What a brand's people said in the last thirty hours: samples, coarser the older they are.

A sample for each of the last thirty minutes, for each ten minutes of the three
hours before, for each hour of the rest. What is kept depends only on the
panes that closed, never on when they were saved or restored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from zlib import compress, decompress

import orjson

from stream.records import PANE_S
from stream.spikes.evidence.sample import Sample, Seen, merge

Level = Literal["minute", "ten", "hour"]


class _Grain(NamedTuple):
    """A level: length of a slot, how far back it reaches (both in seconds), tweets in a slot."""

    slot_s: int
    reach_s: int
    tweets: int


GRAINS: dict[Level, _Grain] = {
    "minute": _Grain(PANE_S, 30 * 60, 24),
    "ten": _Grain(600, 3 * 3_600, 60),
    "hour": _Grain(3_600, 30 * 3_600, 40),
}
PANE_TWEETS = GRAINS["minute"].tweets
"""How large the sample of an open pane must be."""
_LEVELS: tuple[Level, ...] = ("minute", "ten", "hour")


class Part(NamedTuple):
    """One saved record of a memory; ``start`` in seconds since 1970."""

    level: Level
    start: int


@dataclass
class Memory:
    """``newest``: start of the newest pane that closed. ``changed``: parts that differ from what was saved.

    Slots are hardly ever read: they are kept as they are saved, in a third of
    the space, and those of more than a minute compressed, in a tenth.
    """

    newest: int | None = None
    slots: dict[Part, bytes] = field(default_factory=dict)
    changed: set[Part] = field(default_factory=set)

    def draft(self) -> Memory:
        """A copy that can be changed while this one stays; nothing in it has changed yet.

        Slots are replaced, never changed.
        """
        return Memory(self.newest, dict(self.slots), set())

    def closed(self, start: int, sample: Sample) -> None:
        """Take in the sample of the pane that starts at ``start``, when it first closes.

        In event-time order, as panes close; one that is not after the newest is
        too late and changes nothing, as for the detector.
        """
        if self.newest is not None and start <= self.newest:
            return
        before, self.newest = self.newest, start
        if len(sample):
            self._put(Part("minute", start), sample)
        self._age(start + PANE_S, start if before is None else before + PANE_S)

    def between(self, start: int, end: int) -> list[Seen]:
        """A sample of the tweets from ``start`` to ``end``, by priority.

        Uniform but for the busiest quarter of its slots, of which there may be
        less: a flood within a minute must not thin out all the others.
        """
        touched = [
            self.sample(part)
            for part in self.slots
            if part.start < end and part.start + GRAINS[part.level].slot_s > start
        ]
        if not touched:
            return []
        threshold = sorted(sample.threshold for sample in touched)[len(touched) // 4]
        return sorted(
            tweet for sample in touched for tweet in sample if start <= tweet.at < end and tweet.priority < threshold
        )

    def before(self, end: int) -> list[Seen]:
        """All that is kept from before ``end``, by priority. Quiet hours weigh more than their tweets."""
        return sorted(tweet for part in self.slots if part.start < end for tweet in self.sample(part) if tweet.at < end)

    def sample(self, part: Part) -> Sample:
        """What is kept of one slot."""
        return decode_sample(_saved(part, self.slots[part]))

    def _age(self, now: int, before: int) -> None:
        """Move what is too old for its level to the next, whole slots of that at a time. ``before``: when last done."""
        for level, coarser in zip(_LEVELS, (*_LEVELS[1:], None), strict=True):
            slot_s = GRAINS[coarser].slot_s if coarser else GRAINS[level].slot_s
            reach_s = GRAINS[level].reach_s
            if (now - reach_s) // slot_s == (before - reach_s) // slot_s:
                break  # nor has a coarser level, whose slots end where slots of this one do
            keep_from = (now - reach_s) // slot_s * slot_s
            old = sorted(part for part in self.slots if part.level == level and part.start < keep_from)
            moved: dict[int, list[Sample]] = {}
            for part in old:
                moved.setdefault(part.start // slot_s * slot_s, []).append(self.sample(part))
                del self.slots[part]
                self.changed.add(part)
            if coarser is None:
                break
            for start, samples in moved.items():
                into = Part(coarser, start)
                known = [self.sample(into)] if into in self.slots else []
                self._put(into, merge([*known, *samples], GRAINS[coarser].tweets))

    def _put(self, part: Part, sample: Sample) -> None:
        self.slots[part] = _kept(part, encode_sample(sample))
        self.changed.add(part)


def encode_sample(sample: Sample) -> bytes:
    """A sample as compact JSON."""
    tweets = [tuple(tweet) for tweet in sample]
    return orjson.dumps({"size": sample.size, "threshold": str(sample.threshold), "tweets": tweets})


def decode_sample(value: bytes) -> Sample:
    """A sample as ``encode_sample`` wrote it."""
    return _sample(orjson.loads(value))


def encode(memory: Memory, part: Part) -> bytes | None:
    """One part of ``memory`` as JSON; None when nothing is left of it (the record is to be removed)."""
    return _saved(part, memory.slots[part]) if part in memory.slots else None


def decode(newest: int | None, parts: Mapping[Part, bytes]) -> Memory:
    """A memory from its saved parts, and the ``newest`` that was saved with them."""
    return Memory(newest, {Part(*part): _kept(part, value) for part, value in parts.items()})


def _kept(part: Part, saved: bytes) -> bytes:
    # Copied: what orjson returns keeps the block of 1 KB or more that it was written into.
    return bytes(bytearray(saved)) if part.level == "minute" else compress(saved, 1)


def _saved(part: Part, kept: bytes) -> bytes:
    return kept if part.level == "minute" else decompress(kept)


def _sample(content: Any) -> Sample:
    return Sample(content["size"], (Seen(*tweet) for tweet in content["tweets"]), int(content["threshold"]))
