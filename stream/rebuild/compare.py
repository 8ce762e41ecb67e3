"""What the topics hold against what should be there. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import NamedTuple

import orjson

from stream.aggregate import codec
from stream.aggregate.fold import PartitionState
from stream.aggregate.pane import Pane
from stream.records import Window
from stream.spikes.watch import Address, BrandWatch


class Known(NamedTuple):
    """A window as the topic has it."""

    digest: int
    revision: int
    closed: bool


@dataclass
class Windows:
    """The windows of a partition as they are, compared one by one with what they should be.

    ``shortened``: tweets that they count may be gone, so that one that knows of
    more is right. Memory: some 300 bytes for each window.
    """

    shortened: bool
    left: dict[bytes, Known] = field(default_factory=dict)
    """Not yet compared; at the end, those that nothing follows to."""
    closed_to: float | None = None
    """End of the newest that is closed, seconds since 1970."""
    same: int = 0
    wrong: dict[bytes, bytes] = field(default_factory=dict)
    """Missing, behind or different: as they should be."""
    kept: set[bytes] = field(default_factory=set)

    def add(self, key: bytes, value: bytes | None) -> None:
        """A record of the topic, in order."""
        if value is None:
            self.left.pop(key, None)
            return
        fields = orjson.loads(value)
        self.left[key] = Known(_digest(value), fields["revision"], fields["status"] == "closed")
        if self.left[key].closed:
            end = dt.datetime.fromisoformat(fields["end"]).timestamp()
            self.closed_to = end if self.closed_to is None else max(end, self.closed_to)

    def compare(self, window: Window) -> None:
        """A window as it should be, for good."""
        key, value = window.key(), window.encode()
        known = self.left.pop(key, None)
        if known is not None and known.digest == _digest(value):
            self.same += 1
        elif known is not None and self.shortened and _knows_as_much(known, window):
            self.kept.add(key)
        else:
            self.wrong[key] = value

    def keep_the_rest(self) -> None:
        """What nothing follows to is right too, where tweets are gone."""
        self.kept |= self.left.keys()
        self.left = {}


def _knows_as_much(known: Known, window: Window) -> bool:
    """Of the same tweets, a window that was closed in time knows better which of them were late."""
    return known.revision > window.revision or (known.revision == window.revision and known.closed)


@dataclass(frozen=True)
class Before:
    """The saved state as it is: its records, what they say, and what is remembered for spikes.

    ``saved`` is None when it was lost, in part or in whole: ``state`` says it in words.
    """

    values: dict[bytes, bytes]
    state: str
    saved: codec.Saved | None
    counts_to: int | None
    """Up to which labelled record it counts; None when that is lost."""
    watches: dict[str, BrandWatch]

    @classmethod
    def read(cls, values: dict[bytes, bytes]) -> Before:
        counts_to, watches = codec.remembered(values.items())
        try:
            saved = codec.decode(values.items())
        except (codec.TruncatedError, codec.StateError, ValueError, KeyError) as error:
            return cls(values, f"not whole: {error}", None, counts_to, watches)
        return cls(values, "as it should be" if saved or not values else "missing", saved, counts_to, watches)


def same(one: codec.Saved, other: codec.Saved) -> bool:
    """Whether both say the same of every tweet. The first may have read fewer watermarks: they change no count."""
    return not differences(one.state, other.state) and (
        one.totals == other.totals
        and one.state.seen == other.state.seen
        and one.state.next_offset <= other.state.next_offset
        and _watched(one.state) == _watched(other.state)
    )


def in_words(before: PartitionState, now: PartitionState) -> str:
    """In what they differ, when they do."""
    words = differences(before, now) or "panes as they should be, the rest not"
    if before.next_offset == now.next_offset:
        return words
    return f"{words}; it counts up to offset {before.next_offset}, not {now.next_offset}"


def differences(before: PartitionState, now: PartitionState) -> str:
    """Of panes, in words; empty when there are none."""
    was, are = ({pane.key: pane for pane in state.panes} for state in (before, now))
    counts = {
        "missing": len(are.keys() - was.keys()),
        "too many": len(was.keys() - are.keys()),
        "different": sum(not _same_pane(was[key], are[key]) for key in was.keys() & are.keys()),
    }
    return ", ".join(f"{count} pane{'s' * (count > 1)} {what}" for what, count in counts.items() if count)


def _same_pane(one: Pane, other: Pane) -> bool:
    """The order in which ids came does not matter."""
    known = [None if pane.ids is None else set(pane.ids) for pane in (one, other)]
    return known[0] == known[1] and replace(one, ids=None) == replace(other, ids=None)


def _watched(state: PartitionState) -> dict[str, dict[Address, bytes | None]]:
    return {brand: dict(watch.whole().changed_records()) for brand, watch in state.watches.items()}


def _digest(value: bytes) -> int:
    return int.from_bytes(blake2b(value, digest_size=8).digest())
