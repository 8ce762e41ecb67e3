"""What ``tweets`` holds already: tweets far older than that would all be too late to count.

Windows follow the newest event time, and take late tweets only for a while
(``late_retention_s``). And each window knows the ids of its tweets only for a
while (``duplicate_horizon_s``), so a file that is published twice would count
twice. Both are refused before anything is published.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import (
    TIMESTAMP_NOT_AVAILABLE,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from pydantic import ValidationError

from infra.errors import KafkaUnavailableError
from infra.kafka.access import denied
from infra.kafka.clients import reader_config
from infra.kafka.incoming import headers_of
from infra.settings import Settings
from stream.records import TYPE_HEADER, EndOfReplay, Tweet
from stream.replay.order import as_microseconds

TAIL_RECORDS = 50
"""Of each partition. One would do, were all replays in event-time order and none interrupted."""
_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Tail:
    """The last records of every partition: the newest event time among them, and the tweets.

    Each tweet is its id and its event time in µs since 1970: datasets that
    number their rows share ids.
    """

    newest: dt.datetime | None
    tweets: frozenset[tuple[str, int]]


def read_tail(settings: Settings, topic: str, partitions: int) -> Tail:
    """Look at the last records of a topic.

    Tweets dated in the future are left aside, since the worker refuses them.
    Raises KafkaUnavailableError.
    """
    consumer = Consumer(reader_config(settings, **{"enable.partition.eof": True}))
    newest: dt.datetime | None = None
    tweets: set[tuple[str, int]] = set()
    try:
        for message in _last_messages(consumer, topic, partitions):
            event_time = _event_time(message, tweets)
            if event_time is None or _is_future(event_time, message, settings.future_tolerance_s):
                continue
            if newest is None or event_time > newest:
                newest = event_time
    except KafkaException as error:
        raise denied(settings, error.args[0], topic) or KafkaUnavailableError(
            f"{topic} at {settings.kafka_bootstrap_servers} could not be read: {error.args[0].str()}; "
            "check that Kafka runs, then start again"
        ) from error
    finally:
        consumer.close()
    return Tail(newest, frozenset(tweets))


def _last_messages(consumer: Consumer, topic: str, partitions: int) -> Iterator[Message]:
    starts = []
    for number in range(partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S)
        starts.append(TopicPartition(topic, number, max(low, high - TAIL_RECORDS)))
    consumer.assign(starts)
    unfinished = set(range(partitions))
    deadline = time.monotonic() + _TIMEOUT_S
    while unfinished:
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001  (librdkafka's name)
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        if error is None:
            yield message
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
            unfinished.discard(message.partition())
        else:
            raise KafkaException(error)


def _event_time(message: Message, tweets: set[tuple[str, int]]) -> dt.datetime | None:
    """The event time a record tells, whatever it is; a tweet is added to ``tweets``."""
    value = message.value() or b""
    try:
        if any(name == TYPE_HEADER for name, _value in headers_of(message)):
            return EndOfReplay.model_validate_json(value).latest
        tweet = Tweet.model_validate_json(value)
    except ValidationError:
        return None  # a record that will die downstream: it tells no time
    tweets.add((tweet.id, as_microseconds(tweet.created_at)))
    return tweet.created_at


def _is_future(event_time: dt.datetime, message: Message, tolerance_s: float) -> bool:
    kind, arrived_ms = message.timestamp()
    return kind != TIMESTAMP_NOT_AVAILABLE and event_time.timestamp() > arrived_ms / 1000 + tolerance_s


@dataclass(frozen=True)
class Candidate:
    """What is about to be published: its name, its event times, and how many of the tail's tweets it holds.

    ``moved``: its event times are not those of the file.
    """

    name: str
    first: dt.datetime
    latest: dt.datetime
    held: int
    moved: bool


def why_refused(candidate: Candidate, tail: Tail, late_retention_s: float, topic: str) -> str | None:
    """One sentence with the choices, or None when the tweets may be published."""
    if tail.newest is None:
        return None
    newest = _written(tail.newest)
    elsewhere = "under another topic prefix (BAROMETER_TOPIC_PREFIX)"
    moving = "with --shift-to-now and --rate or --speedup" if candidate.moved else "with --shift-to-now"
    if not candidate.moved and candidate.first <= tail.newest and 2 * candidate.held >= len(tail.tweets) > 0:
        rest = f"the rest with --from {newest}, or " if candidate.latest > tail.newest else ""
        return (
            f"{candidate.name} has been replayed into {topic} before, up to {newest}, and would count twice; "
            f"publish {rest}all of it again {moving}, or {elsewhere}"
        )
    too_late_before = tail.newest - dt.timedelta(seconds=late_retention_s)
    if candidate.first >= too_late_before:
        return None
    late = f"tweets before {_written(too_late_before)} are too late for its windows"
    rest = f" only the rest with --from {_written(too_late_before)}," if candidate.latest >= too_late_before else ""
    return (
        f"{candidate.name} starts at {_written(candidate.first)}, but {topic} already holds tweets up to {newest}, and "
        f"{late}; publish{rest} it {moving}, or {elsewhere}"
    )


def _written(time: dt.datetime) -> str:
    return time.isoformat(timespec="milliseconds" if time.microsecond else "seconds").replace("+00:00", "Z")
