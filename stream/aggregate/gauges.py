"""``/metrics`` about brands: read from the state of the owned partitions when somebody asks.

Nothing is counted here, so whoever takes a partition over shows the same
numbers, and who has lost it shows none. A scrape reads while the fold goes on,
without a lock: totals of a brand, panes and watches are replaced whole. What
the detector thinks of a brand is read once for each pane that closes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import nlargest
from typing import NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from infra import metrics
from stream.aggregate.event_clock import EventClock
from stream.aggregate.families import Families, Standing
from stream.aggregate.store import Owned
from stream.aggregate.totals import NONE, BrandTotal, ByLabel, minus, plus
from stream.records import OTHER_BRAND
from stream.spikes.detector import Detector
from stream.spikes.reading import Reading, read, silence_z
from stream.spikes.watch import BrandWatch

CHALLENGE = 2.0
"""A brand gets the place of another only with that many times its mentions: series should not come and go."""
LEARN_AT_ONCE = 10
"""Baselines that one scrape may learn, a few ms each: after a take-over those of the brands that have not spoken yet
come over several scrapes. All others were learnt by the detector."""


@dataclass
class _Shown:
    """The brands of one partition that have series of their own, with the mentions seen so far.

    ``told``: what these series have grown by, so that the rest never counts it too.
    """

    brands: dict[str, ByLabel] = field(default_factory=dict)
    told: ByLabel = NONE

    def follow(self, totals: Mapping[str, BrandTotal]) -> None:
        """Note what the shown brands have grown by; those that are gone are forgotten."""
        for brand in list(self.brands):
            if brand not in totals:
                del self.brands[brand]
                continue
            now = totals[brand].mentions
            self.told = plus(self.told, minus(now, self.brands[brand]))
            self.brands[brand] = now

    def begin(self, totals: Mapping[str, BrandTotal]) -> None:
        """The first choice of brands: all that they count is theirs."""
        self.told = NONE
        for brand in self.brands:
            self.told = plus(self.told, totals[brand].mentions)


class _Place(NamedTuple):
    """Where a brand is: it may be split over partitions."""

    partition: int
    brand: str


class ReputationCollector(Collector):
    """At most ``most`` brands have series of their own; the others count under ``_other``.

    Those with an open spike first, then those mentioned most.
    """

    def __init__(self, owned: Callable[[], Mapping[int, Owned]], most: int, detector: Detector) -> None:
        self._owned = owned
        self._most = most
        self._readings = _Readings(detector)
        self._shown: dict[int, _Shown] = {}
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """The families, without asking the store."""
        return Families().all()

    def collect(self) -> Iterator[Metric]:
        """What the owned partitions hold now."""
        with self._lock:
            owned = self._owned()
            totals = {partition: one.totals.brands.copy() for partition, one in owned.items()}
            self._choose(totals, {partition: one.state.alarmed.copy() for partition, one in owned.items()})
            self._readings.begin()
            families = Families()
            for partition, one in owned.items():
                self._add(families, partition, one, totals[partition])
            self._readings.end()
        yield from families.all()

    def _add(self, families: Families, partition: int, owned: Owned, totals: Mapping[str, BrandTotal]) -> None:
        shown, number = self._shown[partition], str(partition)
        for brand, mentions in shown.brands.items():
            families.mention(brand, number, mentions)
            self._stand(families, owned, _Place(partition, brand))
        rest = minus(owned.totals.counted, shown.told)
        if OTHER_BRAND in totals:
            self._stand(families, owned, _Place(partition, OTHER_BRAND))
        families.mention(OTHER_BRAND, number, tuple(max(0, count) for count in rest))
        families.add(metrics.BRANDS, [number], len(totals))
        families.add(metrics.BRANDS_HIDDEN, [number], len(totals.keys() - shown.brands.keys() - {OTHER_BRAND}))
        clock = owned.state.clock
        if clock.watermark_ms is not None:
            families.add(metrics.WATERMARK, [number], clock.watermark_ms / 1000)
            families.add(metrics.WATERMARK_DELAY, [number], _delay_s(clock, clock.watermark_ms))

    def _stand(self, families: Families, owned: Owned, place: _Place) -> None:
        families.stand(place.brand, Standing(owned.newest.counts(owned.state, place.brand)))
        watch = owned.state.watches.get(place.brand)
        families.watch(place.brand, watch)
        if watch is None or (reading := self._readings.of(place, watch)) is None:
            return
        families.reading(place.brand, reading)
        watermark_ms = owned.state.clock.watermark_ms
        if reading.volume is not None and watch.state.end is not None and watermark_ms is not None:
            quiet = silence_z(reading.volume, watch.state.end, watermark_ms // 1000, self._readings.rules)
            families.add(metrics.BRAND_SILENCE_Z, [place.brand], quiet)

    def _choose(self, totals: Mapping[int, Mapping[str, BrandTotal]], alarmed: Mapping[int, set[str]]) -> None:
        """Which brands have series: those that had before, as long as they are not far behind the others."""
        self._shown = {partition: shown for partition, shown in self._shown.items() if partition in totals}
        new = [partition for partition in totals if partition not in self._shown]
        for partition in new:
            self._shown[partition] = _Shown()
        for partition, shown in self._shown.items():
            shown.follow(totals[partition])
        volumes = {
            _Place(partition, brand): float("inf") if brand in alarmed[partition] else sum(total.live)
            for partition, brands in totals.items()
            for brand, total in brands.items()
            if brand != OTHER_BRAND
        }
        places = {_Place(partition, brand) for partition, shown in self._shown.items() for brand in shown.brands}
        for place in nlargest(self._most, volumes, key=lambda place: (volumes[place], place)):
            if place in places:
                continue
            if len(places) >= self._most:
                weakest = min(places, key=lambda place: (volumes[place], place))
                if volumes[place] <= CHALLENGE * volumes[weakest]:
                    break
                places.discard(weakest)
                del self._shown[weakest.partition].brands[weakest.brand]
            places.add(place)
            self._shown[place.partition].brands[place.brand] = totals[place.partition][place.brand].mentions
        for partition in new:
            self._shown[partition].begin(totals[partition])


class _Readings:
    """What the detector thinks of each brand, read again when a pane of it has closed: watches are never changed."""

    def __init__(self, detector: Detector) -> None:
        self.rules = detector.rules
        self._detector = detector
        self._read: dict[_Place, tuple[BrandWatch, Reading | None]] = {}
        self._asked: dict[_Place, tuple[BrandWatch, Reading | None]] = {}
        self._learnt = 0

    def begin(self) -> None:
        """Before a scrape."""
        self._asked, self._learnt = {}, 0

    def end(self) -> None:
        """After it: what was not asked for is forgotten."""
        self._read = self._asked

    def of(self, place: _Place, watch: BrandWatch) -> Reading | None:
        known = self._read.get(place)
        if known is None or known[0] is not watch:
            state = watch.state
            if not state.at_hand:
                if self._learnt >= LEARN_AT_ONCE:
                    return None
                self._learnt += 1
                state = state.draft()  # learning it leaves marks that the fold must not find half done
            known = watch, read(self._detector, state)
        self._asked[place] = known
        return known[1]


@contextmanager
def registered(collector: Collector) -> Iterator[None]:
    """The collector's metrics are served while this is entered."""
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


def _delay_s(clock: EventClock, watermark_ms: int) -> float:
    newest = max((view.latest_ms for view in clock.sources.values() if view.latest_ms is not None), default=0)
    return max(0, newest - watermark_ms) / 1000
