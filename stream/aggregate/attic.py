"""Settled panes of past hours: each hour of a brand compressed in one piece, a third of what they take apart.

Nobody asks for them but a late tweet, whoever looks at the whole state, and
retention, which takes them out minute by minute and need not read them.
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from stream.aggregate.pane import PaneKey
from stream.records import PANE_S

HOUR_S = 3_600
_MINUTES = HOUR_S // PANE_S
_LEVEL = 1
"""Of zlib, 4 µs a pane; its usual level makes 6% less of them, in twice the time. Author sketches do not shrink."""


class _Hour(NamedTuple):
    """``minutes``: a bit for each that has a pane. Some that are no longer there may still be in ``packed``."""

    minutes: int
    packed: bytes


@dataclass(eq=False)
class Attic:
    """Packed panes, as opaque bytes. What is put in replaces what was there of the same minutes."""

    _hours: dict[int, dict[str, _Hour]] = field(default_factory=dict)
    """By hour since 1970, then by brand."""

    def get(self, key: PaneKey) -> bytes | None:
        hour = self._hour(key)
        return None if hour is None or not hour.minutes & _bit(key) else _unpack(hour)[_minute(key)]

    def put(self, hour: int, brand: str, panes: Mapping[int, bytes]) -> None:
        """Panes of one hour, by start."""
        known = self._hours.setdefault(hour, {})
        minutes = {start % HOUR_S // PANE_S: packed for start, packed in panes.items()}
        known[brand] = _pack({**_unpack(known[brand]), **minutes} if brand in known else minutes)

    def drop(self, key: PaneKey) -> None:
        hour = self._hour(key)
        if hour is None:
            return
        brands = self._hours[key.start // HOUR_S]
        if left := hour.minutes & ~_bit(key):
            brands[key.brand] = hour._replace(minutes=left)
            return
        del brands[key.brand]
        if not brands:
            del self._hours[key.start // HOUR_S]

    def brands(self, start: int) -> list[str]:
        """Brands with a pane that starts then."""
        bit = 1 << start % HOUR_S // PANE_S
        return [brand for brand, hour in self._hours.get(start // HOUR_S, {}).items() if hour.minutes & bit]

    def starts(self) -> set[int]:
        """Minutes of which there may be any pane, in seconds since 1970."""
        return {start for hour in self._hours for start in range(hour * HOUR_S, (hour + 1) * HOUR_S, PANE_S)}

    def __contains__(self, key: PaneKey) -> bool:
        hour = self._hour(key)
        return hour is not None and bool(hour.minutes & _bit(key))

    def __iter__(self) -> Iterator[tuple[PaneKey, bytes]]:
        for number, brands in self._hours.items():
            for brand, hour in brands.items():
                for minute, packed in _unpack(hour).items():
                    yield PaneKey(number * HOUR_S + minute * PANE_S, brand), packed

    def _hour(self, key: PaneKey) -> _Hour | None:
        return self._hours.get(key.start // HOUR_S, {}).get(key.brand)


def _minute(key: PaneKey) -> int:
    return key.start % HOUR_S // PANE_S


def _bit(key: PaneKey) -> int:
    return 1 << _minute(key)


def _pack(panes: Mapping[int, bytes]) -> _Hour:
    """Panes by minute of the hour: how long each is, then all of them."""
    sizes = array("I", (len(panes.get(minute, b"")) for minute in range(_MINUTES)))
    packed = zlib.compress(sizes.tobytes() + b"".join(panes[minute] for minute in sorted(panes)), _LEVEL)
    return _Hour(sum(1 << minute for minute in panes), packed)


def _unpack(hour: _Hour) -> dict[int, bytes]:
    """The panes that are still there, by minute of the hour."""
    raw = zlib.decompress(hour.packed)
    sizes = array("I")
    at = _MINUTES * sizes.itemsize
    sizes.frombytes(raw[:at])
    found = {}
    for minute, size in enumerate(sizes):
        if hour.minutes >> minute & 1:
            found[minute] = raw[at : at + size]
        at += size
    return found
