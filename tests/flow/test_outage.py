"""A worker's log while a real Kafka is away."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from infra.kafka import outage
from infra.kafka.local import LocalBroker
from infra.kafka.membership import Membership
from infra.kafka.node import HOST
from infra.kafka.offsets import OffsetProbe
from infra.kafka.outage import OutageWatch
from infra.settings import Settings
from stream.topics import Topics
from stream.topology import build_app
from tests.chaos.proxy import Proxy
from tests.conftest import CACHE
from tests.kafka_tools import wait_until


def test_a_broker_that_goes_and_comes_back_is_told_in_two_lines_whatever_its_clients_complain(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING)  # a fixture of another module may have raised it
    monkeypatch.setattr(outage, "_ANSWER_S", 1.0)
    client = logging.getLogger("aiokafka.conn")

    def told(word: str) -> bool:
        client.error("Unable connect to node with id 1")
        return any(word in message for message in caplog.messages)

    with LocalBroker(CACHE, directory=tmp_path) as broker:
        with OutageWatch(Settings(kafka_bootstrap_servers=broker.bootstrap_servers), "tweets"):
            client.error("something else entirely")
            wait_until(lambda: "something else entirely" in caplog.messages, 30, "a complaint with Kafka there")
            broker.kill()
            wait_until(lambda: told("does not answer"), 60, "that Kafka is away")
            broker.start()
            wait_until(lambda: told("answers again"), 60, "that it is back")
        client.error("as before")
    address = broker.bootstrap_servers
    assert [message for message in caplog.messages if address in message] == [
        f"Kafka at {address} does not answer (Connect to ipv4#{address} failed: Connection refused); waiting for it",
        next(message for message in caplog.messages if message.startswith(f"Kafka at {address} answers again, after ")),
    ]
    assert "as before" in caplog.messages
    assert not [message for message in caplog.messages if message.startswith("Unable")]
    assert "rdkafka" not in capfd.readouterr().err


def test_a_kafka_that_goes_away_just_when_a_worker_joins_its_group_is_waited_for(
    settings: Settings, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    def waiting() -> bool:
        return any("cannot join the consumer group yet" in message for message in caplog.messages)

    async def join(proxy: Proxy) -> None:
        by_proxy = settings.model_copy(update={"kafka_bootstrap_servers": f"{HOST}:{proxy.port}"})
        app = build_app(by_proxy)
        membership = Membership(app, OffsetProbe(settings), [topics.tweets], {}, lambda: None)
        starting = asyncio.create_task(app.start())
        await asyncio.to_thread(wait_until, waiting, 30, "that it waits")
        assert not starting.done()
        proxy.heal()
        await asyncio.wait_for(starting, 30)
        await app.stop()
        await membership.close()

    caplog.set_level(logging.WARNING)
    with Proxy(int(settings.kafka_bootstrap_servers.rpartition(":")[2])) as proxy:
        proxy.refuse()
        asyncio.run(join(proxy))
