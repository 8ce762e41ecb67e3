"""Tweets by label in the newest closed minutes of a partition: what a scrape asks for again and again.

Closed panes are kept packed. Those that close, or get a late tweet, while we
have the partition are noted here as they are saved; older ones, after a
take-over, are read once.
"""

from __future__ import annotations

import threading

from stream.aggregate.fold import Changes, PartitionState
from stream.aggregate.pane import PaneKey
from stream.aggregate.totals import NONE, ByLabel, plus
from stream.records import PANE_S


class Newest:
    """Of the minutes that end within ``span_s`` seconds of event time before the last one that closed, that included.

    ``note`` is called by whoever changes the state, after it has; ``counts`` from any thread.
    """

    def __init__(self, span_s: int) -> None:
        self._span_s = span_s
        self._noted: dict[PaneKey, ByLabel] = {}
        self._from = 0
        self._lock = threading.Lock()

    def note(self, changes: Changes) -> None:
        """Take note of panes that were changed."""
        if changes.clock.watermark_ms is None:
            return
        start = _last(changes.clock.watermark_ms) + PANE_S - self._span_s
        with self._lock:
            for key, pane in changes.panes.items():
                if pane.closed and key.start >= start:
                    self._noted[key] = tuple(pane.counts)
            for key in changes.evicted:
                self._noted.pop(key, None)
            if start > self._from:
                self._from = start
                for key in [key for key in self._noted if key.start < start]:
                    del self._noted[key]

    def counts(self, state: PartitionState, brand: str) -> ByLabel:
        """Of ``brand``, up to the watermark of ``state``."""
        watermark_ms = state.clock.watermark_ms
        if watermark_ms is None:
            return NONE
        last, total = _last(watermark_ms), NONE
        with self._lock:  # so that what was read here never stands over what was noted later
            for start in range(last + PANE_S - self._span_s, last + 1, PANE_S):
                key = PaneKey(start, brand)
                found = self._noted.get(key)
                if found is None and (pane := state.pane(key)) is not None and pane.closed:
                    found = self._noted[key] = tuple(pane.counts)
                if found is not None:
                    total = plus(total, found)
        return total


def _last(watermark_ms: int) -> int:
    """Start of the last minute that has ended."""
    return watermark_ms // 1000 // PANE_S * PANE_S - PANE_S
