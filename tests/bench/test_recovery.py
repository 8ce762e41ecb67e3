"""How long taking all partitions over takes, by the size of the state: a day of tweets about so many brands."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time

import pytest
from prometheus_client import REGISTRY

from infra.kafka.admin import ensure_topics
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import ConfirmedPublisher
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import PartitionState, apply, fold
from stream.aggregate.store import PaneStore, rules_of
from stream.aggregate.totals import Totals
from stream.records import TYPE_HEADER, WATERMARK
from stream.topics import Topics, topic_specs
from tests.conftest import MakeSettings
from tests.labelled import labelled, watermark

PARTITIONS = 12
DAY_S = 86_400
TWEETS = 200_000
"""In the day, Zipf-distributed over the brands."""
BATCH = 1_000
TYPE = ((TYPE_HEADER, WATERMARK.encode()),)


def a_day(settings: Settings, brands: int, partition: int) -> codec.Saved:
    """The state of a partition after a day of its share of the tweets."""
    rng = random.Random(partition)
    names = [f"brand {number}" for number in range(partition, brands, PARTITIONS)]
    weights = [1 / (number + 1) for number in range(partition, brands, PARTITIONS)]
    everyone = sum(1 / (number + 1) for number in range(brands))
    count = round(TWEETS * sum(weights) / everyone)
    state, totals, rules = PartitionState(), Totals(), rules_of(settings)
    tp, records = TopicPartition("l", partition), list[Incoming]()
    for number, brand in enumerate(rng.choices(names, weights, k=count) if names else []):
        at_s = number * DAY_S / count
        tweet = labelled(f"{partition}-{number}", at_s, number, brand=brand, label=rng.randrange(3))
        tweet = tweet.model_copy(
            update={"tweet": tweet.tweet.model_copy(update={"author": f"a{rng.randrange(50_000)}"})}
        )
        records.append(Incoming(tp, len(records), None, tweet.encode(), (), number))
        if number % 100 == 99:
            records.append(Incoming(tp, len(records), None, watermark(at_s).encode(), TYPE, number))
    for begin in range(0, len(records), BATCH):
        changes = fold(state, records[begin : begin + BATCH], rules)
        change = totals.after(state, changes)
        apply(state, changes)
        totals.apply(change)
    return codec.Saved(state, totals)


def seconds(phase: str) -> float:
    """Spent in a phase of take-overs by all threads together."""
    found = REGISTRY.get_sample_value("barometer_take_over_phase_seconds_sum", {"phase": phase})
    return found or 0.0


@pytest.mark.bench
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("brands", [10, 1_000, 10_000])
def test_take_over_time_by_the_size_of_the_state(
    brands: int, make_settings: MakeSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(partitions=PARTITIONS)
    ensure_topics(settings, topic_specs(settings), timeout=60)
    topics = Topics.of(settings)
    publisher = ConfirmedPublisher(settings)
    sizes: Counter[str] = Counter()
    for partition in range(PARTITIONS):
        saved = a_day(settings, brands, partition)
        records = list(codec.encode_all(saved, topics.panes, partition))
        publisher.publish(records)
        sizes["panes"] += saved.totals.panes
        sizes["records"] += len(records)
        sizes["bytes"] += sum(len(record.key or b"") + len(record.value or b"") for record in records)
    store = PaneStore(
        settings, topics, rules_of(settings), lambda tp: (0, 10**9) if tp.topic == topics.labeled else (0, 0)
    )
    before = {phase: seconds(phase) for phase in ("fence", "read", "decode")}
    started, cpu = perf_counter(), process_time()
    with ThreadPoolExecutor(PARTITIONS) as threads:
        list(threads.map(store.own, range(PARTITIONS)))
    took, cpu = perf_counter() - started, process_time() - cpu
    phases = {phase: seconds(phase) - before[phase] for phase in before}
    with capsys.disabled():
        print(  # noqa: T201
            f"\n{brands:>6} brands: {sizes['panes']:>8,} panes, {sizes['records']:>9,} records, "
            f"{sizes['bytes'] / 1e6:7.1f} MB; all {PARTITIONS} partitions in {took:5.2f} s, {cpu:5.2f} s of CPU "
            f"(thread time: {', '.join(f'{phase} {told:.1f} s' for phase, told in phases.items())})"
        )
    assert sum(owned.totals.panes for owned in store.owned().values()) == sizes["panes"]
