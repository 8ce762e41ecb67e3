"""Which tweets a pane has counted: hashes of their ids, and while it is open, who said what.

The ids of some hours are most of what a worker remembers. While a pane is open
they are a dict; once it has closed, 8 bytes each: numbers in an array, sorted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

CHUNK_IDS = 4_096
"""Counted tweets in one state record (65 KB as base64): a busy pane rewrites only its last chunk."""
NO_VOICE = (1 << 32) - 1
"""Stands for a tweet that names no author, or of which it is no longer known."""

Counted = tuple[int, int]
"""What is saved of one counted tweet: the hash of its id, and its voice. Plain, as there are many."""

_FORGOTTEN: dict[int, int] = {}


class CountedTweets:
    """The counted tweets of a pane, in chunks; all but the last are full, and never change.

    Either ``_voices`` has the voice of each by its hash, in order of arrival, or
    ``_packed`` the hashes alone: those of full chunks, sorted, then the others, sorted.
    """

    __slots__ = ("_packed", "_voices")

    def __init__(self, counted: Iterable[Counted] = ()) -> None:
        self._voices = dict(counted)
        self._packed: array[int] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both remember the same, in as much detail."""
        return isinstance(other, CountedTweets) and self._voices == other._voices and self._packed == other._packed

    __hash__ = None  # type: ignore[assignment]  # it grows

    def __len__(self) -> int:
        return len(self._voices) if self._packed is None else len(self._packed)

    def __contains__(self, hashed: int) -> bool:
        if self._packed is None:
            return hashed in self._voices
        full = self._full * CHUNK_IDS
        return _within(self._packed, hashed, 0, full) or _within(self._packed, hashed, full, len(self._packed))

    def __iter__(self) -> Iterator[int]:
        return iter(self._voices if self._packed is None else self._packed)

    @property
    def chunks(self) -> int:
        return -(-len(self) // CHUNK_IDS)

    def voices(self) -> Iterable[int]:
        """Of all, while they are known: until ``pack``."""
        return self._voices.values()

    def all(self) -> Iterator[Counted]:
        """Every one."""
        return iter(self._voices.items() if self._packed is None else ((hashed, NO_VOICE) for hashed in self._packed))

    def chunks_with(self, fresh: Mapping[int, int]) -> dict[int, list[Counted]]:
        """The chunks that adding ``fresh``, voices by hash, would change, by number."""
        if not fresh:
            return {}
        grown = [*self._tail(), *fresh.items()]
        return {
            self._full + number: grown[start : start + CHUNK_IDS]
            for number, start in enumerate(range(0, len(grown), CHUNK_IDS))
        }

    def add(self, fresh: Mapping[int, int]) -> None:
        """Count what is not among them yet."""
        if self._packed is None:
            self._voices.update(fresh)
        elif fresh:
            grown = [hashed for hashed, _voice in self._tail()] + list(fresh)
            self._packed = _sorted_apart(self._packed[: self._full * CHUNK_IDS], grown)

    def pack(self) -> None:
        """Remember in little space which tweets they are, and no longer who said what."""
        if self._packed is None:
            self._packed = _sorted_apart(array("Q"), list(self._voices))
            self._voices = _FORGOTTEN

    @property
    def _full(self) -> int:
        return len(self) // CHUNK_IDS

    def _tail(self) -> list[Counted]:
        """The last chunk, unless it is full."""
        size = len(self) % CHUNK_IDS
        if self._packed is None:
            return list(islice(reversed(self._voices.items()), size))[::-1]
        return [(hashed, NO_VOICE) for hashed in self._packed[len(self) - size :]]


def _sorted_apart(full: array[int], grown: list[int]) -> array[int]:
    """All of ``full`` and of ``grown``, which comes after it: what fills chunks sorted, then the rest."""
    filling = len(grown) // CHUNK_IDS * CHUNK_IDS
    if filling:
        full = array("Q", sorted([*full, *grown[:filling]]))
    return full + array("Q", sorted(grown[filling:]))


def _within(numbers: array[int], number: int, begin: int, end: int) -> bool:
    """Whether ``number`` is in the sorted ``numbers[begin:end]``."""
    at = bisect_left(numbers, number, begin, end)
    return at < end and numbers[at] == number
