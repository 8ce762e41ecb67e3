"""What /metrics says about brands: right from the first scrape, bounded, and never going back."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest

from infra import metrics
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import PartitionState, Rules, apply, fold
from stream.aggregate.gauges import LEARN_AT_ONCE, ReputationCollector
from stream.aggregate.newest import Newest
from stream.aggregate.store import SPAN_S, Owned, rules_of
from stream.aggregate.totals import Totals
from stream.records import OTHER_BRAND, TYPE_HEADER, WATERMARK, LabeledTweet, Watermark
from stream.spikes.reading import silence_z
from tests.crowd import NOW, crowd, watch
from tests.labelled import ZERO, history, labelled, watermark

RULES = replace(rules_of(Settings()), late_retention_s=600, duplicate_horizon_s=300)
TYPE = ((TYPE_HEADER, WATERMARK.encode()),)
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Partition:
    """A partition as the store keeps it, without Kafka."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.state, self.totals, self.newest = PartitionState(), Totals(), Newest(SPAN_S)
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
            self.newest.note(changes)

    def owned(self) -> Owned:
        return cast("Owned", SimpleNamespace(state=self.state, totals=self.totals, newest=self.newest))

    def taken_over(self) -> Owned:
        saved = codec.decode(self.topic.items())
        assert saved is not None
        return cast("Owned", SimpleNamespace(state=saved.state, totals=saved.totals, newest=Newest(SPAN_S)))


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
    assert generate_latest(registry).count(b"\n") < 100


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


def test_what_is_told_of_a_brand_is_what_the_detector_decided_by() -> None:
    """A quiet day, then nothing but complaints: a spike is told of from the pane on whose z reaches the threshold."""
    partition = Partition(rules_of(Settings()))
    numbers = itertools.count()
    choose = random.Random(5)
    collector = collector_of({0: partition.owned()})

    def minute(start: int, negative: float) -> Samples:
        tweets = [
            labelled(str(n), start + at, n, label=0 if choose.random() < negative else 2)
            for n, at in zip(numbers, range(0, 60, 15), strict=False)
        ]
        partition.take([*tweets, watermark(start + 120)])
        return scrape(collector)

    for hour in range(26):
        first = minute(hour * 3_600, 0.25)
        for at in range(hour * 3_600 + 60, hour * 3_600 + 3_600, 60):
            quiet = minute(at, 0.25)
        assert value(quiet, "barometer_brand_spike_active", brand="Acme", kind="negative") == 0
        if hour == 0:
            assert value(first, "barometer_brand_negative_baseline_ratio", brand="Acme") is None, "not learnt yet"
    z, threshold = "barometer_brand_negative_z", "barometer_brand_negative_z_threshold"
    assert told(quiet, z) < told(quiet, threshold)
    assert 0.15 < told(quiet, "barometer_brand_negative_baseline_ratio") < 0.35
    assert 50 < told(quiet, "barometer_brand_volume_baseline_tweets") < 70
    assert told(quiet, "barometer_brand_latest_timestamp_seconds") == ZERO.timestamp() + 26 * 3_600
    for at in range(26 * 3_600, 27 * 3_600, 60):
        samples = minute(at, 1.0)
        if value(samples, "barometer_brand_spike_active", brand="Acme", kind="negative"):
            break
        before = samples
    assert told(before, z) < told(before, threshold)
    assert told(samples, z) >= told(samples, threshold)
    (spike,) = partition.state.watches["Acme"].state.open.values()
    assert told(samples, z) == pytest.approx(spike.peak_z, abs=0.001)
    assert value(samples, "barometer_brand_spike_active", brand="Acme", kind="positive") == 0


def test_silence_grows_while_others_are_talked_about_and_ends_as_the_new_normal() -> None:
    volume = watch("b").state.draft().baseline(RULES.spikes)
    assert volume is not None
    assert volume.volume is not None
    rules = RULES.spikes
    silence = [silence_z(volume.volume, NOW, NOW + minutes * 60, rules) for minutes in (0, 4, 10, 30, 1_439, 1_440)]
    assert silence[:2] == [0, 0], "16 tweets were to be expected: too few to tell"
    assert silence[2] < -rules.volume_z
    assert silence[2] > silence[3] > silence[4]
    assert silence[5] == 0


def test_a_brand_with_an_open_spike_has_series_however_few_mention_it() -> None:
    owned = crowd(50, 1, lively=0)
    owned[0].state.alarmed.add("b0")
    samples = scrape(collector_of(owned, most=5))
    shown = {dict(labels)["brand"] for name, labels in samples if name == "barometer_brand_spike_active"}
    assert shown == {"b0", "b46", "b47", "b48", "b49"}


def test_baselines_that_nobody_has_learnt_yet_come_over_several_scrapes() -> None:
    owned = crowd(25, 2, lively=25)
    collector = collector_of(owned, most=100)
    scrapes = [scrape(collector) for _ in range(4)]
    known = [sum(name == "barometer_brand_negative_z" for name, _labels in samples) for samples in scrapes]
    assert known == [10, 20, 25, 25]
    assert not owned[0].state.watches["b0"].state.at_hand, "the fold's own state is left as it was"


def test_three_workers_with_ten_thousand_brands_stay_under_twenty_thousand_series() -> None:
    """What the real worker serves, with all there is to tell of every shown brand."""
    owned = crowd(10_000, 4, lively=Settings().metrics_brands)
    collector = collector_of(owned, most=Settings().metrics_brands)
    registry = CollectorRegistry()
    registry.register(collector)
    for _ in range(Settings().metrics_brands // LEARN_AT_ONCE + 1):
        text = generate_latest(registry)
    brands = len([line for line in text.decode().splitlines() if not line.startswith("#")])
    assert brands >= 19 * Settings().metrics_brands, "every gauge of every shown brand"
    for section in (metrics.DELIVERY, metrics.FLOW, metrics.MODEL, metrics.REPUTATION):
        section.begin()
    others = len(generate_latest(REGISTRY).splitlines())
    partitions = 3 * 2 * Settings().partitions
    recorded = 3 * 3 * (Settings().metrics_brands + 1) + 100
    assert 3 * (brands + others) + partitions + recorded < 20_000


def test_a_scrape_with_ten_thousand_brands_takes_less_than_a_tenth_of_a_second() -> None:
    collector = collector_of(crowd(10_000, 4, lively=100), most=100)
    registry = CollectorRegistry()
    registry.register(collector)
    took = []
    for _ in range(14):
        started = time.thread_time()
        generate_latest(registry)
        took.append(time.thread_time() - started)
    assert min(took[-4:]) < 0.1, took


def told(samples: Samples, name: str) -> float:
    found = value(samples, name, brand="Acme")
    assert found is not None, name
    return found
