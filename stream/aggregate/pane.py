"""One brand, one minute: counts, sums and the ids that were counted. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import zip_longest
from typing import NamedTuple

import orjson

from model.labels import LABELS
from model.quantification import cell_of, wilson
from stream.authors import Authors, author_hash
from stream.records import MILLION, PANE_S, SCHEMA_VERSION, Counts, LabeledTweet, Window
from stream.spikes.evidence import PANE_TWEETS, Sample, Seen, bounded
from stream.spikes.pane import PaneStats, author_sample

CHUNK_IDS = 4_096
"""Counted tweets in one state record (65 KB as base64): a busy pane rewrites only its last chunk."""
UNCERTAIN_BELOW = 0.5
_LABEL_BITS = 2
_VOICE_BITS = 32
NO_VOICE = (1 << _VOICE_BITS) - 1
"""Stands for a tweet that names no author."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
SECOND_US = 1_000_000
_LABEL_NUMBERS = {label: number for number, label in enumerate(LABELS)}


class LabelledTweet(NamedTuple):
    """What the fold needs of a labelled tweet, in plain values: one about each brand.

    ``at_us``: event time in microseconds since 1970. ``label``: its index in
    LABELS. The probabilities are in the order of LABELS, ``confidence`` is that
    of the label, ``model`` the version of what gave it.
    """

    at_us: int
    brand: str
    id: str
    label: int
    negative: float
    neutral: float
    positive: float
    confidence: float
    model: str
    author: str | None
    text: str
    source: str | None
    lang: str | None

    @classmethod
    def of(cls, record: LabeledTweet) -> LabelledTweet:
        """What a record of ``tweets.labeled`` says."""
        tweet, probabilities = record.tweet, record.probabilities
        return cls(
            (tweet.created_at - _EPOCH) // _MICROSECOND,
            record.brand,
            tweet.id,
            _LABEL_NUMBERS[record.label],
            probabilities.negative,
            probabilities.neutral,
            probabilities.positive,
            record.confidence,
            record.model.version,
            tweet.author,
            tweet.text,
            tweet.source,
            tweet.lang,
        )


