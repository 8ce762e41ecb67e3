"""Compact books over (partition, offset) pairs, which Kafka numbers without large gaps."""

from __future__ import annotations

from array import array

_CHUNK_BITS = 12
_CHUNK = 1 << _CHUNK_BITS
_MASK = _CHUNK - 1


class OffsetSet:
    """A set of (partition, offset), one byte for each in chunks of 4,096 (a Python set takes some 100)."""

    def __init__(self) -> None:
        self._chunks: dict[tuple[int, int], bytearray] = {}
        self._count = 0

    def add(self, partition: int, offset: int) -> bool:
        """Put it in; True if it was not there."""
        place = (partition, offset >> _CHUNK_BITS)
        chunk = self._chunks.get(place)
        if chunk is None:
            chunk = self._chunks[place] = bytearray(_CHUNK)
        if chunk[offset & _MASK]:
            return False
        chunk[offset & _MASK] = 1
        self._count += 1
        return True

    def __contains__(self, place: tuple[int, int]) -> bool:
        chunk = self._chunks.get((place[0], place[1] >> _CHUNK_BITS))
        return chunk is not None and chunk[place[1] & _MASK] == 1

    def __len__(self) -> int:
        return self._count


class OffsetTimes:
    """A time in milliseconds for each (partition, offset); 8 bytes each."""

    def __init__(self) -> None:
        self._chunks: dict[tuple[int, int], array[int]] = {}

    def put(self, partition: int, offset: int, time_ms: int) -> None:
        place = (partition, offset >> _CHUNK_BITS)
        chunk = self._chunks.get(place)
        if chunk is None:
            chunk = self._chunks[place] = array("q", bytes(8 * _CHUNK))
        chunk[offset & _MASK] = time_ms

    def get(self, partition: int, offset: int) -> int | None:
        """The time, or None where none was put (times are after 1970)."""
        chunk = self._chunks.get((partition, offset >> _CHUNK_BITS))
        return (chunk[offset & _MASK] or None) if chunk is not None else None
