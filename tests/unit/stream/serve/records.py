"""Records as they come from the topics, for tests of what serve makes of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import orjson

from infra.kafka.incoming import Headers, Incoming
from infra.kafka.ledger import TopicPartition
from infra.settings import Settings
from model.labels import LABELS
from stream.aggregate.labelled import LabelledTweet
from stream.aggregate.pane import Pane, PaneKey, id_hash
from stream.records import (
    Evidence,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    Spike,
    Tweet,
    Window,
    WindowBaseline,
)
from stream.topics import Topics

TOPICS = Topics.of(Settings())
START = 1_772_444_400
"""2026-03-02T09:40:00Z, seconds since 1970."""
MODEL = ModelIdentity(name="fixed", version="v1")


def at(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(START + seconds, dt.UTC)


def labelled(number: int, *, brand: str = "Lumora", label: int = 0, second: int = 0) -> LabeledTweet:
    """Tweet ``number``, written so many seconds after START."""
    chances = [0.1, 0.1, 0.1]
    chances[label] = 0.8
    return LabeledTweet(
        tweet=Tweet(id=str(number), text=f"text {number}", created_at=at(second), author=f"author {number % 7}"),
        brand=brand,
        label=LABELS[label],
        confidence=0.8,
        probabilities=Probabilities(negative=chances[0], neutral=chances[1], positive=chances[2]),
        model=MODEL,
        origin=Origin(partition=0, offset=number),
        labeled_at=at(second + 1),
    )


def window(
    brand: str = "Lumora",
    *,
    minute: int = 0,
    counts: tuple[int, int, int] = (1, 0, 0),
    closed: bool = True,
    baseline: WindowBaseline | None = None,
) -> Window:
    """What the aggregate would say of so many tweets in one minute after START."""
    pane = Pane(PaneKey(START + 60 * minute, brand))
    pane.closed, pane.baseline = closed, baseline
    number = 0
    for label, count in enumerate(counts):
        for _ in range(count):
            tweet = LabelledTweet.of(labelled(number, brand=brand, label=label, second=60 * minute))
            pane.add([(tweet, id_hash(tweet.id))])
            number += 1
    return pane.window()


def spike(number: int = 0, *, brand: str = "Lumora", minute: int = 0, status: str = "open") -> Spike:
    return Spike.model_validate(
        {
            "id": f"spike-{number}",
            "brand": brand,
            "kind": "negative",
            "status": status,
            "started_at": at(60 * minute),
            "opened_at": at(60 * minute + 60),
            "updated_at": at(60 * minute + 60),
            "window_start": at(60 * minute),
            "tweets": 30,
            "share": 0.8,
            "baseline": 0.2,
            "z": 5.0,
            "peak_share": 0.8,
            "peak_z": 5.0,
            "evidence": Evidence(
                terms=[], explains=0, tweets=[], sampled=0, sampled_before=0, voices=0, copies_share=0
            ),
            "sentence": "it rose",
            "models": ["v1"],
        }
    )


def incoming(
    topic: str, value: Any, offset: int = 0, *, partition: int = 0, key: bytes | None = None, headers: Headers = ()
) -> Incoming:
    """``value`` is a record, bytes, None, or what becomes JSON."""
    if hasattr(value, "encode") and not isinstance(value, str):
        value = value.encode()
    elif not isinstance(value, bytes | None):
        value = orjson.dumps(value)
    return Incoming(TopicPartition(topic, partition), offset, key, value, headers, 0)
