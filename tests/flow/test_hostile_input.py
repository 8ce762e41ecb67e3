"""Whatever a producer writes to ``tweets`` ends as labelled, or as dead with the right reason, and holds nothing up."""

from __future__ import annotations

import re
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from infra.dead_share import LEAST_RECORDS
from infra.kafka.admin import ensure_topics
from infra.kafka.clients import producer_config
from infra.kafka.incoming import Headers, headers_of, last_header
from infra.kafka.ledger import TopicPartition
from infra.kafka.local import free_port
from infra.kafka.offsets import OffsetProbe
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.dead import DeadLetter, read_dead_letter
from stream.records import (
    END_OF_REPLAY,
    TYPE_HEADER,
    WATERMARK,
    LabeledTweet,
    Tweet,
    Window,
)
from stream.tail.watch import watch
from stream.topics import Topics, topic_specs
from tests.conftest import MakeSettings
from tests.faults import PATIENCE_S, Workers, feed, make_tweets
from tests.fixed_worker import POISON
from tests.hostile import LABELLED, NOON, TOO_LARGE_TO_KEEP, Hostile, good_records, hostile_records
from tests.kafka_tools import publish, read_all, wait_until
from tests.odd_names import produce_with_header
from tests.outcome import Place

BY_THE_MODEL = {
    "1 MB of text",
    "combining",
    "control characters",
    "emoji family",
    "format strings",
    "half an emoji everywhere",
    "invalid UTF-8",
    "lone high surrogate",
    "many mentions",
    "no spaces",
    "one combining character",
    "punctuation",
    "right to left",
    "zero width",
}


