"""The series of one scrape, from what is known of brands and partitions."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from infra import metrics
from infra.catalogue import Family
from model.labels import LABELS
from stream.aggregate.totals import ByLabel
from stream.spikes.pane import Kind
from stream.spikes.reading import Reading
from stream.spikes.watch import BrandWatch

_GAUGES = (
    metrics.BRAND_VOLUME,
    metrics.BRAND_NEGATIVE_SHARE,
    metrics.BRAND_POSITIVE_SHARE,
    metrics.BRAND_NET_SENTIMENT,
    metrics.BRAND_NEGATIVE_BASELINE,
    metrics.BRAND_POSITIVE_BASELINE,
    metrics.BRAND_VOLUME_BASELINE,
    metrics.BRAND_NEGATIVE_Z,
    metrics.BRAND_NEGATIVE_Z_THRESHOLD,
    metrics.BRAND_POSITIVE_Z,
    metrics.BRAND_POSITIVE_Z_THRESHOLD,
    metrics.BRAND_VOLUME_Z,
    metrics.BRAND_SILENCE_Z,
    metrics.BRAND_SPIKE_ACTIVE,
    metrics.BRAND_LATEST,
    metrics.BRANDS,
    metrics.BRANDS_HIDDEN,
    metrics.WATERMARK,
    metrics.WATERMARK_DELAY,
)


class Families:
    """One scrape's worth of series."""

    def __init__(self) -> None:
        self._mentions = CounterMetricFamily(*metrics.BRAND_MENTIONS)
        self._gauges = {family.name: GaugeMetricFamily(*family) for family in _GAUGES}

    def all(self) -> list[Metric]:
        return [self._mentions, *self._gauges.values()]

    def add(self, family: Family, labels: list[str], value: float | None) -> None:
        """What is not known is not shown."""
        if value is not None:
            self._gauges[family.name].add_metric(labels, value)

    def mention(self, brand: str, partition: str, mentions: ByLabel) -> None:
        for label, count in zip(LABELS, mentions, strict=True):
            self._mentions.add_metric([brand, label, partition], count)

    def stand(self, brand: str, found: Standing) -> None:
        self.add(metrics.BRAND_VOLUME, [brand], found.volume)
        self.add(metrics.BRAND_NEGATIVE_SHARE, [brand], found.share("negative"))
        self.add(metrics.BRAND_POSITIVE_SHARE, [brand], found.share("positive"))
        self.add(metrics.BRAND_NET_SENTIMENT, [brand], found.net_sentiment)

    def watch(self, brand: str, watch: BrandWatch | None) -> None:
        opened = () if watch is None else watch.state.open
        for kind in Kind:
            self.add(metrics.BRAND_SPIKE_ACTIVE, [brand, kind.value], float(kind in opened))
        self.add(metrics.BRAND_LATEST, [brand], None if watch is None else watch.state.end)

    def reading(self, brand: str, reading: Reading) -> None:
        self.add(metrics.BRAND_NEGATIVE_BASELINE, [brand], reading.negative.usual)
        self.add(metrics.BRAND_NEGATIVE_Z, [brand], reading.negative.z)
        self.add(metrics.BRAND_NEGATIVE_Z_THRESHOLD, [brand], reading.negative.threshold)
        self.add(metrics.BRAND_POSITIVE_BASELINE, [brand], reading.positive.usual)
        self.add(metrics.BRAND_POSITIVE_Z, [brand], reading.positive.z)
        self.add(metrics.BRAND_POSITIVE_Z_THRESHOLD, [brand], reading.positive.threshold)
        self.add(metrics.BRAND_VOLUME_BASELINE, [brand], reading.usual_tweets)
        self.add(metrics.BRAND_VOLUME_Z, [brand], reading.volume_z)


@dataclass(frozen=True)
class Standing:
    """The newest closed minutes of one brand: tweets by label."""

    counts: ByLabel

    @property
    def volume(self) -> int:
        return sum(self.counts)

    def share(self, label: str) -> float | None:
        return self.counts[LABELS.index(label)] / self.volume if self.volume else None

    @property
    def net_sentiment(self) -> float | None:
        if not self.volume:
            return None
        return (self.counts[LABELS.index("positive")] - self.counts[LABELS.index("negative")]) / self.volume
