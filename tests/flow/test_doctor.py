"""The doctor on a real Kafka: what is wrong there is really wrong."""

from __future__ import annotations

import datetime as dt
import re
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from confluent_kafka import Consumer

from infra.kafka.admin import ensure_topics
from infra.kafka.clients import reader_config
from infra.kafka.groups import group_members
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.doctor import kafka
from stream.doctor.finding import Finding
from stream.doctor.kafka import clocks
from stream.doctor.run import examine
from stream.records import TYPE_HEADER, WATERMARK, Watermark
from stream.topics import Topics, topic_specs
from tests.conftest import MakeSettings


def by_check(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def publish(settings: Settings, records: Sequence[Outgoing]) -> None:
    publisher = ConfirmedPublisher(settings)
    publisher.publish(records)


def watermark(settings: Settings, sent_at: dt.datetime) -> Outgoing:
    value = Watermark(source_topic_id="x", source_partitions=2, progress={}, sent_at=sent_at).encode()
    return Outgoing(Topics.of(settings).labeled, None, value, ((TYPE_HEADER, WATERMARK.encode()),), 0)


def test_missing_and_wrong_topics_are_told_with_what_mends_them(make_settings: MakeSettings) -> None:
    settings = make_settings()
    found = by_check(kafka.kafka(settings))
    assert found["kafka"].state == "ok"
    assert (found["topics"].state, found["topics"].fix) == ("fail", "run: barometer topics create")

    specs = topic_specs(settings)
    wrong = [replace(specs[0], config={**specs[0].config, "cleanup.policy": "compact"}), *specs[1:]]
    ensure_topics(settings, wrong, timeout=30)
    seen = by_check(kafka.kafka(settings))["topics"]
    assert f"{specs[0].name}: cleanup.policy is compact, wanted delete" in seen.seen
    other = [finding.seen for finding in kafka.kafka(settings.model_copy(update={"partitions": 5}))]
    assert any("the number of partitions is 2, wanted 5" in line for line in other), other


@pytest.mark.usefixtures("topics")
def test_tweets_that_nobody_labels_and_workers_that_do_nothing_are_told(settings: Settings) -> None:
    fresh = list(kafka.kafka(settings))
    assert "0 workers, nothing waits" in [finding.seen for finding in fresh], fresh
    tweets = Topics.of(settings).tweets
    publish(settings, [Outgoing(tweets, b"1", b"{}", ())] * 3)
    alone = by_check(kafka.kafka(settings))["group"]
    assert (alone.state, alone.seen) == ("fail", "3 tweets wait, and no worker is there")

    idle = Consumer(reader_config(settings, **{"group.id": settings.group, "client.id": "idle"}))
    try:
        idle.subscribe([tweets])
        deadline = time.monotonic() + 30
        while not group_members(settings) and time.monotonic() < deadline:
            idle.poll(0.1)
        progress = kafka._progress(settings)
        [stuck] = kafka.group(group_members(settings), progress, patience_s=0.5)
        assert (stuck.state, stuck.seen) == ("warn", "3 tweets wait, and 1 worker did none of them in 0 s")
    finally:
        idle.close()


@pytest.mark.usefixtures("topics")
def test_clocks_that_differ_are_told(settings: Settings) -> None:
    now = dt.datetime.now(dt.UTC)
    publish(settings, [watermark(settings, now)])
    assert [finding.state for finding in clocks(settings, working=True)] == ["ok"]
    [slow] = clocks(settings, working=True, now=lambda: time.time() - 60)
    assert (slow.state, slow.check) == ("warn", "clocks")
    assert re.search(r"this machine's clock is (5\d|60) s behind Kafka's", slow.seen), slow.seen
    [frozen] = clocks(settings, working=True, now=lambda: time.time() + 60)
    assert "workers are there, but the newest record is" in frozen.seen
    publish(settings, [watermark(settings, now + dt.timedelta(hours=1))])
    [fast] = clocks(settings, working=True)
    assert fast.state == "fail"
    assert re.search(r"a worker's clock is 3[56]\d\d s ahead of Kafka's", fast.seen), fast.seen


def test_a_kafka_that_takes_connections_and_never_answers_costs_five_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(50)
        monkeypatch.setenv("BAROMETER_KAFKA_BOOTSTRAP_SERVERS", f"127.0.0.1:{mute.getsockname()[1]}")
        started = time.monotonic()
        findings = [finding for finding in examine(None) if finding.check == "kafka"]
        assert time.monotonic() - started < 15, "the promise is 5 s, on a machine that does nothing else"
    assert {finding.state for finding in findings} & {"fail", "warn"}
