"""From decoded records and probabilities to what is published. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from infra.errors import RecordError
from infra.kafka.incoming import Incoming
from infra.kafka.publish import Outgoing
from model.labels import LABELS
from model.prediction import ModelInfo
from stream.classify.progress import Position
from stream.dead import dead_letter, trail
from stream.decode import decode_end_of_replay, decode_tweet, record_type, unknown_type
from stream.plain import is_brand
from stream.records import (
    END_OF_REPLAY,
    OTHER_BRAND,
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
        """The tweet, with its time clamped to ``arrived`` if it is too new; RecordError if that is not allowed."""
        if tweet.created_at <= arrived + self.tolerance:
            return tweet
        if self.clamp:
            return tweet.model_copy(update={"created_at": arrived})
        raise RecordError(
            "future_timestamp",
            f"created_at is {tweet.created_at.isoformat()}, but Kafka received it at {arrived.isoformat()}",
        )


Decoded = tuple[Incoming, Tweet]
Bad = tuple[Incoming, RecordError]


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
        before = batch.positions.get(record.tp.partition)
        latest = before.latest if before else None
        ended = False
        try:
            tweet = _tweet(record, future)
        except RecordError as bad:
            batch.bad.append((record, bad))
        else:
            ended = tweet is None
            if tweet is not None:
                batch.tweets.append((record, tweet))
                latest = max(latest, tweet.created_at) if latest else tweet.created_at
        batch.positions[record.tp.partition] = Position(record.offset + 1, latest, ended)
    return batch


def _tweet(record: Incoming, future: FuturePolicy) -> Tweet | None:
    """The tweet in a record, None at the end of a replay. Raises RecordError."""
    kind = record_type(record.headers)
    if kind is None:
        arrived = dt.datetime.fromtimestamp(record.timestamp_ms / 1000, dt.UTC)
        return future.apply(decode_tweet(record.value), arrived)
    if kind != END_OF_REPLAY:
        raise unknown_type(kind, f"in tweets it may say {END_OF_REPLAY}, and tweets have none")
    decode_end_of_replay(record.value)
    return None


def labelled(
    topic: str,
    tweets: Sequence[Decoded],
    probabilities: Sequence[NDArray[np.float32]],
    model: ModelInfo,
    find_brands: BrandFinder,
    now: dt.datetime,
) -> Iterator[Outgoing]:
    """One record for each tweet and brand. ``probabilities``: one row of three for each tweet.

    Brands are found at once, records made as they are asked for: those of one
    large tweet about many brands are many times its size.
    """
    brands = [brands_of(tweet, find_brands) for _record, tweet in tweets]
    return _labelled(topic, zip(tweets, probabilities, brands, strict=True), model, now)


def brands_of(tweet: Tweet, find_brands: BrandFinder) -> list[str]:
    """What a tweet is about: as it says itself, else as the rules find."""
    return tweet.brands or find_brands(tweet.text, tweet.author) or [OTHER_BRAND]


def _labelled(
    topic: str,
    done: Iterable[tuple[Decoded, NDArray[np.float32], Sequence[str]]],
    model: ModelInfo,
    now: dt.datetime,
) -> Iterator[Outgoing]:
    identity = ModelIdentity(name=model.name, version=model.version)
    first: LabeledTweet | None = None
    for (record, tweet), row, brands in done:
        best, negative, neutral, positive, confidence = verdict(row)
        for brand in brands:
            fields: dict[str, Any] = {
                "tweet": tweet,
                "brand": brand,
                "label": LABELS[best],
                "confidence": confidence,
                "probabilities": Probabilities(negative=negative, neutral=neutral, positive=positive),
                "origin": Origin(partition=record.tp.partition, offset=record.offset),
            }
            if first is None or not is_brand(brand):
                value = first = LabeledTweet(**fields, model=identity, labeled_at=now)
            else:  # all of it has been checked: to do so again would take ten times as long
                value = first.model_copy(update=fields)
            yield Outgoing(topic, brand.encode(), value.encode(), trail(record.headers))


class Verdict(NamedTuple):
    """What is published of one row of probabilities. ``label``: its index in LABELS."""

    label: int
    negative: float
    neutral: float
    positive: float
    confidence: float


def verdict(row: NDArray[np.float32]) -> Verdict:
    """The most probable label, and the probabilities to six digits."""
    best = int(row.argmax())
    negative, neutral, positive = (round(p, 6) for p in row.tolist())
    return Verdict(best, negative, neutral, positive, round(float(row[best]), 6))


def dead(topic: str, bad: Sequence[Bad], now: dt.datetime) -> Iterator[Outgoing]:
    """One dead letter for each record that is not a tweet."""
    for record, why in bad:
        yield dead_letter(topic, record, stage=STAGE, reason=why.reason, message=why.message, died_at=now)
