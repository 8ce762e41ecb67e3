"""What /metrics says about brands: right from the first scrape, bounded, and never going back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import PartitionState, Rules, apply, fold
from stream.aggregate.gauges import ReputationCollector
from stream.aggregate.store import Owned, rules_of
from stream.aggregate.totals import Totals
from stream.records import OTHER_BRAND, TYPE_HEADER, WATERMARK, LabeledTweet, Watermark
from tests.labelled import ZERO, history, labelled, watermark

RULES = replace(rules_of(Settings()), late_retention_s=600, duplicate_horizon_s=300)
TYPE = ((TYPE_HEADER, WATERMARK.encode()),)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Partition:
    """A partition as the store keeps it, without Kafka."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.state, self.totals = PartitionState(), Totals()
        self.topic: dict[bytes, bytes] = {}
        self._rules = rules
        self._offset = 0

    def take(self, records: Iterable[LabeledTweet | Watermark]) -> None:
        for record in records:
            headers = TYPE if isinstance(record, Watermark) else ()
            incoming = Incoming(TopicPartition("l", 0), self._offset, None, record.encode(), headers, self._offset)
            self._offset += 1
            changes = fold(self.state, [incoming], self._rules)
            change = self.totals.after(self.state, changes)
            for saved in codec.encode(changes, change, "panes", 0):
                if saved.value is None:
                    self.topic.pop(saved.key or b"", None)
                else:
                    self.topic[saved.key or b""] = saved.value
            apply(self.state, changes)
            self.totals.apply(change)

    def owned(self) -> Owned:
        return cast("Owned", SimpleNamespace(state=self.state, totals=self.totals))

    def taken_over(self) -> Owned:
        saved = codec.decode(self.topic.items())
        assert saved is not None
        return cast("Owned", SimpleNamespace(state=saved.state, totals=saved.totals))


def scrape(collector: ReputationCollector) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


def mentions(samples: Samples, brand: str) -> dict[str, float]:
    """By label, over all partitions."""
    found: dict[str, float] = {}
    for (name, labels), value in samples.items():
        if name == "barometer_brand_mentions_total" and ("brand", brand) in labels:
            label = dict(labels)["label"]
            found[label] = found.get(label, 0) + value
    return found


def value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, tuple(sorted(labels.items()))))


def collector_of(partitions: Mapping[int, Owned], most: int = 10) -> ReputationCollector:
    return ReputationCollector(lambda: partitions, most, RULES.detector)


def test_a_brand_is_there_with_every_label_from_its_first_mention() -> None:
    partition = Partition()
    partition.take([labelled("1", 5, 0, label=0)])
    samples = scrape(collector_of({0: partition.owned()}))
    assert mentions(samples, "Acme") == {"negative": 1, "neutral": 0, "positive": 0}
    assert mentions(samples, OTHER_BRAND) == {"negative": 0, "neutral": 0, "positive": 0}
    assert value(samples, "barometer_brand_volume_tweets", brand="Acme") == 0
    assert value(samples, "barometer_brand_negative_share_ratio", brand="Acme") is None, "a share of nothing"


def test_gauges_look_back_on_the_newest_closed_minutes_alone() -> None:
    partition = Partition(rules_of(Settings()))
    tweets = [labelled(str(n), n * 60 + 5, n, label=0 if n < 5 else 2) for n in range(20)]
    partition.take([*tweets, watermark(1_200)])
    partition.take([labelled("open", 1_230, 30)])
    samples = scrape(collector_of({0: partition.owned()}))
    at = ZERO.timestamp() + 1_200
    assert value(samples, "barometer_watermark_timestamp_seconds", partition="0") == at - 60
    assert value(samples, "barometer_brand_volume_tweets", brand="Acme") == 15
    assert value(samples, "barometer_brand_negative_share_ratio", brand="Acme") == 1 / 15
    assert value(samples, "barometer_brand_net_sentiment_ratio", brand="Acme") == 13 / 15


def test_whoever_takes_over_shows_the_same_and_whoever_lost_it_nothing() -> None:
    partition = Partition()
    partition.take(history(2_000, seed=1))
    assert any(any(total.retired) for total in partition.totals.brands.values()), "some panes are evicted"
    before = scrape(collector_of({3: partition.owned()}))
    assert scrape(collector_of({3: partition.taken_over()})) == before
    partitions = {3: partition.owned()}
    collector = collector_of(partitions)
    scrape(collector)
    partitions.clear()
    assert scrape(collector) == {}


def test_ten_thousand_brands_make_no_more_series_than_allowed() -> None:
    partition = Partition()
    partition.take([labelled(f"{n}-{m}", 5, 2 * n + m, brand=f"b{n}") for n in range(1_000) for m in range(1 + n % 2)])
    collector = collector_of({0: partition.owned()}, most=7)
    samples = scrape(collector)
    assert len(samples) == 3 * 8 + 7 + 3 * 7 + 2, "mentions of 7 and the rest, volumes, spikes, and of the partition"
    assert value(samples, "barometer_brands", partition="0") == 1_000
    assert value(samples, "barometer_brands_hidden", partition="0") == 993
    assert sum(mentions(samples, OTHER_BRAND).values()) == 1_500 - 14, "the most mentioned are shown"
    registry = CollectorRegistry()
    registry.register(collector)
    assert generate_latest(registry).count(b"\n") < 60


def test_brands_keep_their_series_until_others_are_far_ahead() -> None:
    partition = Partition()
    partition.take([labelled(f"a{n}", 5, n, brand="first") for n in range(3)])
    collector = collector_of({0: partition.owned()}, most=1)
    scrape(collector)
    partition.take([labelled(f"b{n}", 5, 10 + n, brand="second") for n in range(6)])
    assert mentions(scrape(collector), "second") == {}
    partition.take([labelled("b6", 5, 17, brand="second")])
    samples = scrape(collector)
    assert mentions(samples, "first") == {}
    assert mentions(samples, "second")["negative"] == 7


operations = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 8), st.booleans()), min_size=1, max_size=25)


@given(operations, st.integers(0, 3))
def test_no_counter_goes_back_while_it_is_shown_and_none_counts_what_another_does(
    batches: list[tuple[int, int, bool]], most: int
) -> None:
    """Increases of all series together never exceed what was counted: nothing is told twice."""
    partition = Partition()
    collector = collector_of({0: partition.owned()}, most)
    before: Samples = {}
    increases, offset = 0.0, 0
    for step, (brand, count, close) in enumerate(batches):
        name = OTHER_BRAND if brand == 5 else f"brand {brand}"
        partition.take([labelled(f"{step}-{n}", step * 120, offset + n, brand=name) for n in range(count)])
        offset += count
        if close:
            partition.take([watermark(step * 120 + 60)])
        now = {key: told for key, told in scrape(collector).items() if key[0] == "barometer_brand_mentions_total"}
        for key, told in now.items():
            if key in before:
                assert told >= before[key]
                increases += told - before[key]
            elif before and dict(key[1])["brand"] == OTHER_BRAND:
                increases += told
        before = now
    assert increases <= sum(partition.totals.counted)
