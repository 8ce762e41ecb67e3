"""What came of a backtest, and the sums of its windows."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from model.quantification import wilson
from stream.backtest.entry import Dead
from stream.backtest.timeline import Told
from stream.records import PANE_S, Spike, Window

SHOWN_DEAD = 20
KEPT_DEAD = 1_000


class Minute(NamedTuple):
    """Tweets of a brand in the minute from ``start``, seconds since 1970."""

    start: int
    negative: int
    neutral: int
    positive: int

    @property
    def tweets(self) -> int:
        return self.negative + self.neutral + self.positive


@dataclass
class Series:
    """All windows of a brand, in order of their start unless some came late."""

    minutes: list[Minute] = field(default_factory=list)
    late: int = 0
    models: set[str] = field(default_factory=set)

    def add(self, window: Window) -> None:
        counts = window.counts
        self.minutes.append(Minute(int(window.start.timestamp()), counts.negative, counts.neutral, counts.positive))
        self.late += window.late
        self.models.update(window.models)

    @property
    def start(self) -> int:
        return min(minute.start for minute in self.minutes)

    @property
    def end(self) -> int:
        return max(minute.start for minute in self.minutes) + PANE_S


class Share(NamedTuple):
    """Tweets from ``start`` (seconds since 1970), the negative and positive shares of them, and their 95% intervals."""

    start: int
    tweets: int
    negative: float
    negative_low: float
    negative_high: float
    positive: float
    positive_low: float
    positive_high: float


def shares(minutes: Sequence[Minute], size_s: int) -> list[Share]:
    """The shares of each ``size_s`` seconds that have tweets, in order."""
    sums: dict[int, list[int]] = {}
    for minute in minutes:
        total = sums.setdefault(minute.start // size_s * size_s, [0, 0, 0])
        for place, count in enumerate((minute.tweets, minute.negative, minute.positive)):
            total[place] += count
    found = []
    for start in sorted(sums):
        tweets, negative, positive = sums[start]
        by_label = ((count / tweets, *wilson(count, tweets)) for count in (negative, positive))
        found.append(Share(start, tweets, *next(by_label), *next(by_label)))
    return found


@dataclass
class Reading:
    """How the file was read. ``outside``: tweets that ``--from``, ``--to`` and ``--limit`` leave out."""

    tweets: int = 0
    outside: int = 0
    dead: Counter[str] = field(default_factory=Counter)
    dead_rows: list[Dead] = field(default_factory=list)
    seen_brands: Counter[str] = field(default_factory=Counter)

    def bury(self, dead: Dead) -> None:
        """Note a row that is no tweet."""
        self.dead[dead.reason] += 1
        if len(self.dead_rows) < KEPT_DEAD:
            self.dead_rows.append(dead)


@dataclass(frozen=True)
class Seconds:
    """Time on the clock: reading and sorting; labelling; folding, with spikes and evidence."""

    read: float
    label: float
    fold: float


@dataclass(frozen=True)
class Result:
    """``brands``: their windows. ``by_model`` and ``from_cache``: distinct texts that were labelled, and how."""

    file: str
    reading: Reading
    told: Told
    brands: Mapping[str, Series]
    by_model: int
    from_cache: int
    seconds: Seconds

    @property
    def spikes(self) -> list[Spike]:
        """The newest record of each spike, in order of opening."""
        return sorted(self.told.spikes.values(), key=lambda spike: (spike.opened_at, spike.brand, spike.kind))

    @property
    def watched(self) -> dict[str, tuple[int, int]]:
        """By brand, from when to when there are tweets about it, in seconds since 1970."""
        return {brand: (series.start, series.end) for brand, series in self.brands.items()}

    @property
    def labelled_per_s(self) -> float:
        """Labelled tweets read, sorted and folded a second: the pace where nothing has to be labelled."""
        return self.told.counted / max(1e-9, self.seconds.read + self.seconds.fold)


def as_json(result: Result) -> dict[str, Any]:
    """The result for programs, without the windows themselves."""
    reading, told = result.reading, result.told
    return {
        "file": result.file,
        "tweets": reading.tweets,
        "counted": told.counted,
        "duplicates": told.duplicates,
        "late": told.late,
        "outside": reading.outside,
        "dead": dict(sorted(reading.dead.items())),
        "dead_rows": [row._asdict() for row in reading.dead_rows[:SHOWN_DEAD]],
        "labelled_by_model": result.by_model,
        "labels_from_cache": result.from_cache,
        "seconds": {
            "read": round(result.seconds.read, 3),
            "label": round(result.seconds.label, 3),
            "fold": round(result.seconds.fold, 3),
        },
        "brands": {brand: _summary(series) for brand, series in sorted(result.brands.items())},
        "spikes": [spike.model_dump(mode="json", exclude_none=True) for spike in result.spikes],
    }


def _summary(series: Series) -> dict[str, Any]:
    negative, neutral, positive = (sum(minute[place] for minute in series.minutes) for place in (1, 2, 3))
    total = negative + neutral + positive
    low, high = wilson(negative, total)
    return {
        "windows": len(series.minutes),
        "first": as_time(series.start),
        "last": as_time(series.end),
        "tweets": total,
        "negative": negative,
        "neutral": neutral,
        "positive": positive,
        "net_sentiment": round((positive - negative) / total, 6),
        "negative_share": round(negative / total, 6),
        "negative_share_low": round(low, 6),
        "negative_share_high": round(high, 6),
        "late": series.late,
        "models": sorted(series.models),
    }


def as_time(seconds: int) -> dt.datetime:
    """Seconds since 1970 as a time in UTC."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
