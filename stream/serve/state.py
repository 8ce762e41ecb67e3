"""The read model and how fresh it is: what every route of the API asks. For one thread; the clock is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from infra.kafka.incoming import Incoming
from stream.serve import answers
from stream.serve.overview import time_of
from stream.serve.read.model import Bounds, Change, ReadModel
from stream.topics import Topics

RATE_S = 60.0
"""Throughput is told over so long."""


@dataclass
class _Rate:
    """Records a second over the last RATE_S seconds."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, now: float, total: int) -> None:
        if not self._seen or now - self._seen[-1][0] >= 1:
            self._seen.append((now, total))
        while self._seen and now - self._seen[0][0] > RATE_S:
            self._seen.popleft()

    def per_s(self, now: float, total: int) -> float:
        if not self._seen or now - self._seen[0][0] < 1:
            return 0.0
        return max(0, total - self._seen[0][1]) / (now - self._seen[0][0])


class State:
    """What was read, and whether it is current. ``stale_after_s``: so long without a record means that it is not."""

    def __init__(self, topics: Topics, bounds: Bounds, stale_after_s: float, clock: Callable[[], float]) -> None:
        self.read = ReadModel(topics, bounds)
        self.ready = False
        self._topics = topics
        self._bounds = bounds
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._kafka_up = False
        self._read_at: float | None = None
        self._rate = _Rate()

    def take(self, records: Sequence[Incoming]) -> list[Change]:
        """Apply what was read; what it changed."""
        now = self._clock()
        self._read_at, self._kafka_up = now, True
        changes = [change for change in map(self.read.apply, records) if change is not None]
        self._rate.note(now, self.read.labelled)
        return changes

    def caught_up(self) -> None:
        """All that was on the topics at the start has been read."""
        self.ready = True

    def kafka(self, *, up: bool) -> None:
        """Kafka answered, or did not."""
        self._kafka_up = up

    def start_again(self) -> None:
        """The topics were made anew: forget everything."""
        self.read = ReadModel(self._topics, self._bounds)
        self.ready = False
        self._read_at = None
        self._rate = _Rate()

    @property
    def labelled_per_s(self) -> float:
        return self._rate.per_s(self._clock(), self.read.labelled)

    def freshness(self) -> answers.Freshness:
        """How far what is shown can be trusted to be now."""
        lag = None if self._read_at is None else max(0.0, self._clock() - self._read_at)
        stale = lag is not None and lag > self._stale_after_s
        return answers.Freshness(
            state="catching-up" if not self.ready else "stale" if stale or not self._kafka_up else "live",
            watermark=time_of(self.read.minutes.event_time.watermark()),
            lag_s=None if lag is None else round(lag, 1),
            kafka="up" if self._kafka_up else "down",
        )
