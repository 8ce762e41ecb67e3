"""Event time as one labelled partition knows it: from in-band progress to a watermark. Pure.

The watermark is the minimum over the source partitions of their latest event
time, less the allowed lateness; idle partitions do not hold it back. It is
computed from records and their append times alone, so every reader of the
partition computes the same one.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

from stream.records import PANE_S, SourceProgress, Watermark

IDLE_WORD_MS = 3_000
"""How long, by the broker's append times, a word of idleness holds. It is renewed every second
by a live worker; when its worker freezes, the partition may have tweets that nobody reads."""


@dataclass(frozen=True)
class SourceView:
    """What was last heard of one source partition. Times are milliseconds since 1970."""

    next_offset: int
    latest_ms: int | None
    idle: bool
    heard_ms: int


@dataclass
class EventClock:
    """``watermark_ms``: no tweet older than this is expected; None before all sources were heard of."""

    topic_id: str | None = None
    partitions: int = 0
    sources: dict[int, SourceView] = field(default_factory=dict)
    watermark_ms: int | None = None

    def copy(self) -> EventClock:
        return replace(self, sources=dict(self.sources))

    def hear(
        self,
        word: Watermark,
        appended_ms: int,
        allowed_lateness_ms: int,
        grace_ms: int = 0,
        counted_ms: int | None = None,
    ) -> None:
        """Take in one watermark record; the watermark may move forward, never back.

        ``counted_ms``: event time of the newest tweet that this labelled partition has counted, or of its minute.
        """
        if word.source_topic_id != self.topic_id:  # first word, or the source topic was made anew
            self.topic_id = word.source_topic_id
            self.sources = {}
        self.partitions = word.source_partitions
        for partition, progress in word.progress.items():
            self.sources[partition] = _merge(self.sources.get(partition), progress, appended_ms)
        candidate = self._candidate(appended_ms, allowed_lateness_ms, grace_ms, counted_ms)
        if candidate is not None:
            self.move(candidate)

    def move(self, watermark_ms: int) -> None:
        """Move the watermark forward to ``watermark_ms``; never back."""
        if self.watermark_ms is None or watermark_ms > self.watermark_ms:
            self.watermark_ms = watermark_ms

    def passed(self, time_s: float) -> bool:
        """Whether the watermark is at or beyond ``time_s``, seconds since 1970."""
        return self.watermark_ms is not None and self.watermark_ms >= time_s * 1000

    def _candidate(self, now_ms: int, allowed_lateness_ms: int, grace_ms: int, counted_ms: int | None) -> int | None:
        if len(self.sources) < self.partitions:
            return None
        holding = [view for view in self.sources.values() if not view.idle or now_ms - view.heard_ms > IDLE_WORD_MS]
        if holding:
            latest = [view.latest_ms for view in holding]
            return None if None in latest else min(ms for ms in latest if ms is not None) - allowed_lateness_ms
        known = [ms for ms in (counted_ms, *(view.latest_ms for view in self.sources.values())) if ms is not None]
        return end_of_all(max(known), grace_ms) if known else None


def end_of_all(newest_ms: int, grace_ms: int) -> int:
    """The watermark once all is read: where the pane of the last event closes. Milliseconds since 1970."""
    return (newest_ms // (PANE_S * 1000) + 1) * PANE_S * 1000 + grace_ms


def _merge(before: SourceView | None, progress: SourceProgress, heard_ms: int) -> SourceView:
    latest = _milliseconds(progress.latest)
    if before is None:
        return SourceView(progress.next_offset, latest, progress.idle, heard_ms)
    if before.latest_ms is not None and (latest is None or latest < before.latest_ms):
        latest = before.latest_ms
    # One who is behind what we know (a woken worker, or a new one still catching up)
    # cannot know that the partition is idle.
    behind = progress.next_offset < before.next_offset
    return SourceView(max(progress.next_offset, before.next_offset), latest, progress.idle and not behind, heard_ms)


def _milliseconds(time: dt.datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1000)
