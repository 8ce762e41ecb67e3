"""When a partition moves, what /metrics says of its brands moves with it."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from infra.kafka.admin import ensure_topics
from infra.kafka.local import free_port
from stream.topics import Topics, topic_specs
from tests.conftest import MakeSettings
from tests.faults import Workers, feed, make_tweets, settled
from tests.kafka_tools import wait_until

OFFSETS = ("next_offset", "end_offset", "lag_records")
Told = dict[tuple[str, str, str], float]
"""Mentions by brand, label and partition."""


def scrape(port: int) -> list[Sample]:
    """All that a worker tells; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return []
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def mentions(port: int) -> Told:
    """What a worker says of the brands it owns."""
    return {
        (sample.labels["brand"], sample.labels["label"], sample.labels["partition"]): sample.value
        for sample in scrape(port)
        if sample.name == "barometer_brand_mentions_total"
    }


def total(samples: list[Sample], name: str, **labels: str) -> float:
    """The sum of what has these labels."""
    return sum(
        sample.value
        for sample in samples
        if sample.name == name and all(sample.labels.get(label) == value for label, value in labels.items())
    )


def test_a_killed_workers_brands_appear_at_the_other_with_the_same_numbers(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(partitions=4, session_timeout_s=6)
    ensure_topics(settings, topic_specs(settings), timeout=30)
    fed = feed(settings, make_tweets(1_000, seed=11))
    ports = {number: free_port() for number in (1, 2)}
    with Workers(settings, tmp_path) as workers:
        for number, port in ports.items():
            workers.start(number, settings=settings.model_copy(update={"metrics_port": port}))
        settled(settings, fed, workers)

        def shared() -> dict[int, Told] | None:
            told = {number: mentions(port) for number, port in ports.items()}
            both = told[1] and told[2] and sum(map(len, told.values())) == 3 * (20 + settings.partitions)
            return told if both else None

        before = wait_until(shared, 60, f"both workers show their brands\n{workers.log()}")
        assert not before[1].keys() & before[2].keys(), "no brand is at both"
        assert sum(before[1].values()) + sum(before[2].values()) == fed.pairs

        tweets = Topics.of(settings).tweets

        def at_the_end() -> list[Sample] | None:
            told = [sample for port in ports.values() for sample in scrape(port)]
            # Of tweets alone: to what is labelled, marks of progress are added every second.
            offsets, ends, lag = (total(told, f"barometer_{name}", topic=tweets) for name in OFFSETS)
            working = total(told, "barometer_partitions", state="working") == 2 * settings.partitions
            return told if working and offsets == ends > 0 == lag else None

        told = wait_until(at_the_end, 30, f"all partitions are told of, and no lag\n{workers.log()}")
        # More than once where a rebalance came in the middle of a batch.
        for count in ("latency_seconds_count", "batch_records_sum", "records_in_total"):
            assert total(told, f"barometer_{count}", stage="classify") >= fed.records + settings.partitions, "the ends"
        for count in ("age_seconds_count", "texts_total", "labels_total", "confidence_ratio_count"):
            assert total(told, f"barometer_{count}") >= fed.records
        assert total(told, "barometer_kafka_up") == total(told, "barometer_model_info") == 2
        assert not total(told, "barometer_model_errors_total") + total(told, "barometer_dead_total")
        workers.kill(1)
        everything = before[1] | before[2]
        wait_until(
            lambda: mentions(ports[2]) == everything,
            60,
            f"the other shows them all, with the same numbers\n{workers.log()}",
        )
