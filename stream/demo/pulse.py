"""Speed of the flow: tweets a second as they are seen, latency by Kafka's clock."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass

RATE_OVER_S = 5
"""The rate shown is the mean of this many whole seconds."""
LATENCY_OVER_S = 10
"""The latency shown is that of the tweets labelled in this time."""
_KEPT_S = 240
_MOST_SAMPLES = 20_000


@dataclass(frozen=True)
class Latency:
    """Seconds from a tweet's arrival in Kafka to its label's; None where nothing was labelled."""

    p50: float
    p95: float


class Pulse:
    """What happened in the last minutes. ``now`` is any steady clock, in seconds, given by the caller."""

    def __init__(self) -> None:
        self._per_second: dict[int, int] = {}
        self._first: int | None = None
        self._recent: deque[tuple[float, float]] = deque(maxlen=_MOST_SAMPLES)
        self._all = array("d")

    def settled(self, now: float) -> None:
        """One more tweet is labelled or dead."""
        second = int(now)
        if self._first is None:
            self._first = second
        self._per_second[second] = self._per_second.get(second, 0) + 1
        if len(self._per_second) > _KEPT_S:
            del self._per_second[min(self._per_second)]

    def took(self, latency_s: float, now: float) -> None:
        """One tweet was labelled this long after Kafka had it."""
        self._recent.append((now, latency_s))
        self._all.append(latency_s)

    def rate(self, now: float) -> float:
        """Tweets a second over the last whole seconds, not counting those before the first tweet."""
        if self._first is None:
            return 0.0
        second = int(now)
        start = max(second - RATE_OVER_S, self._first)
        if second <= start:  # within the first second: what there is
            return float(self._per_second.get(second, 0))
        return sum(self._per_second.get(each, 0) for each in range(start, second)) / (second - start)

    def rates(self, now: float, seconds: int) -> tuple[int, ...]:
        """Tweets in each of the last whole seconds, oldest first; nothing from before the first tweet."""
        if self._first is None:
            return ()
        start = max(int(now) - seconds, self._first)
        return tuple(self._per_second.get(each, 0) for each in range(start, int(now)))

    def latency(self, now: float) -> Latency | None:
        """Of the tweets labelled lately."""
        while self._recent and self._recent[0][0] < now - LATENCY_OVER_S:
            self._recent.popleft()
        return _percentiles([latency for _, latency in self._recent])

    def latency_of_all(self) -> Latency | None:
        """Of the whole run."""
        return _percentiles(self._all)


def _percentiles(samples: list[float] | array[float]) -> Latency | None:
    """Nearest-rank percentiles."""
    if not samples:
        return None
    ordered = sorted(samples)
    return Latency(ordered[(len(ordered) - 1) * 50 // 100], ordered[(len(ordered) - 1) * 95 // 100])
