"""From decoded records and probabilities to what is published. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.kafka.incoming import Incoming, last_header
from infra.kafka.publish import Outgoing
from model.labels import LABELS
from model.prediction import ModelInfo
from stream.classify.progress import Position
from stream.dead import dead_letter
from stream.decode import BadRecord, decode_tweet
from stream.records import (
    END_OF_REPLAY,
    OTHER_BRAND,
    TYPE_HEADER,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    Tweet,
)

STAGE = "classify"
BrandFinder = Callable[[str, str | None], list[str]]
"""Text and author in, brands out."""


@dataclass(frozen=True)
class FuturePolicy:
    """What happens to a tweet dated after the broker received it."""

    clamp: bool
    tolerance: dt.timedelta

    def apply(self, tweet: Tweet, arrived: dt.datetime) -> Tweet:
        """The tweet, with its time clamped to ``arrived`` if it is too new; BadRecord if that is not allowed."""
        if tweet.created_at <= arrived + self.tolerance:
            return tweet
        if self.clamp:
            return tweet.model_copy(update={"created_at": arrived})
        raise BadRecord(
            "future_timestamp",
            f"created_at is {tweet.created_at.isoformat()}, but Kafka received it at {arrived.isoformat()}",
        )


Decoded = tuple[Incoming, Tweet]
Bad = tuple[Incoming, BadRecord]


@dataclass
class Sorted:
    """A batch, sorted: what can be classified, what cannot, and where each source partition then is."""

    tweets: list[Decoded] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    positions: dict[int, Position] = field(default_factory=dict)


def decode(records: Sequence[Incoming], future: FuturePolicy) -> Sorted:
    """Decode every record of a batch; ends of replays are neither tweets nor bad."""
    batch = Sorted()
    for record in records:
        ended = last_header(record.headers, TYPE_HEADER) == END_OF_REPLAY.encode()
        before = batch.positions.get(record.tp.partition)
        latest = before.latest if before else None
        if not ended:
            try:
                arrived = dt.datetime.fromtimestamp(record.timestamp_ms / 1000, dt.UTC)
                tweet = future.apply(decode_tweet(record.value), arrived)
            except BadRecord as bad:
                batch.bad.append((record, bad))
            else:
                batch.tweets.append((record, tweet))
                latest = max(latest, tweet.created_at) if latest else tweet.created_at
        batch.positions[record.tp.partition] = Position(record.offset + 1, latest, ended)
    return batch


def labelled(
    topic: str,
    tweets: Sequence[Decoded],
    probabilities: Sequence[NDArray[np.float32]],
    model: ModelInfo,
    find_brands: BrandFinder,
    now: dt.datetime,
) -> Iterator[Outgoing]:
    """One record for each tweet and brand. ``probabilities``: one row of three for each tweet."""
    identity = ModelIdentity(name=model.name, version=model.version)
    for (record, tweet), row in zip(tweets, probabilities, strict=True):
        best = int(row.argmax())
        negative, neutral, positive = (round(float(p), 6) for p in row)
        for brand in tweet.brands or find_brands(tweet.text, tweet.author) or [OTHER_BRAND]:
            value = LabeledTweet(
                tweet=tweet,
                brand=brand,
                label=LABELS[best],
                confidence=round(float(row[best]), 6),
                probabilities=Probabilities(negative=negative, neutral=neutral, positive=positive),
                model=identity,
                origin=Origin(partition=record.tp.partition, offset=record.offset),
                labeled_at=now,
            )
            yield Outgoing(topic, brand.encode(), value.encode())


def dead(topic: str, bad: Sequence[Bad], now: dt.datetime) -> Iterator[Outgoing]:
    """One dead letter for each record that is not a tweet."""
    for record, why in bad:
        yield dead_letter(topic, record, stage=STAGE, reason=why.reason, message=why.message, died_at=now)
