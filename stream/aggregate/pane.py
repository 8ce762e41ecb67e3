"""One brand, one minute: counts, sums and the ids that were counted. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from model.labels import LABELS
from stream.records import MILLION, PANE_S, Counts, LabeledTweet, Window

CHUNK_IDS = 4_096
"""Id hashes in one state record (43 KB as base64): a busy pane rewrites only its last chunk."""


def id_hash(tweet_id: str) -> int:
    """64 bits of a tweet id. Among a million ids two agree with a chance of 3 in 100 million."""
    return int.from_bytes(blake2b(tweet_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def pane_start(event_time: dt.datetime) -> int:
    """Start of the pane that holds ``event_time``, in seconds since 1970."""
    return int(event_time.timestamp() // PANE_S) * PANE_S


@dataclass(frozen=True, order=True)
class PaneKey:
    """``start`` in seconds since 1970."""

    start: int
    brand: str

    @property
    def end(self) -> int:
        return self.start + PANE_S


@dataclass
class CountedIds:
    """Hashes of the tweets counted in a pane, in order of arrival, split into chunks.

    ``full`` chunks are saved for good; ``tail`` is the last one, still growing.
    """

    known: set[int] = field(default_factory=set)
    tail: list[int] = field(default_factory=list)
    full: int = 0

    @property
    def chunks(self) -> int:
        return self.full + bool(self.tail)

    def chunks_with(self, fresh: list[int]) -> dict[int, list[int]]:
        """The chunks that adding ``fresh`` would change, by number."""
        if not fresh:
            return {}
        grown = self.tail + fresh
        return {
            self.full + number: grown[start : start + CHUNK_IDS]
            for number, start in enumerate(range(0, len(grown), CHUNK_IDS))
        }

    def add(self, fresh: list[int]) -> None:
        grown = self.tail + fresh
        whole = len(grown) // CHUNK_IDS
        self.known.update(fresh)
        self.full += whole
        self.tail = grown[whole * CHUNK_IDS :]


@dataclass
class Pane:
    """State of one pane. ``counts`` and ``sums`` are in the order of LABELS, sums in millionths.

    ``ids`` is None once the duplicate horizon has passed. ``fresh`` holds what a
    draft has counted and not yet saved.
    """

    key: PaneKey
    counts: list[int] = field(default_factory=lambda: [0, 0, 0])
    sums: list[int] = field(default_factory=lambda: [0, 0, 0])
    late: int = 0
    closed: bool = False
    models: list[str] = field(default_factory=list)
    ids: CountedIds | None = field(default_factory=CountedIds)
    fresh: dict[int, None] = field(default_factory=dict)

    @property
    def revision(self) -> int:
        """Distinct tweets folded in."""
        return sum(self.counts)

    def draft(self) -> Pane:
        """A copy that can be folded into; the ids are shared and only read until ``saved``."""
        return replace(self, counts=list(self.counts), sums=list(self.sums), models=list(self.models), fresh={})

    def knows(self, hashed: int) -> bool:
        return self.ids is not None and (hashed in self.ids.known or hashed in self.fresh)

    def add(self, tweet: LabeledTweet, hashed: int) -> None:
        """Count one tweet; late when the pane has already closed."""
        self.counts[LABELS.index(tweet.label)] += 1
        for index, label in enumerate(LABELS):
            self.sums[index] += round(getattr(tweet.probabilities, label) * MILLION)
        if tweet.model.version not in self.models:
            self.models.append(tweet.model.version)
        self.late += self.closed
        if self.ids is not None:
            self.fresh[hashed] = None

    def saved(self) -> None:
        """The draft is safe in Kafka: what it counted becomes known."""
        if self.ids is not None:
            self.ids.add(list(self.fresh))
        self.fresh = {}

    def window(self) -> Window:
        """The pane as the world sees it."""
        negative, _neutral, positive = self.counts
        total = self.revision
        return Window(
            brand=self.key.brand,
            start=dt.datetime.fromtimestamp(self.key.start, dt.UTC),
            end=dt.datetime.fromtimestamp(self.key.end, dt.UTC),
            size_s=PANE_S,
            counts=Counts(**dict(zip(LABELS, self.counts, strict=True))),
            probability_sums=Counts(**dict(zip(LABELS, self.sums, strict=True))),
            net_sentiment=round((positive - negative) / total, 6),
            negative_share=round(negative / total, 6),
            revision=total,
            late=self.late,
            status="closed" if self.closed else "open",
            models=sorted(self.models),
        )
