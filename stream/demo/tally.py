"""Accounts of what the topics hold, kept by a reader that trusts nobody's counters.

Pure: records go in with the time they were seen, numbers come out. A record
may come twice (Kafka delivers at least once, and a killed worker labels its
last batch again): everything here counts distinct things.

- a **source record** is one record of ``tweets``, named by partition and offset;
- a **tweet** is one id, which several source records may carry (duplicates);
- a **pair** is a tweet and one brand it speaks of: what labels and windows count.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from dataclasses import dataclass
from itertools import islice

from model.labels import Label
from stream.demo.offsets import OffsetSet, OffsetTimes
from stream.demo.pulse import Latency, Pulse
from stream.demo.windows import Span, WindowBook, minute_of, net_sentiment
from stream.records import OTHER_BRAND, Counts, LabeledTweet, ModelIdentity, Spike, Window

CLASSIFY = "classify"
"""The stage whose dead letters are source records."""
KEPT_TWEETS = 200


@dataclass(frozen=True)
class LastTweet:
    """A labelled tweet as the view shows it."""

    brand: str
    label: Label
    confidence: float
    text: str
    created_at: dt.datetime


@dataclass(frozen=True)
class DeadLetter:
    """Why one record could not be used, from the headers of ``tweets.dead``."""

    stage: str
    reason: str
    message: str
    origin: tuple[str, int, int]
    """Topic, partition and offset of the record."""


@dataclass(frozen=True)
class BrandRow:
    """One brand by its published windows. ``series``: net sentiment in each cell of the span."""

    name: str
    counts: Counts
    net: float
    series: tuple[float | None, ...]
    alarm: str = ""
    """Kind of the spike that is open, if one is."""


@dataclass(frozen=True)
class Wanted:
    """How much of everything the view has room for."""

    brands: int = 0
    cells: int = 0
    tweets: int = 0
    seconds: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Everything the view and the summary need, at one moment."""

    received: int
    """Distinct source records in ``tweets``."""
    settled: int
    """Of these, labelled or dead."""
    labeled: int
    """Distinct pairs."""
    duplicates: int
    """Labelled source records beyond the first of each tweet."""
    dead: int
    last_dead: DeadLetter | None
    late: int
    """Pairs that came too late for their window, and are in no window."""
    unreadable: int
    windows: int
    open_windows: int
    unsettled_windows: int
    rate: float
    rates: tuple[int, ...]
    latency: Latency | None
    brands: tuple[BrandRow, ...]
    brands_in_all: int
    span: Span | None
    last: tuple[LastTweet, ...]
    event_time: dt.datetime | None
    model: ModelIdentity | None


