"""All panes of a partition, in little space.

A day of minutes is most of what a worker remembers, and hardly any of it is
ever looked at again. A pane that has closed is kept as a few hundred bytes, its
ids apart, and read when something asks for it: mostly a late tweet.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Collection, Iterator, KeysView
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple

import orjson

from stream.aggregate.counted import CountedTweets
from stream.aggregate.pane import Pane, PaneKey
from stream.authors import Authors
from stream.records import WindowBaseline

_NUMBERS = Struct("=B3I3QQI3IIBH")
"""A mark, then counts, sums, confidence, uncertain, unsigned, late; how many cells, and how long the authors are."""
_MARK = 0
"""The first byte of a pane packed here; one that is as it was saved begins with a brace."""
_CELL_BYTES = 1 + array("I").itemsize


class _WithIds(NamedTuple):
    """A closed pane of which ids are still remembered."""

    packed: bytes
    ids: CountedTweets


Kept = Pane | _WithIds | bytes


@dataclass(eq=False)
class Panes:
    """Panes by start and brand. What ``get`` returns may be a copy: change drafts, and ``put`` them."""

    _by_start: dict[int, dict[str, Kept]] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Whether both have the same panes, in whatever form."""
        return isinstance(other, Panes) and {pane.key: pane for pane in self} == {pane.key: pane for pane in other}

    __hash__ = None  # type: ignore[assignment]  # it changes

    def get(self, key: PaneKey) -> Pane | None:
        kept = self._by_start.get(key.start, {}).get(key.brand)
        return None if kept is None else _opened(key, kept)

    def put(self, pane: Pane) -> None:
        if not pane.closed or pane.fresh:
            self._keep(pane.key, pane)
        elif pane.ids is None:
            self._keep(pane.key, _packed(pane))
        else:
            self._keep(pane.key, _WithIds(_packed(pane), pane.ids))

    def put_packed(self, key: PaneKey, packed: bytes) -> None:
        """A closed pane without ids as ``Pane.pack`` wrote it, kept so: reading a state is to be quick."""
        self._keep(key, packed)

    def drop(self, key: PaneKey) -> None:
        brands = self._by_start.get(key.start, {})
        brands.pop(key.brand, None)
        if not brands:
            self._by_start.pop(key.start, None)

    def starts(self) -> KeysView[int]:
        """Minutes of which there is any pane, in seconds since 1970."""
        return self._by_start.keys()

    def brands(self, start: int) -> Collection[str]:
        """Brands with a pane that starts then."""
        return self._by_start.get(start, {}).keys()

    def __iter__(self) -> Iterator[Pane]:
        for start, brands in self._by_start.items():
            for brand, kept in brands.items():
                yield _opened(PaneKey(start, brand), kept)

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
