"""Is this process alive, and is it ready? The answers to two different questions.

*Live* fails when there is work and none of it gets done: then a restart may
help. That Kafka is away is no such case. *Ready* fails until everything that a
stage needs is in place: then waiting helps.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from infra.kafka.ledger import TopicPartition

Check = Callable[[], str | None]
"""Why this is not well, in a few words; None when it is."""
LOOK_EVERY_S = 2.0


@dataclass(frozen=True)
class Health:
    """What is asked, by name."""

    live: Mapping[str, Check]
    ready: Mapping[str, Check]


@dataclass(frozen=True)
class Standing:
    """Where a worker stands. Offsets by partition.

    ``positions`` are the next offsets to work on, ``ends`` those that the next
    records will get, ``waiting`` the partitions that are assigned but not yet
    taken over.
    """

    positions: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    waiting: AbstractSet[TopicPartition] = frozenset()


@dataclass
class Stalls:
    """By topic, since when there has been work and none of it done. Pure: times are given, in seconds."""

    limit_s: float
    _known: dict[TopicPartition, int] = field(default_factory=dict)
    _moved_at: dict[str, float] = field(default_factory=dict)
    _behind: dict[str, int] = field(default_factory=dict)
    _seen_at: float = 0.0

    def look(self, now: float, standing: Standing) -> None:
        """Compare with the last look. A rebalance alone is not progress."""
        self._seen_at = now
        topics = {tp.topic for tp in standing.positions.keys() | standing.waiting}
        for topic in topics:
            positions = {tp: offset for tp, offset in standing.positions.items() if tp.topic == topic}
            behind = sum(max(0, standing.ends.get(tp, offset) - offset) for tp, offset in positions.items())
            waiting = any(tp.topic == topic for tp in standing.waiting)
            moved = any(self._known.get(tp) != offset for tp, offset in positions.items())
            if moved or (not behind and not waiting):
                self._moved_at[topic] = now
            self._behind[topic] = behind
            self._moved_at.setdefault(topic, now)
            self._known |= positions
        for topic in self._moved_at.keys() - topics:
            del self._moved_at[topic]

    def pause(self, now: float) -> None:
        """Nothing could be seen (Kafka is away): this time does not count."""
        self._moved_at = dict.fromkeys(self._moved_at, now)
        self._seen_at = now

    def stalled(self) -> str | None:
        """What stood still for longer than the limit at the last look; None when nothing did."""
        for topic, moved_at in sorted(self._moved_at.items()):
            still = self._seen_at - moved_at
            if still > self.limit_s:
                return f"{topic}: {self._behind.get(topic, 0)} records behind, and none worked on for {still:.0f} s"
        return None


class Watch:
    """Looks at the worker every few seconds, from a thread of its own: it can tell when the event loop is stuck.

    ``look`` gives the standing and None while Kafka is away; it may block.
    """

    def __init__(
        self, look: Callable[[], Standing | None], limit_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._stalls = Stalls(limit_s)
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def check(self) -> str | None:
        """For ``Health.live``."""
        with self._lock:
            return self._stalls.stalled()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            standing = self._look()
            with self._lock:
                if standing is None:
                    self._stalls.pause(self._clock())
                else:
                    self._stalls.look(self._clock(), standing)
