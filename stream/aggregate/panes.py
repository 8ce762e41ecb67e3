"""All panes of a partition, in little space.

A day of minutes is most of what a worker remembers, and hardly any of it is
ever looked at again. A pane that has closed and of which no ids are remembered
is kept as a few hundred bytes, and read when a late tweet asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, KeysView
from dataclasses import dataclass, field

from stream.aggregate.pane import Pane, PaneKey


@dataclass
class Panes:
    """Panes by start and brand. What ``get`` returns may be a copy: change drafts, and ``put`` them."""

    _by_start: dict[int, dict[str, Pane | bytes]] = field(default_factory=dict)

    def get(self, key: PaneKey) -> Pane | None:
        kept = self._by_start.get(key.start, {}).get(key.brand)
        return Pane.unpack(key, kept) if isinstance(kept, bytes) else kept

    def put(self, pane: Pane) -> None:
        # Copied: what orjson returns keeps the 4 KB that it was written into.
        kept = bytes(bytearray(pane.pack())) if pane.settled else pane
        self._by_start.setdefault(pane.key.start, {})[pane.key.brand] = kept

    def put_packed(self, key: PaneKey, packed: bytes) -> None:
        """A settled pane as ``Pane.pack`` wrote it."""
        self._by_start.setdefault(key.start, {})[key.brand] = packed

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
                yield Pane.unpack(PaneKey(start, brand), kept) if isinstance(kept, bytes) else kept
