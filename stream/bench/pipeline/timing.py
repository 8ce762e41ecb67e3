"""Figures from the times at which Kafka appended records, in milliseconds since 1970. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

PERCENTILES = (50, 95, 99)
SKIPPED, COUNTED = 0.2, 0.95
"""A backlog's rate is taken between these parts of it: before and after, a worker starts or runs dry."""


Place = tuple[int, int]
"""Partition and offset."""
Pane = tuple[str, str]
"""Brand and minute."""


class Counted(NamedTuple):
    """A version of a window: how many tweets it counts, when it was appended."""

    pane: Pane
    tweets: int
    appended_ms: int


class Labelled(NamedTuple):
    """A labelled tweet: where in ``tweets`` it came from, when it was appended."""

    pane: Pane
    origin: Place
    appended_ms: int


def steady(appended_ms: Sequence[int]) -> tuple[int, int, int]:
    """Of the middle of a backlog: when it began, when it ended, and how many records were appended in between."""
    times = sorted(appended_ms)
    first, last = int(len(times) * SKIPPED), int(len(times) * COUNTED) - 1
    if last <= first:
        raise ValueError(f"{len(times)} records are too few to take a rate of")
    return times[first], times[last], last - first


def rate(appended_ms: Sequence[int]) -> float:
    """Records a second in the middle of a backlog."""
    began, ended, count = steady(appended_ms)
    return 1_000 * count / max(1, ended - began)


def to_label(published: Mapping[Place, int], labelled: Sequence[Labelled], since_ms: float = 0) -> list[float]:
    """Seconds from the append of each tweet to that of its label, of tweets appended since ``since_ms``.

    ``published``: when each was appended.
    """
    times = ((published[label.origin], label.appended_ms) for label in labelled)
    return [(labelled_ms - at_ms) / 1_000 for at_ms, labelled_ms in times if at_ms >= since_ms]


def to_window(
    published: Mapping[Place, int], labelled: Sequence[Labelled], windows: Sequence[Counted], since_ms: float = 0
) -> list[float]:
    """Seconds from the append of each tweet to that of the first window that counts it; as ``to_label``.

    ``labelled`` in the order of their partitions: the n-th tweet of a pane is in every version that counts n.
    """
    versions: dict[Pane, deque[Counted]] = defaultdict(deque)
    for window in sorted(windows, key=lambda window: window.tweets):
        versions[window.pane].append(window)
    seconds, numbers = [], Counter[Pane]()
    for label in labelled:
        numbers[label.pane] += 1
        of_pane = versions[label.pane]
        while of_pane and of_pane[0].tweets < numbers[label.pane]:
            of_pane.popleft()
        at_ms = published[label.origin]
        if of_pane and at_ms >= since_ms:
            seconds.append((of_pane[0].appended_ms - at_ms) / 1_000)
    return seconds


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """``p50``, ``p95`` and ``p99``, to a millisecond."""
    return {f"p{part}": round(float(np.percentile(seconds, part)), 3) for part in PERCENTILES}


class Usage(NamedTuple):
    """What a process had used at a moment: CPU seconds of all its threads, and its largest resident set in MB."""

    at_ms: int
    cpu_s: float
    peak_mb: float


def cpu_between(usage: Sequence[Usage], began_ms: int, ended_ms: int) -> float:
    """CPU seconds between two moments, by linear interpolation."""
    at = [one.at_ms for one in usage]
    used = np.interp([began_ms, ended_ms], at, [one.cpu_s for one in usage])
    return float(used[1] - used[0])
