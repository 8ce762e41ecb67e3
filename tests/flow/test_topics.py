"""Topics on a real Kafka: made as designed, checked, never changed silently."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from infra.errors import KafkaUnavailableError, TopicError
from infra.kafka.admin import check_topics, describe_topics, ensure_topics, record_counts, topic_id
from infra.settings import Settings
from stream.topics import Topics, all_topic_specs, topic_specs
from tests.conftest import MakeSettings
from tests.kafka_tools import environment, publish, read_all


def test_every_topic_is_created_as_designed_and_only_once(settings: Settings) -> None:
    specs = topic_specs(settings)
    assert ensure_topics(settings, specs) == [spec.name for spec in specs]
    assert ensure_topics(settings, specs) == []
    states = check_topics(settings, specs)
    for spec in specs:
        state = states[spec.name]
        assert (state.partitions, state.replication_factor) == (settings.partitions, 1)
        assert {name: state.config[name] for name in spec.config} == spec.config


def test_a_missing_topic_is_named_with_the_command_that_makes_it(settings: Settings) -> None:
    specs = topic_specs(settings)
    ensure_topics(settings, specs[:-1])
    with pytest.raises(TopicError, match=rf"lacks the topic {specs[-1].name}; run: barometer topics create"):
        check_topics(settings, specs)
    assert ensure_topics(settings, specs) == [specs[-1].name]


def test_another_number_of_partitions_is_refused_with_both_numbers(settings: Settings, topics: Topics) -> None:
    wanted = settings.model_copy(update={"partitions": 5})
    with pytest.raises(TopicError, match=rf"{topics.tweets}, .*: the number of partitions is 2, wanted 5: set BAR"):
        ensure_topics(wanted, topic_specs(wanted))
    assert describe_topics(settings, [topics.tweets])[topics.tweets].partitions == 2


def test_a_topic_whose_cleanup_policy_would_lose_state_is_refused(settings: Settings) -> None:
    specs = topic_specs(settings)
    ensure_topics(settings, [replace(spec, config={**spec.config, "cleanup.policy": "delete"}) for spec in specs])
    with pytest.raises(TopicError, match=r"reputation.panes.*: cleanup.policy is delete, wanted compact: set it with"):
        check_topics(settings, specs)


def test_the_retention_of_a_topic_is_the_operators_to_choose(settings: Settings) -> None:
    specs = topic_specs(settings)
    ensure_topics(settings, [replace(spec, config={**spec.config, "retention.ms": "3600000"}) for spec in specs])
    assert ensure_topics(settings, specs) == []


def test_more_replicas_than_brokers_are_refused_with_the_number_of_brokers(make_settings: MakeSettings) -> None:
    settings = make_settings(replication_factor=9)
    with pytest.raises(TopicError, match=r"wants 9 replicas, but Kafka at .* has \d+ brokers?; set BAROMETER_REP"):
        ensure_topics(settings, topic_specs(settings))


def test_an_unreachable_kafka_is_named_in_time_with_the_reason(make_settings: MakeSettings) -> None:
    settings = make_settings(kafka_bootstrap_servers="127.0.0.1:1")
    with pytest.raises(KafkaUnavailableError, match=r"127.0.0.1:1 did not answer within 2 s \(.*refused.*barometer br"):
        ensure_topics(settings, topic_specs(settings), timeout=2)


def test_a_topic_made_again_has_another_id(settings: Settings, topics: Topics) -> None:
    ids = {topic_id(settings, topics.tweets), topic_id(settings, topics.labeled)}
    assert len(ids) == 2
    assert topic_id(settings, topics.tweets) in ids
    with pytest.raises(TopicError, match="lacks the topic no-such-topic"):
        topic_id(settings, "no-such-topic")


def test_records_are_counted_and_read_back(settings: Settings, topics: Topics) -> None:
    records = [(str(number).encode(), f"value {number}".encode()) for number in range(100)]
    publish(settings, topics.tweets, records)
    states = describe_topics(settings, [topics.tweets, topics.dead])
    assert record_counts(settings, states.values()) == {topics.tweets: 100, topics.dead: 0}
    assert sorted((message.key(), message.value()) for message in read_all(settings, topics.tweets)) == sorted(records)


def run_topics(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stream", "topics", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(settings), check=False)


def test_the_command_creates_what_is_missing_and_lists_it_for_people_and_programs(settings: Settings) -> None:
    names = [spec.name for spec in all_topic_specs(settings)]
    listed = run_topics(settings, "list", "--json")
    assert listed.returncode == 1
    assert [(row["topic"], row["state"]) for row in json.loads(listed.stdout)] == [(name, "missing") for name in names]

    for state in ("created", "exists"):
        created = run_topics(settings, "create")
        assert created.returncode == 0
        assert [line.split() for line in created.stdout.splitlines()] == [[state, name] for name in names]

    publish(settings, names[0], [(b"key", b"value")] * 3)
    listed = run_topics(settings, "list", "--json")
    assert listed.returncode == 0
    assert [(row["topic"], row["state"], row["records"]) for row in json.loads(listed.stdout)] == [
        (name, "ok", 3 if name == names[0] else 0) for name in names
    ]
    table = run_topics(settings, "list")
    assert table.returncode == 0
    assert all(name in table.stdout for name in names)


def test_the_command_says_what_differs_in_one_line(settings: Settings) -> None:
    ensure_topics(settings, all_topic_specs(settings))
    other = settings.model_copy(update={"partitions": 3})
    created, listed = run_topics(other, "create"), run_topics(other, "list")
    assert (created.returncode, listed.returncode) == (1, 1)
    assert created.stderr.startswith("barometer: topics ")
    assert "the number of partitions is 2, wanted 3: set BAROMETER_PARTITIONS=2" in created.stderr
    assert created.stderr.count("\n") == 1
    assert "different" in listed.stdout
