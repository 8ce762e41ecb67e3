"""How far each source partition has been labelled, and whether it is idle.

Pure; the clock is injected. Only this stage may call a partition idle: it
alone knows that it has read the partition to its end.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from stream.records import SourceProgress


@dataclass(frozen=True)
class Position:
    """Everything before ``next_offset`` is labelled or dead, ``latest`` the newest event time of it.

    ``ended``: the last record was the end of a replay, so the partition is idle
    at once, until another record comes.
    """

    next_offset: int
    latest: dt.datetime | None = None
    ended: bool = False


class SourceTracker:
    """Progress of the source partitions that this worker owns. ``monotonic`` gives seconds."""

    def __init__(self, idle_after_s: float, monotonic: Callable[[], float]) -> None:
        self._idle_after_s = idle_after_s
        self._monotonic = monotonic
        self._positions: dict[int, Position] = {}
        self._active_at: dict[int, float] = {}

    def own(self, offsets: Mapping[int, int]) -> None:
        """Follow exactly these partitions; those new here are taken over at the given offsets.

        One known here that stands further on has passed offsets that hold no record.
        """
        for partition in self._positions.keys() - offsets.keys():
            del self._positions[partition], self._active_at[partition]
        for partition in offsets.keys() - self._positions.keys():
            self._positions[partition] = Position(offsets[partition])
            self._active_at[partition] = self._monotonic()
        for partition, position in self._positions.items():
            if offsets[partition] > position.next_offset:
                self._positions[partition] = replace(position, next_offset=offsets[partition])

    def forget(self) -> None:
        """Own nothing any more."""
        self.own({})

    def advance(self, partition: int, to: Position) -> None:
        """Move one partition on, after its outputs are confirmed."""
        before = self._positions.get(partition)
        if before and before.latest and (to.latest is None or to.latest < before.latest):
            to = replace(to, latest=before.latest)
        self._positions[partition] = to
        self._active_at[partition] = self._monotonic()

    def snapshot(self) -> dict[int, Position]:
        """Where every partition is now."""
        return dict(self._positions)

    def report(self, snapshot: Mapping[int, Position], ends: Mapping[int, int]) -> dict[int, SourceProgress]:
        """Progress by partition.

        ``ends`` must have been asked for after ``snapshot`` was taken: a
        partition is idle only if nothing at all had arrived in it by a moment
        after the others' newest event times. Partitions without an end are not idle.
        """
        return {
            partition: SourceProgress(
                next_offset=position.next_offset,
                latest=position.latest,
                idle=self._idle(partition, position, ends.get(partition)),
            )
            for partition, position in snapshot.items()
            if partition in self._positions
        }

    def _idle(self, partition: int, position: Position, end: int | None) -> bool:
        now = self._monotonic()
        if end is None or end > position.next_offset:
            self._active_at[partition] = now
            return False
        return position.ended or now - self._active_at[partition] >= self._idle_after_s
