"""All panes of a partition, in little space.

A day of minutes is most of what a worker remembers, and hardly any of it is
ever looked at again. An open pane is kept as it is. One that has closed is
kept as a few hundred bytes, its ids apart, and read when something asks for it:
mostly a late tweet. Once its ids are forgotten too it is settled; settled panes
of past hours go to the attic, an hour of a brand in one piece.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple

import orjson

from stream.aggregate.attic import HOUR_S, Attic
from stream.aggregate.counted import CountedTweets
from stream.aggregate.pane import Pane, PaneKey
from stream.authors import Authors
from stream.records import PANE_S, WindowBaseline

_NUMBERS = Struct("=B3I3QQI3IIBH")
"""A mark, then counts, sums, confidence, uncertain, unsigned, late; how many cells, and how long the authors are."""
_MARK = 0
"""The first byte of a pane packed here; one that is as it was saved begins with a brace."""
_CELL_BYTES = 1 + array("I").itemsize
_STOWED_AT_ONCE = 8
"""Hours of a brand, 0.2 ms each: a whole day that was just recovered holds no batch up for long."""


class _WithIds(NamedTuple):
    """A closed pane of which ids are still remembered."""

    packed: bytes
    ids: CountedTweets


Kept = Pane | _WithIds | bytes
"""An open pane, a closed one, a settled one."""


@dataclass(eq=False)
class Panes:
    """Panes by start and brand. What ``get`` returns may be a copy: change drafts, and ``put`` them."""

    _by_start: dict[int, dict[str, Kept]] = field(default_factory=dict)
    """What is here is newer than what the attic has of the same pane."""
    _attic: Attic = field(default_factory=Attic)
    _to_stow: dict[int, set[str]] = field(default_factory=dict)
    """Brands with settled panes that are not in the attic yet, by hour since 1970."""

    def __eq__(self, other: object) -> bool:
        """Whether both have the same panes, in whatever form."""
        return isinstance(other, Panes) and {pane.key: pane for pane in self} == {pane.key: pane for pane in other}

    __hash__ = None  # type: ignore[assignment]  # it changes

    def get(self, key: PaneKey) -> Pane | None:
        kept = self._by_start.get(key.start, {}).get(key.brand) or self._attic.get(key)
        return None if kept is None else _opened(key, kept)

    def settled(self, key: PaneKey) -> bool:
        """Whether it has closed, and knows no ids: nothing but a late tweet or retention changes it."""
        kept = self._by_start.get(key.start, {}).get(key.brand)
        return key in self._attic if kept is None else isinstance(kept, bytes)

    def id_chunks(self, key: PaneKey) -> int:
        """How many records the ids of a pane are saved in."""
        kept = self._by_start.get(key.start, {}).get(key.brand)
        return 0 if kept is None or isinstance(kept, bytes) or kept.ids is None else kept.ids.chunks

    def put(self, pane: Pane) -> None:
        if not pane.closed or pane.fresh:
            self._keep(pane.key, pane)
        elif pane.ids is None:
            self.put_packed(pane.key, _packed(pane))
        else:
            self._keep(pane.key, _WithIds(_packed(pane), pane.ids))

    def put_packed(self, key: PaneKey, packed: bytes) -> None:
        """A settled pane, also as ``Pane.pack`` wrote it, and kept so: reading a state is to be quick."""
        self._keep(key, packed)
        self._to_stow.setdefault(key.start // HOUR_S, set()).add(key.brand)

    def stow(self) -> None:
        """Bring settled panes to the attic, of hours before the newest that has any; some at a time."""
        for _ in range(_STOWED_AT_ONCE):
            hour = min(self._to_stow, default=None)
            if hour is None or len(self._to_stow) == 1:
                return
            brand = self._to_stow[hour].pop()
            if not self._to_stow[hour]:
                del self._to_stow[hour]
            self._stow(hour, brand)

    def drop(self, key: PaneKey) -> None:
        self._attic.drop(key)
        self._let_go(key)

    def _stow(self, hour: int, brand: str) -> None:
        of_hour = range(hour * HOUR_S, (hour + 1) * HOUR_S, PANE_S)
        found = ((start, self._by_start.get(start, {}).get(brand)) for start in of_hour)
        panes = {start: kept for start, kept in found if isinstance(kept, bytes)}
        if panes:
            self._attic.put(hour, brand, panes)
        for start in panes:
            self._let_go(PaneKey(start, brand))

    def _let_go(self, key: PaneKey) -> None:
        brands = self._by_start.get(key.start, {})
        brands.pop(key.brand, None)
        if not brands:
            self._by_start.pop(key.start, None)

    def starts(self) -> set[int]:
        """Minutes of which there may be any pane, in seconds since 1970."""
        return self._attic.starts().union(self._by_start)

    def in_hand(self) -> Collection[int]:
        """Minutes with a pane that is not in the attic; every open one is among them."""
        return self._by_start.keys()

    def brands(self, start: int) -> Collection[str]:
        """Brands with a pane that starts then."""
        here = self._by_start.get(start, {})
        return [*here, *(brand for brand in self._attic.brands(start) if brand not in here)]

    def __iter__(self) -> Iterator[Pane]:
        for start, brands in self._by_start.items():
            for brand, kept in brands.items():
                yield _opened(PaneKey(start, brand), kept)
        for key, packed in self._attic:
            if key.brand not in self._by_start.get(key.start, {}):
                yield _opened(key, packed)

    def _keep(self, key: PaneKey, kept: Kept) -> None:
        # One string for each brand: every tweet brings its own.
        self._by_start.setdefault(key.start, {})[sys.intern(key.brand)] = kept


def _opened(key: PaneKey, kept: Kept) -> Pane:
    if isinstance(kept, Pane):
        return kept
    if isinstance(kept, bytes):
        return _unpacked(key, kept)
    pane = _unpacked(key, kept.packed)
    pane.ids = kept.ids
    return pane


def _packed(pane: Pane) -> bytes:
    """A closed pane without its ids, in half the space and the time that JSON takes."""
    authors = pane.authors.pack()
    numbers = _NUMBERS.pack(
        _MARK,
        *pane.counts,
        *pane.sums,
        pane.confidence,
        pane.uncertain,
        *pane.unsigned,
        pane.late,
        len(pane.cells),
        len(authors),
    )
    cells = bytes(pane.cells) + array("I", pane.cells.values()).tobytes()
    expected = pane.baseline and list(pane.baseline.model_dump().values())
    return b"".join((numbers, cells, authors, orjson.dumps((pane.models, expected))))


def _unpacked(key: PaneKey, packed: bytes) -> Pane:
    """The pane that was packed, with no ids in it."""
    if packed[0] != _MARK:
        return Pane.unpack(key, packed)
    _mark, *numbers, cells, size = _NUMBERS.unpack_from(packed)
    at = _NUMBERS.size
    in_cells = array("I", packed[at + cells : (at_authors := at + _CELL_BYTES * cells)])
    models, expected = orjson.loads(packed[at_authors + size :])
    return Pane(
        key,
        counts=numbers[:3],
        sums=numbers[3:6],
        confidence=numbers[6],
        uncertain=numbers[7],
        unsigned=numbers[8:11],
        cells=dict(zip(packed[at : at + cells], in_cells, strict=True)),
        authors=Authors.unpack(packed[at_authors : at_authors + size]),
        late=numbers[11],
        closed=True,
        models=models,
        baseline=expected and WindowBaseline(**dict(zip(WindowBaseline.model_fields, expected, strict=True))),
        sample=None,
        ids=None,
    )
