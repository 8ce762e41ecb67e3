"""A bounded uniform sample of tweets: those whose id hashes to the smallest numbers.

A sample holds every tweet below its ``threshold``, up to ``size`` of them;
beyond that the threshold falls. So which tweets are in it depends on the set of
tweets alone, not on their order, on batches, on redelivery or on what was merged
when; and each tweet is in it with the same chance (bottom-k sampling, Cohen and
Kaplan 2007).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from model.labels import LABELS, Label

ALL = 1 << 64
"""A threshold above every hash."""
MAX_TEXT = 400
"""Characters of a text that are kept."""
MAX_NAME = 32
"""Of a source or a language."""
MAX_ID = 256


class Seen(NamedTuple):
    """What is kept of a tweet. ``at``: seconds since 1970; ``confidence`` in percent; ``author``: a hash."""

    priority: int
    id: str
    at: int
    label: int
    confidence: int
    author: int | None
    text: str
    source: str
    lang: str


def see(
    priority: int,
    *,
    id: str,
    at: int,
    text: str,
    label: Label,
    confidence: float = 1.0,
    author: int | None = None,
    source: str | None = None,
    lang: str | None = None,
) -> Seen:
    """What to keep of a tweet; ``priority`` is a 64-bit hash of its id."""
    return bounded(priority, id, at, LABELS.index(label), confidence, author, text, source, lang)


def bounded(  # noqa: PLR0917  (by keyword it takes twice as long, for every tweet)
    priority: int,
    id: str,
    at: int,
    label: int,
    confidence: float,
    author: int | None,
    text: str,
    source: str | None,
    lang: str | None,
) -> Seen:
    """As ``see``, with the index of the label. Texts are cut: all sizes are bounded."""
    return Seen(
        priority,
        id[:MAX_ID],
        at,
        label,
        round(100 * confidence),
        author,
        text[:MAX_TEXT],
        source[:MAX_NAME] if source else "",
        lang[:MAX_NAME] if lang else "",
    )


class Sample:
    """At most ``size`` tweets. Ask ``wants`` before preparing one: of a busy pane most are not kept."""

    __slots__ = ("_limit", "_seen", "size", "threshold")

    def __init__(self, size: int, seen: Iterable[Seen] = (), threshold: int = ALL) -> None:
        self.size = size
        self.threshold = threshold
        self._seen = {one.priority: one for one in seen if one.priority < threshold}
        self._limit = 2 * size
        self._settle()

    def __len__(self) -> int:
        return min(len(self._seen), self.size)

    def __iter__(self) -> Iterator[Seen]:
        return iter(self.tweets())

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sample)
            and self.size == other.size
            and self.tweets() == other.tweets()
            and self.threshold == other.threshold
        )

    __hash__ = None  # type: ignore[assignment]  # it changes

    def wants(self, priority: int) -> bool:
        """Whether a tweet of this priority would be kept."""
        return priority < self.threshold and priority not in self._seen

    def add(self, tweet: Seen) -> None:
        """Keep the tweet if its turn comes; one that is there already changes nothing."""
        if self.wants(tweet.priority):
            self.keep(tweet)

    def keep(self, tweet: Seen) -> None:
        """Keep a tweet of a priority that ``wants`` has just asked for."""
        self._seen[tweet.priority] = tweet
        if len(self._seen) > self._limit:
            self._settle()

    def tweets(self) -> list[Seen]:
        """Those kept, by priority."""
        self._settle()
        return sorted(self._seen.values())

    def copy(self) -> Sample:
        """An independent copy; the tweets themselves never change."""
        other = Sample(self.size, threshold=self.threshold)
        other._seen = self._seen.copy()
        return other

    def _settle(self) -> None:
        """Sorting once for many tweets is cheaper than keeping order; in between twice as many may be held."""
        if len(self._seen) > self.size:
            ordered = sorted(self._seen)
            self.threshold = ordered[self.size]
            for priority in ordered[self.size :]:
                del self._seen[priority]


def merge(samples: Iterable[Sample], size: int) -> Sample:
    """A sample of ``size`` of all that the ``samples`` are of; the same in whatever order, all at once or in steps."""
    parts = list(samples)
    threshold = min((part.threshold for part in map(_settled, parts)), default=ALL)
    return Sample(size, (tweet for part in parts for tweet in part), threshold)


def _settled(sample: Sample) -> Sample:
    sample.tweets()
    return sample