class Tally:
    """Counts distinct tweets, pairs, deaths and windows."""

    def __init__(self) -> None:
        self.windows = WindowBook()
        self.pulse = Pulse()
        self.progress = 0
        """Goes up with every record that says something new."""
        self.unreadable = 0
        self.spikes: dict[str, Spike] = {}
        """The newest record of each, by id."""
        self.worker_seen = False
        self.first_label_at: float | None = None
        self._first_ms: int | None = None
        self._last_ms: int | None = None
        self._received = OffsetSet()
        self._received_at = OffsetTimes()
        self._labels_waiting: dict[tuple[int, int], int] = {}
        self._labeled_sources = OffsetSet()
        self._settled = OffsetSet()
        self._tweets: set[int] = set()
        self._deliveries: set[int] = set()
        # Pairs are kept as 64-bit hashes (some 100 bytes each, not 400), with the minute of their window. That two
        # of a million share a hash happens once in 40 million runs.
        self._pairs: dict[int, int] = {}
        self._elsewhere: set[tuple[int, int]] = set()
        self._copies: dict[tuple[int, int], int] = {}
        self._late: dict[tuple[int, int], set[tuple[int, int]]] = {}
        self._counted: set[tuple[int, int]] = set()
        self._dead: set[tuple[str, tuple[str, int, int]]] = set()
        self._last_dead: DeadLetter | None = None
        self._last: deque[LastTweet] = deque(maxlen=KEPT_TWEETS)
        self._event_time: dt.datetime | None = None
        self._model: ModelIdentity | None = None

    def add_tweet(self, partition: int, offset: int, appended_ms: int, now: float) -> None:
        """A record of ``tweets`` that is no marker; its value does not matter here."""
        if not self._received.add(partition, offset):
            return
        self.progress += 1
        self._clock(appended_ms)
        self._received_at.put(partition, offset, appended_ms)
        labeled_ms = self._labels_waiting.pop((partition, offset), None)
        if labeled_ms is not None:
            self.pulse.took(max(0, labeled_ms - appended_ms) / 1000, now)

    def add_labeled(self, record: LabeledTweet, appended_ms: int, now: float) -> None:
        """A record of ``tweets.labeled`` that is no watermark."""
        source = (record.origin.partition, record.origin.offset)
        self._clock(appended_ms)
        if self.first_label_at is None:
            self.first_label_at = now
        if self._labeled_sources.add(*source):
            self._time(source, appended_ms, now)
            self._settle(source, now)
        self._tweets.add(hash(record.tweet.id))
        delivery = hash((*source, record.brand))
        if delivery not in self._deliveries:
            self._deliveries.add(delivery)
            self._count(record)
        if self._event_time is None or record.tweet.created_at > self._event_time:
            self._event_time = record.tweet.created_at
        self._model = record.model

    def _count(self, record: LabeledTweet) -> None:
        triple = _triple(record)
        copies = self._copies_of(triple)
        self._remember(triple, copies + 1)
        if not copies:
            self.progress += 1
            tweet = record.tweet
            self._last.append(LastTweet(record.brand, record.label, record.confidence, tweet.text, tweet.created_at))
        if triple in self._late:
            self._weigh(triple, record)
        elif not copies:
            self.windows.fold(record.brand, triple[1], record.label)

    def add_dead(self, letter: DeadLetter, refused: LabeledTweet | None, appended_ms: int, now: float) -> None:
        """A record of ``tweets.dead``; ``refused``: the labelled tweet in it, if no window took it (it was late)."""
        self._clock(appended_ms)
        self._last_dead = letter
        if refused is not None:
            triple = _triple(refused)
            if triple not in self._late:
                self._late[triple] = set()
                if self._copies_of(triple):
                    self._counted.add(triple)
            source = (refused.origin.partition, refused.origin.offset)
            if source not in self._late[triple]:
                self.progress += 1
                self._late[triple].add(source)
                self._weigh(triple, refused)
        elif (letter.stage, letter.origin) not in self._dead:
            self.progress += 1
            self._dead.add((letter.stage, letter.origin))
            if letter.stage == CLASSIFY:
                self._settle(letter.origin[1:], now)

    def add_window(self, window: Window, appended_ms: int) -> None:
        """A record of ``reputation.windows``."""
        self.progress += 1
        self._clock(appended_ms)
        self.windows.publish(window)

    def add_spike(self, spike: Spike, appended_ms: int) -> None:
        """A record of ``reputation.spikes``."""
        self.progress += 1
        self._clock(appended_ms)
        self.spikes[spike.id] = spike

    def add_unreadable(self) -> None:
        """A record that is not what its topic promises."""
        self.unreadable += 1

    def add_watermark(self) -> None:
        """A watermark: a worker is alive and owns partitions."""
        self.worker_seen = True

    @property
    def received(self) -> int:
        """Distinct source records."""
        return len(self._received)

    @property
    def settled(self) -> int:
        """Source records labelled or dead."""
        return len(self._settled)

    @property
    def elapsed_s(self) -> float:
        """From Kafka's first tweet to its latest label, death or window, by Kafka's clock."""
        return 0.0 if self._first_ms is None or self._last_ms is None else (self._last_ms - self._first_ms) / 1000

    def snapshot(self, wanted: Wanted, now: float) -> Snapshot:
        """All numbers at this moment, and as much detail as there is room for."""
        sums = self.windows.sums()
        alarms = {spike.brand: spike.kind for spike in self.spikes.values() if spike.status == "open"}
        span = self.windows.span(wanted.cells)
        rows = tuple(
            BrandRow(
                brand,
                counts,
                net_sentiment(counts.negative, counts.neutral, counts.positive) or 0.0,
                self.windows.series(brand, span) if span else (),
                alarms.get(brand, ""),
            )
            for brand, counts in sorted(islice(sums.items(), wanted.brands), key=_by_name)
        )
        return Snapshot(
            received=self.received,
            settled=self.settled,
            labeled=len(self._pairs),
            duplicates=len(self._labeled_sources) - len(self._tweets),
            dead=len(self._dead) + len(self._late),
            last_dead=self._last_dead,
            late=len(self._late) - len(self._counted),
            unreadable=self.unreadable,
            windows=len(self.windows),
            open_windows=self.windows.open,
            unsettled_windows=self.windows.unsettled,
            rate=self.pulse.rate(now),
            rates=self.pulse.rates(now, wanted.seconds),
            latency=self.pulse.latency(now),
            brands=rows,
            brands_in_all=len(sums),
            span=span,
            # They come in runs, partition by partition, so brand by brand: by their time, they mix.
            last=tuple(sorted(self._last, key=_created_at, reverse=True)[: wanted.tweets]),
            event_time=self._event_time,
            model=self._model,
        )

    @property
    def rate_of_all(self) -> float:
        """Tweets a second over the whole run."""
        return self.settled / self.elapsed_s if self.elapsed_s else 0.0

    def _clock(self, appended_ms: int) -> None:
        self._first_ms = appended_ms if self._first_ms is None else min(self._first_ms, appended_ms)
        self._last_ms = appended_ms if self._last_ms is None else max(self._last_ms, appended_ms)

    def _time(self, source: tuple[int, int], labeled_ms: int, now: float) -> None:
        """Latency, once both the tweet and its label have been read; they come in any order."""
        received_ms = self._received_at.get(*source)
        if received_ms is None:
            self._labels_waiting[source] = labeled_ms
        else:
            self.pulse.took(max(0, labeled_ms - received_ms) / 1000, now)

    def _settle(self, source: tuple[int, int], now: float) -> None:
        if self._settled.add(*source):
            self.progress += 1
            self.pulse.settled(now)

    def _copies_of(self, triple: tuple[int, int]) -> int:
        """Source records of one pair and minute whose labels have been read."""
        pair, minute = triple
        known = self._pairs.get(pair) == minute or triple in self._elsewhere
        return self._copies.get(triple, 1) if known else 0

    def _remember(self, triple: tuple[int, int], copies: int) -> None:
        pair, minute = triple
        if copies > 1:
            self._copies[triple] = copies
        elif self._pairs.setdefault(pair, minute) != minute:  # the same id again at another time
            self._elsewhere.add(triple)

    def _weigh(self, triple: tuple[int, int], record: LabeledTweet) -> None:
        """A pair some copies of which died as late counts if one of them did not."""
        counts = self._copies_of(triple) > len(self._late[triple])
        if counts and triple not in self._counted:
            self._counted.add(triple)
            self.windows.fold(record.brand, triple[1], record.label)
        elif not counts and triple in self._counted:
            self._counted.discard(triple)
            self.windows.fold(record.brand, triple[1], record.label, -1)


def _by_name(row: tuple[str, Counts]) -> tuple[bool, str]:
    """Rows that keep their place while volumes change; tweets about no brand come last."""
    return row[0] == OTHER_BRAND, row[0].casefold()


def _created_at(tweet: LastTweet) -> dt.datetime:
    return tweet.created_at


def _triple(record: LabeledTweet) -> tuple[int, int]:
    """A pair and the minute of its window: what an aggregate counts once."""
    return hash((record.tweet.id, record.brand)), minute_of(record.tweet.created_at)
