"""When a partition moves, what /metrics says of its brands moves with it."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from infra.kafka.admin import ensure_topics
from infra.kafka.local import free_port
from stream.topics import topic_specs
from tests.conftest import MakeSettings
from tests.faults import Workers, feed, make_tweets, settled
from tests.kafka_tools import wait_until

Told = dict[tuple[str, str, str], float]
"""Mentions by brand, label and partition."""


def mentions(port: int) -> Told:
    """What a worker says of the brands it owns; nothing while it does not answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        (sample.labels["brand"], sample.labels["label"], sample.labels["partition"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "barometer_brand_mentions_total"
    }


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
        workers.kill(1)
        everything = before[1] | before[2]
        wait_until(
            lambda: mentions(ports[2]) == everything,
            60,
            f"the other shows them all, with the same numbers\n{workers.log()}",
        )
