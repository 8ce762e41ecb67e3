"""How fast a replay goes, over the last seconds, and how long it still takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW_S = 5.0
_TICK_S = 0.1


class Meter:
    """The speed of a count. ``monotonic`` gives seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._seen = deque([(monotonic(), 0)])

    def due(self) -> bool:
        """Whether it is time for another report."""
        return self._monotonic() - self._seen[-1][0] >= _TICK_S

    def rate(self, count: int) -> float:
        """Note the count; how much of it is added in a second."""
        now = self._monotonic()
        self._seen.append((now, count))
        while len(self._seen) > 2 and now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()
        since, before = self._seen[0]
        return (count - before) / (now - since) if now > since else 0.0
