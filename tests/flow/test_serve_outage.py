"""Kafka goes away and comes back under ``barometer serve``."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.kafka.admin import ensure_topics
from infra.kafka.local import LocalBroker
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.topics import Topics, topic_specs
from tests.conftest import CACHE
from tests.kafka_tools import wait_until
from tests.serving import Server
from tests.unit.stream.serve.records import window

pytestmark = pytest.mark.timeout(300)


def test_what_was_read_is_served_while_kafka_is_away_and_more_when_it_is_back(tmp_path: Path) -> None:
    with LocalBroker(CACHE, directory=tmp_path / "kafka") as broker:
        settings = Settings(
            kafka_bootstrap_servers=broker.bootstrap_servers, partitions=2, serve_port=0, serve_confirm_s=1
        )
        ensure_topics(settings, topic_specs(settings), timeout=30)
        publisher = ConfirmedPublisher(settings)

        def publish(minute: int) -> None:
            said = window(minute=minute, counts=(2, 1, 1))
            publisher.publish([Outgoing(Topics.of(settings).windows, said.key(), said.encode(), partition=0)])

        def volume() -> int:
            return int(server.get("/brands/Lumora")["volume"])

        def kafka() -> str:
            return str(server.get("/brands")["freshness"]["kafka"])

        publish(0)
        with Server(settings, tmp_path, "--no-model") as server:
            assert (volume(), kafka()) == (4, "up")
            broker.kill()
            wait_until(lambda: kafka() == "down", 60, "it says that Kafka is away")
            freshness = server.get("/health")["freshness"]
            assert freshness["state"] == "stale"
            assert volume() == 4
            assert server.ask("GET", "/health/live").status_code == 200
            assert server.ask("GET", "/health/ready").status_code == 200
            tweet = {"id": "1", "text": "x", "created_at": 1_700_000_000}
            refused = server.ask("POST", "/tweets", json=tweet)
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) >= 1
            broker.start()
            publish(1)
            wait_until(lambda: kafka() == "up" and volume() == 8, 60, "it reads on by itself")
            assert server.get("/health")["freshness"]["state"] == "live"
        publisher.close()
