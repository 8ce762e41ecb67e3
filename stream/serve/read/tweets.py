"""The latest tweets of every brand and label, bounded in all.

Latest by event time, so that it does not matter in which order partitions are
read. When there are too many in all, every ring is cut to the same length, the
longest that fits: a loud brand does not push a quiet one out.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from typing import Any, NamedTuple

from model.labels import LABELS

Place = tuple[int, str]
"""Event time in microseconds since 1970, and the id: unique for a brand, and what pages are cut by."""


class Shown(NamedTuple):
    """A tweet as it is shown. ``fields``: its JSON."""

    at_us: int
    id: str
    fields: dict[str, Any]

    @property
    def place(self) -> Place:
        return self.at_us, self.id


class Tweets:
    """``most``: in all; ``each``: of one brand and label."""

    def __init__(self, most: int, each: int) -> None:
        self.count = 0
        self._most = most
        self._each = each
        self._rings: dict[str, dict[str, list[Shown]]] = {}

    def put(self, brand: str, label: str, tweet: Shown) -> bool:
        """Take a tweet; False when it is not among the latest, or here already."""
        rings = self._rings.setdefault(brand, {})
        if any(_find(ring, tweet.place) is not None for ring in rings.values()):
            return False
        ring = rings.setdefault(label, [])
        insort(ring, tweet, key=_place)
        self.count += 1
        if len(ring) > self._each:
            del ring[0]
            self.count -= 1
        while self.count > self._most:
            self._shorten()
        return _find(self._rings.get(brand, {}).get(label, []), tweet.place) is not None

    def latest(self, brand: str, labels: Iterable[str] = LABELS, before: Place | None = None) -> Iterator[Shown]:
        """Tweets of a brand with one of ``labels``, newest first, from before a place."""
        rings = self._rings.get(brand, {})
        parts: list[Sequence[Shown]] = []
        for label in labels:
            ring = rings.get(label, [])
            end = len(ring) if before is None else bisect_left(ring, before, key=_place)
            parts.append(ring[:end][::-1])
        return merge(*parts, key=_place, reverse=True)

    def newest_us(self, brand: str) -> int | None:
        """Event time of a brand's latest tweet, microseconds since 1970."""
        return max((ring[-1].at_us for ring in self._rings.get(brand, {}).values() if ring), default=None)

    def _shorten(self) -> None:
        """One tweet less for every ring; where each has but one, the oldest goes."""
        if self._each > 1:
            self._each -= 1
            for rings in self._rings.values():
                for ring in rings.values():
                    if len(ring) > self._each:
                        del ring[0]
                        self.count -= 1
            return
        brand, label = min(
            ((brand, label) for brand, rings in self._rings.items() for label, ring in rings.items()),
            key=lambda key: _place(self._rings[key[0]][key[1]][0]),
        )
        del self._rings[brand][label]
        self.count -= 1
        if not self._rings[brand]:
            del self._rings[brand]


def _place(tweet: Shown) -> Place:
    return tweet.at_us, tweet.id


def _find(ring: Sequence[Shown], place: Place) -> int | None:
    at = bisect_left(ring, place, key=_place)
    return at if at < len(ring) and _place(ring[at]) == place else None
