"""How many tweets are labelled at once: as many as the model takes about a second for."""

from __future__ import annotations

FIRST = 64
"""The first batch: nothing is known of the model's speed yet, and the first label should come soon."""
LEAST = 8
ABOUT_S = 1.0
"""Longer batches hold up a rebalance and a stop, and are done again after a crash; shorter ones are packed worse, and
the cores wait at the end of each: of 256, 512 and 1,024 tweets at once, the longer the faster, by an eighth in all."""


class BatchSize:
    """Learns from each batch. It never more than doubles: a few quick tweets say little of many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ended = 0.0
        self._now = min(FIRST, most)

    def __call__(self) -> int:
        """Tweets in the next batch, at most."""
        return self._now

    def took(self, tweets: int, started: float, ended: float) -> None:
        """Learn of a batch of so many tweets; times in seconds. While the one before it lasted, it waited for that."""
        fitting = tweets * ABOUT_S / max(ended - max(started, self._ended), 1e-9)
        self._ended = ended
        self._now = round(min(self._most, 2 * self._now, max(LEAST, fitting)))
