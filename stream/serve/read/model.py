"""Records in, the state of the world out, and what each record changed."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from infra.kafka.incoming import Incoming, last_header
from model.labels import LABELS
from stream.records import PANE_S, TYPE_HEADER, WATERMARK, Spike
from stream.serve.read.minutes import Minutes
from stream.serve.read.positions import Kind, Partition
from stream.serve.read.spikes import Spikes
from stream.serve.read.tweets import Shown, Tweets
from stream.topics import Topics

TEXT_CHARS = 4_000
"""Of a tweet's text, so much is kept: what the model reads."""


@dataclass(frozen=True)
class Bounds:
    """What the read model may hold."""

    horizon_s: int = 7 * 86_400
    minutes_bytes: int = 512 << 20
    tweets: int = 50_000
    tweets_each: int = 200
    spikes: int = 10_000


@dataclass(frozen=True, slots=True)
class Change:
    """What one record changed. ``key`` tells changes of the same thing.

    ``content`` is the new state: the JSON of a spike or tweet, a window packed.
    """

    kind: Kind
    partition: int
    offset: int
    brand: str
    key: tuple[str, Any]
    content: Mapping[str, Any] | bytes


class ReadModel:
    """Everything that is read; for one thread."""

    def __init__(self, topics: Topics, bounds: Bounds) -> None:
        self.minutes = Minutes(bounds.horizon_s, bounds.minutes_bytes)
        self.tweets = Tweets(bounds.tweets, bounds.tweets_each)
        self.spikes = Spikes(bounds.spikes)
        self.positions: dict[Partition, int] = {}
        self.unreadable = 0
        self.labelled = 0
        self.newest_label: tuple[str, Mapping[str, str]] | None = None
        self._kinds: dict[str, Kind] = {topics.windows: "window", topics.spikes: "spike", topics.labeled: "tweet"}

    def apply(self, record: Incoming) -> Change | None:
        """Take the next record of its partition; None when it changes nothing that is shown.

        A record that was here before, or that cannot be read, changes nothing.
        """
        kind = self._kinds[record.tp.topic]
        place: Partition = (kind, record.tp.partition)
        if record.offset < self.positions.get(place, 0):
            return None
        self.positions[place] = record.offset + 1
        try:
            if kind == "window":
                return self._window(record)
            if kind == "spike":
                return self._spike(record)
            return self._tweet(record)
        except (ValidationError, ValueError, KeyError, TypeError, AttributeError, struct.error, OverflowError):
            self.unreadable += 1
            return None

    def _window(self, record: Incoming) -> Change | None:
        partition = record.tp.partition
        if record.value is None:
            brand, start, _size = orjson.loads(record.key or b"")
            self.minutes.remove(partition, brand, _seconds(start))
            return None
        fields = orjson.loads(record.value)
        brand, start = fields["brand"], _seconds(fields["start"])
        if fields["size_s"] != PANE_S or not isinstance(brand, str) or start % PANE_S:
            raise ValueError("windows on the topic are panes of a minute")
        packed = self.minutes.put(partition, brand, start, fields)
        return None if packed is None else Change("window", partition, record.offset, brand, (brand, start), packed)

    def _spike(self, record: Incoming) -> Change | None:
        if record.value is None:
            self.spikes.remove((record.key or b"").decode())
            return None
        spike = Spike.model_validate_json(record.value)
        if not self.spikes.put(spike):
            return None
        return Change("spike", record.tp.partition, record.offset, spike.brand, (spike.id, 0), as_json(spike))

    def _tweet(self, record: Incoming) -> Change | None:
        kind = last_header(record.headers, TYPE_HEADER)
        if kind is not None:
            if kind != WATERMARK.encode():
                raise ValueError("an unknown type of record")
            return None
        fields = orjson.loads(record.value or b"")
        tweet, brand, label = fields["tweet"], fields["brand"], fields["label"]
        if label not in LABELS:
            raise ValueError("an unknown label")
        shown = {
            "id": tweet["id"],
            "text": tweet["text"][:TEXT_CHARS],
            "created_at": tweet["created_at"],
            "author": tweet.get("author"),
            "brand": brand,
            "label": label,
            "confidence": fields["confidence"],
            "probabilities": fields["probabilities"],
            "model": fields["model"],
            "labeled_at": fields["labeled_at"],
        }
        self.labelled += 1
        if self.newest_label is None or fields["labeled_at"] > self.newest_label[0]:
            self.newest_label = fields["labeled_at"], fields["model"]
        at_us = round(dt.datetime.fromisoformat(tweet["created_at"]).timestamp() * 1_000_000)
        if not self.tweets.put(brand, label, Shown(at_us, tweet["id"], shown)):
            return None
        return Change("tweet", record.tp.partition, record.offset, brand, (brand, tweet["id"]), shown)


def as_json(spike: Spike) -> dict[str, Any]:
    """A spike as it is shown."""
    return spike.model_dump(mode="json", exclude={"schema_version"})


def _seconds(time: str) -> int:
    return round(dt.datetime.fromisoformat(time).timestamp())
