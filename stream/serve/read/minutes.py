"""The windows of all brands: the newest revision of each, within a horizon of event time and a budget of memory.

The newest hours of a brand are single records, older ones are sealed. That is
not to be seen from outside: a late revision opens a sealed hour again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stream.records import PANE_S
from stream.serve.read.packed import HOUR_S, Packer, is_closed, seal, unseal

BRAND_BYTES = 1_500
"""What a brand takes beside its minutes: its name, its dictionaries, its entries in indices."""
OPEN_BYTES = 170
"""What an unsealed minute takes beside its content."""
SEALED_BYTES = 200
"""What a sealed hour takes beside its content."""
_OPEN_HOURS = 2
"""Of each brand, so many of its newest hours are not sealed."""


@dataclass(slots=True)
class BrandMinutes:
    """The packed minutes of one brand by hour and by start, in hours and seconds since 1970.

    ``version`` grows with every change.
    """

    partition: int
    open: dict[int, dict[int, bytes]] = field(default_factory=dict)
    sealed: dict[int, bytes] = field(default_factory=dict)
    version: int = 0

    def between(self, start: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Minutes that start at ``start`` or later and before ``end``, in order."""
        for hour in sorted(self.sealed.keys() | self.open.keys()):
            if hour * HOUR_S >= end or (hour + 1) * HOUR_S <= start:
                continue
            minutes = self.open[hour] if hour in self.open else dict(unseal(hour, self.sealed[hour]))
            yield from ((at, minutes[at]) for at in sorted(minutes) if start <= at < end)

    def snapshot(self) -> BrandMinutes:
        """A copy for another thread; what is packed never changes."""
        opened = {hour: dict(minutes) for hour, minutes in self.open.items()}
        return BrandMinutes(self.partition, opened, dict(self.sealed), self.version)


class EventTime:
    """Up to where windows are closed, by what the windows themselves say."""

    def __init__(self) -> None:
        self._closed_to: int | None = None
        self._open: dict[int, set[tuple[int, str]]] = {}
        self._queue: dict[int, list[tuple[int, str]]] = {}

    def note(self, partition: int, brand: str, start: int, *, closed: bool) -> None:
        """A window was seen."""
        key = (start, brand)
        if closed:
            self._open.get(partition, set()).discard(key)
            self._closed_to = max(self._closed_to or 0, start + PANE_S)
        elif key not in (is_open := self._open.setdefault(partition, set())):
            is_open.add(key)
            heapq.heappush(self._queue.setdefault(partition, []), key)

    def forget(self, partition: int, brand: str, start: int) -> None:
        """A window is gone."""
        self._open.get(partition, set()).discard((start, brand))

    def watermark(self, partition: int | None = None) -> int | None:
        """Event time up to which windows are closed, in seconds since 1970; None before the first one closes.

        A partition is behind the newest of all only where it has windows that are still open: one that has no
        tweets has nothing to wait for.
        """
        if partition is None or self._closed_to is None:
            return self._closed_to
        queue, is_open = self._queue.get(partition, []), self._open.get(partition, set())
        while queue and queue[0] not in is_open:
            heapq.heappop(queue)
        return min(self._closed_to, queue[0][0]) if queue else self._closed_to


