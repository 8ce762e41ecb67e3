"""When each tweet of a replay is due, and the event time it then bears. Pure: the clock is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SECOND_US = 1_000_000


@dataclass(frozen=True)
class AsFastAsPossible:
    """Every tweet is due at once; Kafka sets the speed."""

    def due_s(self, index: int, event_s: float) -> float:
        return 0.0


@dataclass(frozen=True)
class Rate:
    """The same number of tweets every second, whatever their times."""

    per_s: float

    def due_s(self, index: int, event_s: float) -> float:
        return index / self.per_s


@dataclass(frozen=True)
class Speedup:
    """The distances of event time, divided by a factor: 1 is as it happened."""

    factor: float

    def due_s(self, index: int, event_s: float) -> float:
        return event_s / self.factor


Pace = AsFastAsPossible | Rate | Speedup
"""``due_s(index, event_s)``: seconds after the start of the replay at which a tweet is due.

``index`` is its place in the replay from 0, ``event_s`` the seconds of event
time between the first tweet and it. What is due and late (after a stall of
Kafka) is published without a pause, so a replay keeps to its schedule.
"""

Stamp = Callable[[int, float], int]
"""``stamp(time_us, due_s)``: the event time to publish, for one of the file and the moment its tweet is due."""


def keep_times(time_us: int, _due_s: float) -> int:
    """The tweets were written when the file says."""
    return time_us


def end_now(latest_us: int, now_us: int) -> Stamp:
    """The distances of the file, moved so that its latest tweet is written now."""
    return lambda time_us, _due_s: time_us + now_us - latest_us


def happen_now(origin_us: int, start_us: int, factor: float) -> Stamp:
    """The first tweet is written when the replay starts, the others at their distances divided by ``factor``.

    So each is written when ``Speedup(factor)`` has it due, and one that is late in the file stays late.
    """
    return lambda time_us, _due_s: start_us + round((time_us - origin_us) / factor)


def when_due(start_us: int) -> Stamp:
    """A tweet is written at the moment it is due."""
    return lambda _time_us, due_s: start_us + round(due_s * SECOND_US)


def when_published(now_us: Callable[[], int]) -> Stamp:
    """A tweet is written at the moment it is published."""
    return lambda _time_us, _due_s: now_us()
