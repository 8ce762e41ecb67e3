"""``/metrics`` about brands: read from the state of the owned partitions when somebody asks.

Nothing is counted here, so whoever takes a partition over shows the same
numbers, and who has lost it shows none. A scrape reads while the fold goes on,
without a lock: totals of a brand and panes are replaced whole.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import nlargest

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from infra import metrics
from model.labels import LABELS
from stream.aggregate.pane import PaneKey
from stream.aggregate.store import Owned
from stream.aggregate.totals import NONE, BrandTotal, ByLabel, minus, plus
from stream.records import OTHER_BRAND, PANE_S

SPAN_S = 900
"""Event time that the gauges look back on, from the last minute that closed."""
CHALLENGE = 2.0
"""A brand gets the place of another only with that many times its mentions: series should not come and go."""


@dataclass(frozen=True)
class Standing:
    """The newest closed minutes of one brand: tweets by label."""

    counts: ByLabel

    @property
    def volume(self) -> int:
        return sum(self.counts)

    @property
    def negative_share(self) -> float:
        return self.counts[LABELS.index("negative")] / self.volume

    @property
    def net_sentiment(self) -> float:
        return (self.counts[LABELS.index("positive")] - self.counts[LABELS.index("negative")]) / self.volume


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


class ReputationCollector(Collector):
    """At most ``most`` brands, those mentioned most, have series of their own; the others count under ``_other``."""

    def __init__(self, owned: Callable[[], Mapping[int, Owned]], most: int) -> None:
        self._owned = owned
        self._most = most
        self._shown: dict[int, _Shown] = {}
        self._lock = threading.Lock()

    def describe(self) -> Iterable[Metric]:
        """The families, without asking the store."""
        return _Families().all()

    def collect(self) -> Iterator[Metric]:
        """What the owned partitions hold now."""
        with self._lock:
            owned = self._owned()
            totals = {partition: one.totals.brands.copy() for partition, one in owned.items()}
            self._choose(totals)
            families = _Families()
            for partition, one in owned.items():
                self._add(families, partition, one, totals[partition])
        yield from families.all()

    def _add(self, families: _Families, partition: int, owned: Owned, totals: Mapping[str, BrandTotal]) -> None:
        shown = self._shown[partition]
        for brand, mentions in shown.brands.items():
            families.mention(brand, partition, mentions)
            families.stand(brand, standing(owned, brand))
        rest = minus(owned.totals.counted, shown.told)
        if OTHER_BRAND in totals:
            families.stand(OTHER_BRAND, standing(owned, OTHER_BRAND))
        families.mention(OTHER_BRAND, partition, tuple(max(0, count) for count in rest))
        families.brands.add_metric([str(partition)], len(totals))
        families.hidden.add_metric([str(partition)], len(totals.keys() - shown.brands.keys() - {OTHER_BRAND}))
        if owned.state.clock.watermark_ms is not None:
            families.watermark.add_metric([str(partition)], owned.state.clock.watermark_ms / 1000)

    def _choose(self, totals: Mapping[int, Mapping[str, BrandTotal]]) -> None:
        """Which brands have series: those that had before, as long as they are not far behind the others."""
        self._shown = {partition: shown for partition, shown in self._shown.items() if partition in totals}
        new = [partition for partition in totals if partition not in self._shown]
        for partition in new:
            self._shown[partition] = _Shown()
        for partition, shown in self._shown.items():
            shown.follow(totals[partition])
        volumes = {
            (partition, brand): sum(total.live)
            for partition, brands in totals.items()
            for brand, total in brands.items()
            if brand != OTHER_BRAND
        }
        places = {(partition, brand) for partition, shown in self._shown.items() for brand in shown.brands}
        for place in nlargest(self._most, volumes, key=lambda place: (volumes[place], place)):
            if place in places:
                continue
            if len(places) >= self._most:
                weakest = min(places, key=lambda place: (volumes[place], place))
                if volumes[place] <= CHALLENGE * volumes[weakest]:
                    break
                places.discard(weakest)
                del self._shown[weakest[0]].brands[weakest[1]]
            places.add(place)
            self._shown[place[0]].brands[place[1]] = totals[place[0]][place[1]].mentions
        for partition in new:
            self._shown[partition].begin(totals[partition])


@contextmanager
def registered(collector: Collector) -> Iterator[None]:
    """The collector's metrics are served while this is entered."""
    REGISTRY.register(collector)
    try:
        yield
    finally:
        REGISTRY.unregister(collector)


def standing(owned: Owned, brand: str) -> Standing:
    """A brand in the last SPAN_S seconds of event time, as far as its minutes have closed."""
    watermark_ms = owned.state.clock.watermark_ms
    counts = NONE
    if watermark_ms is not None:
        last = watermark_ms // 1000 // PANE_S * PANE_S - PANE_S
        for start in range(last - SPAN_S + PANE_S, last + 1, PANE_S):
            pane = owned.state.pane(PaneKey(start, brand))
            if pane is not None and pane.closed:
                counts = plus(counts, pane.counts)
    return Standing(counts)


class _Families:
    """One scrape's worth of series."""

    def __init__(self) -> None:
        self.mentions = CounterMetricFamily(*metrics.BRAND_MENTIONS)
        self.volume = GaugeMetricFamily(*metrics.BRAND_VOLUME)
        self.share = GaugeMetricFamily(*metrics.BRAND_NEGATIVE_SHARE)
        self.net = GaugeMetricFamily(*metrics.BRAND_NET_SENTIMENT)
        self.brands = GaugeMetricFamily(*metrics.BRANDS)
        self.hidden = GaugeMetricFamily(*metrics.BRANDS_HIDDEN)
        self.watermark = GaugeMetricFamily(*metrics.WATERMARK)

    def all(self) -> list[Metric]:
        return [self.mentions, self.volume, self.share, self.net, self.brands, self.hidden, self.watermark]

    def mention(self, brand: str, partition: int, mentions: ByLabel) -> None:
        for label, count in zip(LABELS, mentions, strict=True):
            self.mentions.add_metric([brand, label, str(partition)], count)

    def stand(self, brand: str, found: Standing) -> None:
        """Shares of nothing are not shown."""
        self.volume.add_metric([brand], found.volume)
        if found.volume:
            self.share.add_metric([brand], found.negative_share)
            self.net.add_metric([brand], found.net_sentiment)