class Minutes:
    """``horizon_s``: event time that is kept, back from the newest window. ``budget``: bytes; when they are used up,
    the oldest hours of all brands go first.
    """

    def __init__(self, horizon_s: int, budget: int) -> None:
        self.brands: dict[str, BrandMinutes] = {}
        self.packer = Packer()
        self.event_time = EventTime()
        self.size = 0
        self.count = 0
        self._horizon_h = -(-horizon_s // HOUR_S)
        self._budget = budget
        self._floor: int | None = None
        self._newest: int | None = None
        self._hours: dict[int, set[str]] = {}

    @property
    def since(self) -> int | None:
        """Windows that start before this time (seconds since 1970) are not kept; None before the first."""
        return None if self._floor is None else self._floor * HOUR_S

    def put(self, partition: int, brand: str, start: int, fields: Mapping[str, Any]) -> bytes | None:
        """Take the newest record of a window, and give it packed; None when it is from before what is kept.

        Raises KeyError, TypeError, ValueError or struct.error for what is no window.
        """
        packed, hour = self.packer.pack(fields), start // HOUR_S
        kept, closed = self._floor is None or hour >= self._floor, is_closed(packed)
        if kept or closed:
            self.event_time.note(partition, brand, start, closed=closed)
        if not kept:
            return None
        known = self.brands.get(brand)
        if known is None:
            known = self.brands[brand] = BrandMinutes(partition)
            self.size += BRAND_BYTES + 4 * len(brand)
        known.version += 1
        minutes = self._opened(brand, known, hour)
        before = minutes.get(start)
        minutes[start] = packed
        self.size += len(packed) + OPEN_BYTES if before is None else len(packed) - len(before)
        self.count += before is None
        self._seal(known)
        self._bound(hour)
        return packed if self._floor is None or hour >= self._floor else None

    def remove(self, partition: int, brand: str, start: int) -> None:
        """Forget a window that Kafka has removed."""
        self.event_time.forget(partition, brand, start)
        known, hour = self.brands.get(brand), start // HOUR_S
        if known is None or (hour not in known.open and hour not in known.sealed):
            return
        minutes = self._opened(brand, known, hour)
        packed = minutes.pop(start, None)
        if packed is not None:
            known.version += 1
            self.size -= len(packed) + OPEN_BYTES
            self.count -= 1
        if not minutes:
            self._drop(brand, hour)
        self._seal(known)

    def _opened(self, brand: str, known: BrandMinutes, hour: int) -> dict[int, bytes]:
        """The minutes of an hour, not sealed."""
        minutes = known.open.get(hour)
        if minutes is None:
            self._hours.setdefault(hour, set()).add(brand)
            sealed = known.sealed.pop(hour, None)
            minutes = known.open[hour] = {} if sealed is None else dict(unseal(hour, sealed))
            if sealed is not None:
                self.size += sum(map(len, minutes.values())) + OPEN_BYTES * len(minutes) - len(sealed) - SEALED_BYTES
        return minutes

    def _seal(self, known: BrandMinutes) -> None:
        while len(known.open) > _OPEN_HOURS:
            hour = min(known.open)
            minutes = known.open.pop(hour)
            sealed = known.sealed[hour] = seal(minutes)
            self.size += len(sealed) + SEALED_BYTES - sum(map(len, minutes.values())) - OPEN_BYTES * len(minutes)

    def _bound(self, hour: int) -> None:
        """Let go of what is beyond the horizon now that ``hour`` was seen, or over the budget."""
        if self._newest is None or hour > self._newest:
            self._newest = hour
            self._raise_floor(hour - self._horizon_h)
        while self.size > self._budget and len(self._hours) > 1:
            self._raise_floor(min(self._hours) + 1)

    def _raise_floor(self, floor: int) -> None:
        self._floor = max(floor, self._floor or floor)
        for hour in [hour for hour in self._hours if hour < self._floor]:
            for brand in list(self._hours[hour]):
                self._drop(brand, hour)

    def _drop(self, brand: str, hour: int) -> None:
        """Forget an hour of a brand, and the brand with its last one."""
        known = self.brands[brand]
        minutes, sealed = known.open.pop(hour, None), known.sealed.pop(hour, None)
        if sealed is not None:
            minutes = dict(unseal(hour, sealed))
            self.size -= len(sealed) + SEALED_BYTES
        elif minutes:
            self.size -= sum(map(len, minutes.values())) + OPEN_BYTES * len(minutes)
        for start in minutes or ():
            self.event_time.forget(known.partition, brand, start)
        self.count -= len(minutes or ())
        known.version += 1
        self._hours[hour].discard(brand)
        if not self._hours[hour]:
            del self._hours[hour]
        if not known.open and not known.sealed:
            del self.brands[brand]
            self.size -= BRAND_BYTES + 4 * len(brand)
