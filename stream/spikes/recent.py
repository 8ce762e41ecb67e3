"""The panes of the last hours, with running sums: any window that ends now costs one subtraction."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from stream.records import MILLION, PANE_S
from stream.spikes.pane import Kind, PaneStats

CHUNK_S = 600
"""Panes are saved ten minutes to a record: only the last record changes as time goes on."""
LENGTHS = (1, 2, 3, 4, 6, 8, 11, 16, 23, 32, 45, 64, 90, 128, 181, 256, 362, 512, 724)
"""Windows are so many panes with tweets long. With steps of √2, one of them has 84% or more of any true span."""
SHARE, VOLUME = 1, 2
"""Bits of ``apart``: in a spike of a share, of the volume; the baseline leaves it out."""


class RecentPane(NamedTuple):
    """A pane. ``expected_*``: tweets expected of that label, in millionths. ``sum_*``: of all panes up to this one.

    Integers, so that sums do not depend on where they began. Authors as ``pack_authors`` gives them: as ints, they
    were most of what is remembered of the last hours.
    """

    start: int
    tweets: int
    negative: int
    positive: int
    expected_negative: int
    expected_positive: int
    apart: int
    negative_authors: bytes
    positive_authors: bytes
    sum_tweets: int = 0
    sum_negative: int = 0
    sum_positive: int = 0
    sum_expected_negative: int = 0
    sum_expected_positive: int = 0


SAVED_FIELDS = 9
_SUMS = {
    kind: (RecentPane._fields.index(f"sum_{kind}"), RecentPane._fields.index(f"sum_expected_{kind}"))
    for kind in (Kind.NEGATIVE, Kind.POSITIVE)
}
_NOTHING = RecentPane(0, 0, 0, 0, 0, 0, 0, b"", b"")


def pack_authors(sample: Iterable[int]) -> bytes:
    """An ``author_sample``, 4 bytes each."""
    return array("I", sample).tobytes()


def authors_in(packed: bytes) -> array[int]:
    """The author hashes in what ``pack_authors`` gave, once or joined."""
    return array("I", packed)


class Bounds(NamedTuple):
    """No window is longer than ``longest_s``, nor longer than it must be for ``most_tweets``."""

    longest_s: int
    most_tweets: int


class Stretch(NamedTuple):
    """Sums over a window that ends with the newest pane. ``expected``: hits expected by the baseline."""

    start: int
    panes: int
    tweets: int
    hits: int
    expected: float


class Recent:
    """Panes with tweets, oldest first."""

    def __init__(self, panes: Iterable[RecentPane] = ()) -> None:
        self.panes: list[RecentPane] = []
        self._before = _NOTHING
        for pane in panes:
            self._append(pane)

    def draft(self) -> Recent:
        """A copy that can be changed; the panes themselves never change."""
        copy = Recent()
        copy.panes, copy._before = self.panes.copy(), self._before
        return copy

    def add(self, pane: PaneStats, expected: tuple[float, float], apart: int) -> None:
        """Append a pane of which the shares ``expected`` (negative, positive) were expected."""
        tweets = pane.tweets
        self._append(
            RecentPane(
                pane.start,
                tweets,
                pane.negative,
                pane.positive,
                round(tweets * expected[0] * MILLION),
                round(tweets * expected[1] * MILLION),
                apart,
                pack_authors(pane.negative_authors),
                pack_authors(pane.positive_authors),
            )
        )

    def stretches(
        self, kind: Kind, since: int, bounds: Bounds, least_tweets: int, least_excess: float = -1.0
    ) -> Iterator[Stretch]:
        """Windows of growing length that end with the newest pane, none from before ``since``.

        Only those with ``least_tweets`` or more, and a share ``least_excess`` or more above the expected one.
        """
        panes = self.panes
        last: Any = panes[-1]
        count = len(panes)
        since = max(since, last.start + PANE_S - bounds.longest_s)
        hits_at, expected_at = _SUMS[kind]
        sum_tweets, sum_hits, sum_expected = last.sum_tweets, last[hits_at], last[expected_at]
        for length in LENGTHS:
            if length > count or (first := panes[-length]).start < since:
                return
            before: Any = panes[-length - 1] if length < count else self._before
            tweets = sum_tweets - before.sum_tweets
            if tweets >= least_tweets:
                hits, expected = sum_hits - before[hits_at], (sum_expected - before[expected_at]) / MILLION
                if hits - expected >= least_excess * tweets:
                    yield Stretch(first.start, length, tweets, hits, expected)
                if tweets >= bounds.most_tweets:
                    return

    def tweets_since(self, start: int) -> int:
        """Tweets in panes that start at ``start`` or later."""
        first = bisect_left(self.panes, start, key=_start)
        if first == len(self.panes):
            return 0
        before = self.panes[first - 1] if first else self._before
        return self.panes[-1].sum_tweets - before.sum_tweets

    def between(self, start: int, end: int) -> list[RecentPane]:
        """Panes that start at ``start`` or later, and before ``end``."""
        return self.panes[bisect_left(self.panes, start, key=_start) : bisect_left(self.panes, end, key=_start)]

    def mark(self, start: int, bit: int) -> set[int]:
        """Set ``bit`` of ``apart`` from ``start`` on; the chunks that changed."""
        first = bisect_left(self.panes, start, key=_start)
        for index in range(first, len(self.panes)):
            self.panes[index] = self.panes[index]._replace(apart=self.panes[index].apart | bit)
        return {pane.start // CHUNK_S for pane in self.panes[first:]}

    def evict(self, keep_from: int, longest_from: int, most_tweets: int) -> set[int]:
        """Drop what is before ``keep_from`` and is not among the last ``most_tweets``, and all before ``longest_from``.

        In whole chunks; gives their numbers.
        """
        panes = self.panes
        if not panes:
            return set()
        enough = panes[-1].sum_tweets - most_tweets
        gone = 0
        while panes[gone].start < longest_from or (panes[gone].start < keep_from and panes[gone].sum_tweets <= enough):
            gone += 1
        while gone and panes[gone - 1].start // CHUNK_S == panes[gone].start // CHUNK_S:
            gone -= 1  # what is saved together goes together
        if not gone:
            return set()
        chunks = {pane.start // CHUNK_S for pane in panes[:gone]}
        self._before = panes[gone - 1]
        del panes[:gone]
        return chunks

    def _append(self, pane: RecentPane) -> None:
        upto = self.panes[-1] if self.panes else self._before
        start, tweets, negative, positive, expected_negative, expected_positive, apart, _by, _of, *_sums = pane
        self.panes.append(
            RecentPane(
                start,
                tweets,
                negative,
                positive,
                expected_negative,
                expected_positive,
                apart,
                pane.negative_authors,
                pane.positive_authors,
                upto.sum_tweets + tweets,
                upto.sum_negative + negative,
                upto.sum_positive + positive,
                upto.sum_expected_negative + expected_negative,
                upto.sum_expected_positive + expected_positive,
            )
        )


def _start(pane: RecentPane) -> int:
    return pane.start