def produce(settings: Settings, records: Sequence[Hostile]) -> dict[Place, Hostile]:
    """Each record in a batch of its own, packed as tightly as can be. Returns where each lies."""
    config = {"compression.type": "zstd", "compression.level": 12, "batch.num.messages": 1, "linger.ms": 0}
    producer = Producer(producer_config(settings, **config))
    places: dict[Place, Hostile] = {}
    refused: list[str] = []

    def confirm(record: Hostile) -> Any:
        def confirmed(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                refused.append(f"{record.name}: {error.str()}")
            else:
                places[message.partition() or 0, message.offset() or 0] = record

        return confirmed

    for record in records:
        producer.produce(
            Topics.of(settings).tweets,
            record.value,
            record.key,
            headers=cast("Any", list(record.headers)),
            on_delivery=confirm(record),
        )
        producer.poll(0)
    assert producer.flush(60) == 0, "Kafka did not confirm every record"
    assert not refused
    return places


def fates(settings: Settings) -> tuple[set[Place], dict[Place, DeadLetter]]:
    """The places in ``tweets`` whose records were labelled, and the dead letters of those that were not."""
    topics = Topics.of(settings)
    labelled = set()
    for message in read_all(settings, topics.labeled):
        if last_header(headers_of(message), TYPE_HEADER) != WATERMARK.encode():
            origin = LabeledTweet.model_validate_json(cast("bytes", message.value())).origin
            labelled.add((origin.partition, origin.offset))
    letters = [letter for letter in read_letters(settings) if letter.origin.topic == topics.tweets]
    dead = {(letter.origin.partition, letter.offset): letter for letter in letters}
    assert len(dead) == len(letters), "every record died once"
    return labelled, dead


def read_letters(settings: Settings) -> list[DeadLetter]:
    return [
        read_dead_letter(message.value(), headers_of(message))
        for message in read_all(settings, Topics.of(settings).dead)
    ]


def assert_each_met_its_fate(settings: Settings, places: dict[Place, Hostile]) -> None:
    labelled, dead = fates(settings)
    met = {
        record.name: LABELLED if place in labelled else dead[place].reason if place in dead else "lost"
        for place, record in places.items()
    }
    assert met == {record.name: record.fate for record in places.values()}
    assert not labelled & dead.keys()
    for place in dead.keys() & places.keys():
        letter, original = dead[place], places[place]
        assert letter.whole == (original.name not in TOO_LARGE_TO_KEEP)
        if letter.whole:
            assert (letter.key, letter.value, letter.headers) == (original.key, original.value, original.headers)
        assert letter.message


def settle(settings: Settings, workers: Workers) -> None:
    """Wait until the workers have done with all that is in ``tweets`` now, and with what they made of it."""
    topics = Topics.of(settings)
    for topic in (topics.tweets, topics.labeled):
        _settle(settings, workers, topic)


def _settle(settings: Settings, workers: Workers, topic: str) -> None:
    probe = OffsetProbe(settings)
    partitions = [TopicPartition(topic, number) for number in range(settings.partitions)]
    ends = probe.ends(partitions)

    def done() -> bool:
        assert all(process.poll() is None for process in workers.running.values()), workers.log()
        try:
            return all(probe.committed(tp) >= end for tp, end in ends.items())
        except KafkaException:  # a new group has no coordinator for a moment
            return False

    wait_until(done, PATIENCE_S, f"every record of {topic} settled\n{workers.log()}")
    probe.close()


def series(settings: Settings) -> list[str]:
    """Everything that the worker measures, one entry for each series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=10) as answer:
        return re.findall(r"^[a-z]\S+(?= )", answer.read().decode(), re.MULTILINE)


@pytest.mark.parametrize("brands", [1_024, pytest.param(10_048, marks=pytest.mark.chaos)])
def test_every_hostile_record_meets_its_fate_and_the_worker_stays_up(
    make_settings: MakeSettings, tmp_path: Path, brands: int
) -> None:
    settings = make_settings(dead_share_limit=1, metrics_port=free_port())
    ensure_topics(settings, topic_specs(settings), timeout=30)
    places = produce(settings, hostile_records())
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        settle(settings, workers)
        before = len(series(settings))
        many = [
            Tweet(id=f"many {n}", text="x", created_at=NOON, brands=[f"brand {n}-{m}" for m in range(64)])
            for n in range(brands // 64)
        ]
        fed = feed(settings, iter(many))
        settle(settings, workers)
        assert len(series(settings)) - before < brands / 4, "metrics do not grow with brands"
        assert workers.stop(1) == 0, workers.log()
    assert brands_seen(settings) == fed.pairs == brands
    assert_each_met_its_fate(settings, places)


def brands_seen(settings: Settings) -> int:
    """How many of the many brands have been counted."""
    keys = {cast("bytes", message.key()) for message in read_all(settings, Topics.of(settings).panes)}
    return sum(key.startswith(b'["pane","brand ') for key in keys)


def test_the_model_that_ships_labels_hostile_texts(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings(dead_share_limit=1)
    ensure_topics(settings, topic_specs(settings), timeout=30)
    records = [record for record in hostile_records() if record.name in BY_THE_MODEL]
    assert len(records) == len(BY_THE_MODEL)
    places = produce(settings, records)
    with Workers(settings, tmp_path) as workers:
        workers.start(1, "--bundled")
        settle(settings, workers)
    assert_each_met_its_fate(settings, places)


def test_header_names_that_are_not_utf_8_stop_nobody(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    """Kafka takes them, and aiokafka gives up on them: every worker would, again and again, at the same record."""
    good = Tweet(id="odd", text="x", created_at=NOON, brands=["Aria"]).encode()
    produce_with_header(
        settings.kafka_bootstrap_servers, topics.tweets, 0, [good, b"{", good] + [b"{"] * 9, b"odd \xff"
    )
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        settle(settings, workers)
    labelled, dead = fates(settings)
    assert labelled == {(0, 0), (0, 2)}
    assert dead[0, 1].reason == "invalid_json"
    assert dead[0, 1].headers == (("odd \\xff", b"\xfe"),)
    seen = list(watch(settings, topics.tweets, from_start=True, until_end=True, wanted=lambda: True))
    assert len(seen) == 12, "barometer tail goes on too"


def test_records_forged_in_tweets_labeled_are_dead_or_passed_over(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    good = good_records()[0].encode()
    watermark = ((TYPE_HEADER, WATERMARK.encode()),)
    forged: list[tuple[str, bytes | None, Headers]] = [
        ("null_value", None, ()),
        ("invalid_json", b"\x00", ()),
        ("invalid_utf8", b"\xff\xff", ()),
        ("not_an_object", b"[]", ()),
        ("invalid_field", b"{}", ()),
        ("invalid_field", good.replace(b"0.8", b"NaN", 1).replace(b"NaN", b"-1", 1), ()),
        ("invalid_json", good.replace(b"0.8", b"NaN"), ()),
        ("invalid_field", good.replace(b'"neutral",', b'"furious",'), ()),
        ("invalid_field", good.replace(b'"offset":0', b'"offset":-1'), ()),
        ("unknown_schema_version", good.replace(b'"schema_version":1', b'"schema_version":2', 1), ()),
        ("unknown_type", good, ((TYPE_HEADER, END_OF_REPLAY.encode()),)),
        ("null_value", None, watermark),
        ("invalid_field", b"{}", watermark),
        ("invalid_field", good, watermark),
        ("invalid_json", b"[" * 100_000, watermark),
    ]
    publisher = ConfirmedPublisher(settings)
    publisher.publish(Outgoing(topics.labeled, b"Aria", value, headers, 0) for _reason, value, headers in forged)
    fed = feed(settings, make_tweets(100, seed=7))
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        wait_until(lambda: windows_hold(settings, fed.pairs), PATIENCE_S, f"all tweets counted\n{workers.log()}")
        assert workers.stop(1) == 0, workers.log()
    letters = [letter for letter in read_letters(settings) if letter.stage == "aggregate"]
    letters.sort(key=lambda letter: letter.offset)
    assert [letter.reason for letter in letters] == [reason for reason, _value, _headers in forged]
    assert [(letter.value, letter.headers) for letter in letters] == [(value, headers) for _r, value, headers in forged]


def windows_hold(settings: Settings, tweets: int) -> bool:
    newest = {message.key(): message.value() for message in read_all(settings, Topics.of(settings).windows)}
    return sum(Window.model_validate_json(cast("bytes", value)).revision for value in newest.values()) == tweets


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (Tweet(id="1", text=f"all is {POISON}", created_at=NOON).encode(), "model_error"),
        (b"<tweet>of another producer</tweet>", "invalid_json"),
    ],
    ids=["a broken model", "a producer of another format"],
)
def test_a_worker_that_would_divert_the_topic_stops_and_a_higher_limit_lets_it_go_on(
    settings: Settings, topics: Topics, tmp_path: Path, value: bytes, reason: str
) -> None:
    count = 200
    publish(settings, topics.tweets, [(None, value)] * count)
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        stopped = workers.running.pop(1)
        assert stopped.wait(60) != 0, "it did not stop as from an error"
        said = wait_until(
            lambda: log if "nothing was published or acknowledged" in (log := workers.log()) else None, 20, "its reason"
        )
        assert "nothing was published or acknowledged" in said
        assert "BAROMETER_DEAD_SHARE_LIMIT" in said
        assert reason in said
        assert len(read_letters(settings)) < LEAST_RECORDS, "only what came before there was enough to judge by"
        assert committed(settings) <= len(read_letters(settings)), "of the batch that was refused nothing"

        workers.start(2, settings=settings.model_copy(update={"dead_share_limit": 1.0}))
        settle(settings, workers)
        assert workers.stop(2) == 0, workers.log()
    assert Counter({letter.id: letter.reason for letter in read_letters(settings)}.values()) == {reason: count}


def test_a_worker_that_cannot_read_what_is_labelled_stops_too(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    """As after a deploy that wrote records of another version."""
    publisher = ConfirmedPublisher(settings)
    publisher.publish(Outgoing(topics.labeled, b"Aria", b'{"schema_version": 2}', (), 0) for _ in range(100))
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        assert workers.running.pop(1).wait(60) != 0, "it did not stop as from an error"
        assert re.search(r"(\d+) of the last \1 records would be dead letters", workers.log()), workers.log()
        assert "unknown_schema_version" in workers.log()
    assert len(read_letters(settings)) < LEAST_RECORDS, "only what came before there was enough to judge by"


def committed(settings: Settings) -> int:
    probe = OffsetProbe(settings)
    topic = Topics.of(settings).tweets
    offsets = [probe.committed(TopicPartition(topic, number)) for number in range(settings.partitions)]
    probe.close()
    return sum(offsets)
