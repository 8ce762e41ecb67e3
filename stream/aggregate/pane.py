"""One brand, one minute: counts, sums and the ids that were counted. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import orjson

from model.labels import LABELS
from model.quantification import cell_of, wilson
from stream.aggregate.counted import NO_VOICE, CountedTweets
from stream.aggregate.labelled import LabelledTweet
from stream.authors import Authors, author_hash, hash64
from stream.records import MILLION, PANE_S, SCHEMA_VERSION, Counts, Window, WindowBaseline
from stream.spikes.evidence import PANE_TWEETS, Sample, bounded
from stream.spikes.pane import PaneStats, author_sample

UNCERTAIN_BELOW = 0.5
_LABEL_BITS = 2
_LABEL_MASK = (1 << _LABEL_BITS) - 1
_VOICE_BITS = 32
_AUTHOR_SHIFT = 64 - _VOICE_BITS + _LABEL_BITS
"""A voice is who said what: 30 bits of the author's hash, and the label. The same author twice is one voice."""
SECOND_US = 1_000_000
PANE_US = PANE_S * SECOND_US


def id_hash(tweet_id: str) -> int:
    """64 bits of a tweet id. Among a million ids two agree with a chance of 3 in 100 million."""
    return hash64(tweet_id.encode("utf-8", "surrogatepass"))


class PaneKey(NamedTuple):
    """``start`` in seconds since 1970."""

    start: int
    brand: str

    @property
    def end(self) -> int:
        return self.start + PANE_S


def _new_sample() -> Sample:
    return Sample(PANE_TWEETS)


@dataclass(slots=True)
class Pane:
    """State of one pane. ``counts`` and ``sums`` are in the order of LABELS, sums in millionths.

    ``confidence`` is a sum in millionths too. ``unsigned``: tweets by label that
    name no author. ``cells``: tweets by ``cell_of`` their probabilities.
    ``baseline``: what was expected when it closed.
    ``sample``: some tweets, as evidence for spikes; None once the pane has closed.
    ``ids`` is None once the duplicate horizon has passed. ``fresh`` holds what a
    draft has counted and not yet saved, voices by id; ``sampled``: whether the sample changed.
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
    baseline: WindowBaseline | None = None
    sample: Sample | None = field(default_factory=_new_sample)
    ids: CountedTweets | None = field(default_factory=CountedTweets)
    fresh: dict[int, int] = field(default_factory=dict)
    sampled: bool = False

    @property
    def revision(self) -> int:
        """Distinct tweets folded in."""
        return sum(self.counts)

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
                "baseline": self.baseline and self.baseline.model_dump(),
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
            baseline=None if (expected := value.get("baseline")) is None else WindowBaseline(**expected),
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
        return self.ids is not None and (hashed in self.ids or hashed in self.fresh)

    def add(self, tweets: Iterable[tuple[LabelledTweet, int]]) -> None:
        """Count tweets that it does not know, each with the hash of its id; late when the pane has already closed.

        One loop over local names, since this is most of what counting a tweet costs.
        """
        counts, unsigned, cells, models = self.counts, self.unsigned, self.cells, self.models
        sample = self.sample
        authors: list[int] = []
        voices: dict[int, int] = {}
        wanted: dict[int, tuple[LabelledTweet, int | None]] = {}
        before = self.revision
        negatives = neutrals = positives = sure = uncertain = 0
        for tweet, hashed in tweets:
            _, _, _, label, negative, neutral, positive, confidence, model, name, _, _, _ = tweet
            counts[label] += 1
            negatives += round(negative * MILLION)
            neutrals += round(neutral * MILLION)
            positives += round(positive * MILLION)
            sure += round(confidence * MILLION)
            if confidence < UNCERTAIN_BELOW:
                uncertain += 1
            cell = cell_of(negative, neutral, positive)
            cells[cell] = cells.get(cell, 0) + 1
            if name is None:
                author = None
                unsigned[label] += 1
                voices[hashed] = NO_VOICE
            else:
                author = author_hash(name)
                authors.append(author)
                voices[hashed] = author >> _AUTHOR_SHIFT << _LABEL_BITS | label
            if model not in models:
                models.append(model)
            if sample is not None and sample.wants(hashed):
                wanted.setdefault(hashed, (tweet, author))
        self.authors.update(authors)
        if sample is not None and wanted:
            self._sample(sample, wanted)
        sums = self.sums
        sums[0] += negatives
        sums[1] += neutrals
        sums[2] += positives
        self.confidence += sure
        self.uncertain += uncertain
        if self.closed:
            self.late += self.revision - before
        if self.ids is not None:
            self.fresh.update(voices)

    def _sample(self, sample: Sample, wanted: Mapping[int, tuple[LabelledTweet, int | None]]) -> None:
        """Take tweets and their authors into the sample: those that it may keep, and the first that it will not."""
        hashes = sorted(wanted)[: sample.size + 1] if len(wanted) > sample.size else wanted
        for hashed in hashes:
            tweet, author = wanted[hashed]
            at_us, _, identity, label, _, _, _, confidence, _, _, text, source, lang = tweet
            at = at_us // SECOND_US
            sample.keep(bounded(hashed, identity, at, label, confidence, author, text, source, lang))
        self.sampled = True

    def close(self) -> Sample:
        """Close it; returns the sample, which the pane then no longer needs."""
        sample = self.sample or _new_sample()
        self.closed, self.sample, self.sampled = True, None, True
        return sample

    def saved(self) -> None:
        """The draft is safe in Kafka: what it counted becomes known."""
        if self.ids is not None:
            self.ids.add(self.fresh)
            if self.closed:
                self.ids.pack()  # voices were for the spikes, which are decided when the pane closes
        self.fresh, self.sampled = {}, False

    def stats(self) -> PaneStats:
        """The pane as the spike detector sees it: an author counts once for each label.

        Where most tweets of a label name no author, nothing is known of its people.
        """
        voices = set(self.fresh.values())
        if self.ids is not None:
            voices.update(self.ids.voices())
        voices.discard(NO_VOICE)
        people: tuple[list[int], ...] = ([], [], [])
        for voice in voices:
            people[voice & _LABEL_MASK].append(voice >> _LABEL_BITS)
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
            baseline=self.baseline,
        )
