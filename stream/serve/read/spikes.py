"""The newest record of each spike, the latest so many."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

from stream.records import Spike


class Spikes:
    """At most ``most`` spikes; those that opened longest ago go first, open or not."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._by_id: dict[str, Spike] = {}
        self._order: list[tuple[float, str]] = []
        self._by_brand: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def put(self, spike: Spike) -> bool:
        """Take the newest record of a spike; False when it is too old to be kept."""
        known = self._by_id.get(spike.id)
        if known is not None and known.opened_at != spike.opened_at:
            self._drop(spike.id)
            known = None
        self._by_id[spike.id] = spike
        if known is None:
            insort(self._order, (spike.opened_at.timestamp(), spike.id))
            self._by_brand.setdefault(spike.brand, set()).add(spike.id)
        while len(self._by_id) > self._most:
            self._drop(self._order[0][1])
        return spike.id in self._by_id

    def remove(self, spike_id: str) -> None:
        """Forget a spike that Kafka has removed."""
        if spike_id in self._by_id:
            self._drop(spike_id)

    def get(self, spike_id: str) -> Spike | None:
        return self._by_id.get(spike_id)

    def newest(self, brand: str | None = None) -> Iterator[Spike]:
        """Spikes, those that opened last first."""
        if brand is None:
            yield from (self._by_id[spike_id] for _at, spike_id in reversed(self._order))
        else:
            found = [self._by_id[spike_id] for spike_id in self._by_brand.get(brand, ())]
            yield from sorted(found, key=lambda spike: (spike.opened_at, spike.id), reverse=True)

    def _drop(self, spike_id: str) -> None:
        spike = self._by_id.pop(spike_id)
        self._order.remove((spike.opened_at.timestamp(), spike_id))
        self._by_brand[spike.brand].discard(spike_id)
        if not self._by_brand[spike.brand]:
            del self._by_brand[spike.brand]
