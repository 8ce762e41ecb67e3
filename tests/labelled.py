"""Writing ``tweets.labeled`` as classify would, for tests of what comes after it; and folding it without a worker."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Iterator
from typing import cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from infra.kafka.clients import common_config
from infra.kafka.incoming import Headers, Incoming
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from model.labels import LABELS
from stream.aggregate.store import PaneStore
from stream.records import (
    TYPE_HEADER,
    WATERMARK,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    SourceProgress,
    Tweet,
    Watermark,
)
from stream.topics import Topics
from tests.kafka_tools import wait_until

ZERO = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
BATCH = 200


def labelled(
    tweet_id: str, at_s: float, offset: int, *, brand: str = "Acme", label: int = 0, source: int = 0
) -> LabeledTweet:
    """A labelled tweet, ``at_s`` seconds after ZERO, that was at ``offset`` of partition ``source`` of ``tweets``."""
    probabilities = [0.1, 0.1, 0.1]
    probabilities[label] = 0.8
    return LabeledTweet(
        tweet=Tweet(id=tweet_id, text=f"tweet {tweet_id}", created_at=ZERO + dt.timedelta(seconds=at_s)),
        brand=brand,
        label=LABELS[label],
        confidence=0.8,
        probabilities=Probabilities(**dict(zip(LABELS, probabilities, strict=True))),
        model=ModelIdentity(name="m", version="1"),
        origin=Origin(partition=source, offset=offset),
        labeled_at=ZERO,
    )


def watermark(latest_s: float) -> Watermark:
    """Word that the one source partition has been read up to this event time."""
    latest = ZERO + dt.timedelta(seconds=latest_s)
    progress = {0: SourceProgress(next_offset=10**9, latest=latest, idle=False)}
    return Watermark(source_topic_id="A", source_partitions=1, progress=progress, sent_at=ZERO)


def history(count: int, seed: int, *, per_minute: int = 60, brands: int = 5) -> Iterator[LabeledTweet | Watermark]:
    """Tweets a second or so apart, some late, some twice, with a watermark now and then and at the end."""
    rng = random.Random(seed)
    for number in range(count):
        at_s = number * 60 / per_minute
        late_s = rng.uniform(0, 7_200) if rng.random() < 0.05 else 0.0
        brand = f"brand {rng.randrange(brands)}"
        tweet = labelled(f"{seed}-{number}", at_s - late_s, number, brand=brand, label=rng.randrange(3))
        yield tweet
        if rng.random() < 0.02:
            yield tweet
        if number % 50 == 49:
            yield watermark(at_s - 30)
    yield watermark(count * 60 / per_minute + 60)


def write(settings: Settings, records: Iterable[LabeledTweet | Watermark], partition: int = 0) -> None:
    """Append to one partition of ``tweets.labeled``."""
    topic = Topics.of(settings).labeled
    header = ((TYPE_HEADER, WATERMARK.encode()),)
    publisher = ConfirmedPublisher(settings)
    publisher.publish(
        Outgoing(topic, None, record.encode(), header, partition)
        if isinstance(record, Watermark)
        else Outgoing(topic, record.brand.encode(), record.encode(), partition=partition)
        for record in records
    )
    publisher.close()


def fold_all(settings: Settings, store: PaneStore, partition: int = 0) -> None:
    """Do for an owned partition what a worker does, up to its end, in batches."""
    topic = Topics.of(settings).labeled
    records = [
        Incoming(
            TopicPartition(topic, partition),
            message.offset() or 0,
            None,
            message.value(),
            cast("Headers", tuple(message.headers() or ())),
            message.timestamp()[1],
        )
        for message in read_to_end(settings, topic, partition)
    ]
    for begin in range(0, len(records), BATCH):
        store.fold_and_save(partition, records[begin : begin + BATCH])


def cut(settings: Settings, topic: str, before: int, partition: int = 0) -> None:
    """Remove the records of a partition before an offset, as retention (or a wrong setting of it) does."""
    admin = AdminClient(common_config(settings))
    [described] = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic)]).values()
    policy = described.result(30)["cleanup.policy"].value or ""
    _clean_up_by(admin, topic, "delete")  # Kafka deletes nothing by offset from a topic that it compacts

    def removed() -> bool:
        [deleted] = admin.delete_records([Place(topic, partition, before)]).values()
        try:
            deleted.result(30)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.POLICY_VIOLATION:
                raise
            return False  # the broker has not heard of the new policy yet
        return True

    wait_until(removed, 30, f"records of {topic} removed")
    _clean_up_by(admin, topic, policy)


def _clean_up_by(admin: AdminClient, topic: str, policy: str) -> None:
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    [altered] = admin.incremental_alter_configs([resource]).values()
    altered.result(30)
