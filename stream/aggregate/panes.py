"""All panes of a partition, in little space.

A day of minutes is most of what a worker remembers, and hardly any of it is
ever looked at again. A pane that has closed is kept as a few hundred bytes, its
ids apart, and read when something asks for it: mostly a late tweet.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, KeysView
from dataclasses import dataclass, field
from typing import NamedTuple
from zlib import DEFLATED, compressobj, decompressobj

from stream.aggregate.counted import CountedTweets
from stream.aggregate.pane import Pane, PaneKey

_WINDOW_BITS = -15
"""Raw deflate: no header, no checksum."""
_LEVEL = 3
_COMMON = Pane(PaneKey(0, "")).pack()
"""What all packed panes have in common: the names. With it one takes half the space."""


class _WithIds(NamedTuple):
    """A closed pane of which ids are still remembered."""

    packed: bytes
    ids: CountedTweets


Kept = Pane | _WithIds | bytes


@dataclass
class Panes:
    """Panes by start and brand. What ``get`` returns may be a copy: change drafts, and ``put`` them."""

    _by_start: dict[int, dict[str, Kept]] = field(default_factory=dict)

    def get(self, key: PaneKey) -> Pane | None:
        kept = self._by_start.get(key.start, {}).get(key.brand)
        return None if kept is None else _opened(key, kept)

    def put(self, pane: Pane) -> None:
        if not pane.closed or pane.fresh:
            self._keep(pane.key, pane)
        elif pane.ids is None:
            self._keep(pane.key, _deflated(pane.pack()))
        else:
            self._keep(pane.key, _WithIds(_deflated(pane.pack()), pane.ids))

    def put_packed(self, key: PaneKey, packed: bytes) -> None:
        """A closed pane without ids as ``Pane.pack`` wrote it."""
        self._keep(key, _deflated(packed))

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
        return Pane.unpack(key, _inflated(kept))
    pane = Pane.unpack(key, _inflated(kept.packed))
    pane.ids = kept.ids
    return pane


def _deflated(packed: bytes) -> bytes:
    compressor = compressobj(_LEVEL, DEFLATED, _WINDOW_BITS, zdict=_COMMON)
    return compressor.compress(packed) + compressor.flush()


def _inflated(kept: bytes) -> bytes:
    return decompressobj(_WINDOW_BITS, zdict=_COMMON).decompress(kept)