def id_hash(tweet_id: str) -> int:
    """64 bits of a tweet id. Among a million ids two agree with a chance of 3 in 100 million."""
    return int.from_bytes(blake2b(tweet_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def voice_of(author: int | None, label: int) -> int:
    """Who said what: 30 bits of the author's hash, and the label. The same author twice is one voice."""
    if author is None:
        return NO_VOICE
    return author >> (64 - _VOICE_BITS + _LABEL_BITS) << _LABEL_BITS | label


def pane_start(at_us: int) -> int:
    """Start of the pane that holds an event time (microseconds since 1970), in seconds since 1970."""
    return at_us // (PANE_S * SECOND_US) * PANE_S


class PaneKey(NamedTuple):
    """``start`` in seconds since 1970."""

    start: int
    brand: str

    @property
    def end(self) -> int:
        return self.start + PANE_S


class Counted(NamedTuple):
    """What is remembered of one counted tweet: the hash of its id, and its voice."""

    id: int
    voice: int


@dataclass(slots=True)
class CountedTweets:
    """The tweets counted in a pane, in order of arrival, split into chunks.

    ``full`` chunks are saved for good; ``tail`` is the last one, still growing.
    """

    known: set[int] = field(default_factory=set)
    voices: set[int] = field(default_factory=set)
    tail: list[Counted] = field(default_factory=list)
    full: int = 0

    @property
    def chunks(self) -> int:
        return self.full + bool(self.tail)

    def all(self) -> list[Counted]:
        """Ids and voices of all; which voice is whose is not remembered, and does not matter."""
        return [Counted(*pair) for pair in zip_longest(self.known, self.voices - {NO_VOICE}, fillvalue=NO_VOICE)]

    def chunks_with(self, fresh: list[Counted]) -> dict[int, list[Counted]]:
        """The chunks that adding ``fresh`` would change, by number."""
        if not fresh:
            return {}
        grown = self.tail + fresh
        return {
            self.full + number: grown[start : start + CHUNK_IDS]
            for number, start in enumerate(range(0, len(grown), CHUNK_IDS))
        }

    def add(self, fresh: list[Counted]) -> None:
        grown = self.tail + fresh
        whole = len(grown) // CHUNK_IDS
        self.known.update(counted.id for counted in fresh)
        self.voices.update(counted.voice for counted in fresh)
        self.full += whole
        self.tail = grown[whole * CHUNK_IDS :]


def _new_sample() -> Sample:
    return Sample(PANE_TWEETS)


@dataclass(slots=True)
class Pane:
    """State of one pane. ``counts`` and ``sums`` are in the order of LABELS, sums in millionths.

    ``confidence`` is a sum in millionths too. ``unsigned``: tweets by label that
    name no author. ``cells``: tweets by ``cell_of`` their probabilities.
    ``sample``: some tweets, as evidence for spikes; None once the pane has closed.
    ``ids`` is None once the duplicate horizon has passed. ``fresh`` holds what a
    draft has counted and not yet saved, by id; ``sampled``: whether the sample changed.
    """

    key: PaneKey
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    sums: list[int] = field(default_factory=lambda: [0, 0, 0])
    confidence: int = 0
    uncertain: int = 0
    unsigned: list[int] = field(default_factory=lambda: [0, 0, 0])
    cells: dict[int, int] = field(default_factory=dict)
    authors: Authors = field(default_factory=Authors)
    late: int = 0
    closed: bool = False
    models: list[str] = field(default_factory=list)
    sample: Sample | None = field(default_factory=_new_sample)
    ids: CountedTweets | None = field(default_factory=CountedTweets)
    fresh: dict[int, Counted] = field(default_factory=dict)
    sampled: bool = False

    @property
    def revision(self) -> int:
        """Distinct tweets folded in."""
        return sum(self.counts)

    @property
    def settled(self) -> bool:
        """Whether only a late tweet can change it any more."""
        return self.closed and self.ids is None and not self.fresh

    def pack(self) -> bytes:
        """All but the sample and the ids, which have records of their own, as JSON."""
        return orjson.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "counts": self.counts,
                "sums": self.sums,
                "confidence": self.confidence,
                "uncertain": self.uncertain,
                "unsigned": self.unsigned,
                "cells": list(self.cells.items()),
                "authors": self.authors.encode(),
                "late": self.late,
                "closed": self.closed,
                "models": self.models,
                "ids": self.ids is not None,
            }
        )

    @classmethod
    def unpack(cls, key: PaneKey, packed: bytes) -> Pane:
        """The pane that ``pack`` wrote, with neither sample nor ids in it."""
        value = orjson.loads(packed)
        return cls(
            key,
            counts=value["counts"],
            sums=value["sums"],
            confidence=value["confidence"],
            uncertain=value["uncertain"],
            unsigned=value["unsigned"],
            cells=dict(value["cells"]),
            authors=Authors.decode(value["authors"]),
            late=value["late"],
            closed=value["closed"],
            models=value["models"],
            sample=None if value["closed"] else _new_sample(),
            ids=CountedTweets() if value["ids"] else None,
        )

    def draft(self) -> Pane:
        """A copy that can be folded into; the ids are shared and only read until ``saved``."""
        return replace(
            self,
            counts=list(self.counts),
            sums=list(self.sums),
            unsigned=list(self.unsigned),
            cells=dict(self.cells),
            authors=self.authors.copy(),
            models=list(self.models),
            sample=None if self.sample is None else self.sample.copy(),
            fresh={},
            sampled=False,
        )

    def knows(self, hashed: int) -> bool:
        return self.ids is not None and (hashed in self.ids.known or hashed in self.fresh)

    def add(self, tweet: LabelledTweet, hashed: int) -> None:
        """Count one tweet; late when the pane has already closed."""
        label, negative, neutral, positive, confidence, model, name = tweet[3:10]
        self.counts[label] += 1
        sums = self.sums
        sums[0] += round(negative * MILLION)
        sums[1] += round(neutral * MILLION)
        sums[2] += round(positive * MILLION)
        self.confidence += round(confidence * MILLION)
        self.uncertain += confidence < UNCERTAIN_BELOW
        cell = cell_of(negative, neutral, positive)
        self.cells[cell] = self.cells.get(cell, 0) + 1
        author = None if name is None else author_hash(name)
        if author is None:
            self.unsigned[label] += 1
        else:
            self.authors.add(author)
        if model not in self.models:
            self.models.append(model)
        self.late += self.closed
        if self.sample is not None and self.sample.wants(hashed):
            self.sample.add(_seen(tweet, hashed, author))
            self.sampled = True
        if self.ids is not None:
            self.fresh[hashed] = Counted(hashed, voice_of(author, label))

    def close(self) -> Sample:
        """Close it; returns the sample, which the pane then no longer needs."""
        sample = self.sample or _new_sample()
        self.closed, self.sample, self.sampled = True, None, True
        return sample

    def saved(self) -> None:
        """The draft is safe in Kafka: what it counted becomes known."""
        if self.ids is not None:
            self.ids.add(list(self.fresh.values()))
            if self.closed:
                self.ids.voices.clear()  # they were for the spikes, which are decided when the pane closes
        self.fresh, self.sampled = {}, False

    def stats(self) -> PaneStats:
        """The pane as the spike detector sees it: an author counts once for each label.

        Where most tweets of a label name no author, nothing is known of its people.
        """
        voices = {counted.voice for counted in self.fresh.values()}
        if self.ids is not None:
            voices |= self.ids.voices
        voices.discard(NO_VOICE)
        people: list[list[int]] = [[], [], []]
        for voice in voices:
            people[voice & ((1 << _LABEL_BITS) - 1)].append(voice >> _LABEL_BITS)
        negative, neutral, positive = (
            len(known) + unsigned for known, unsigned in zip(people, self.unsigned, strict=True)
        )
        known_negative, _, known_positive = (
            author_sample(known if len(known) >= unsigned else [])
            for known, unsigned in zip(people, self.unsigned, strict=True)
        )
        models = tuple(sorted(self.models))
        return PaneStats(self.key.start, negative, neutral, positive, known_negative, known_positive, models)

    def window(self) -> Window:
        """The pane as the world sees it."""
        negative, _neutral, positive = self.counts
        total = self.revision
        low, high = wilson(negative, total)
        return Window(
            brand=self.key.brand,
            start=dt.datetime.fromtimestamp(self.key.start, dt.UTC),
            end=dt.datetime.fromtimestamp(self.key.end, dt.UTC),
            size_s=PANE_S,
            counts=Counts(**dict(zip(LABELS, self.counts, strict=True))),
            probability_sums=Counts(**dict(zip(LABELS, self.sums, strict=True))),
            cells=dict(sorted(self.cells.items())),
            net_sentiment=round((positive - negative) / total, 6),
            negative_share=round(negative / total, 6),
            negative_share_low=round(low, 6),
            negative_share_high=round(high, 6),
            mean_confidence=round(self.confidence / MILLION / total, 6),
            uncertain=self.uncertain,
            authors=self.authors.count(),
            author_sketch=self.authors.encode(),
            revision=total,
            late=self.late,
            status="closed" if self.closed else "open",
            models=sorted(self.models),
        )


def _seen(tweet: LabelledTweet, hashed: int, author: int | None) -> Seen:
    """What is kept of a tweet as evidence: the author only as a hash."""
    return bounded(
        hashed,
        tweet.id,
        tweet.at_us // SECOND_US,
        tweet.label,
        tweet.confidence,
        author,
        tweet.text,
        tweet.source,
        tweet.lang,
    )
