"""``backtest_file``: read, order, label, count."""

from __future__ import annotations

import datetime as dt
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from infra.errors import UsageError
from infra.settings import Settings
from model.prediction import Classifier
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.cache import LabelCache
from stream.backtest.entry import Dead, Item, only_time
from stream.backtest.labels import Labeller
from stream.backtest.order import Ordered
from stream.backtest.result import Reading, Result, Seconds, Series
from stream.backtest.timeline import Timeline, offline_rules
from stream.backtest.tweets import TweetFile, open_tweets
from stream.brands import BrandRules
from stream.classify.outcome import FuturePolicy
from stream.records import Window
from stream.replay.options import ReplayOptions
from stream.replay.order import as_microseconds
from stream.spikes.watch import BrandWatch

TELL_EVERY = 2_000


@dataclass(frozen=True)
class BacktestOptions:
    """``source``: the file, its columns, its order, its span and how many of its first tweets.

    ``brands``: only these are counted; none means all. ``label_column``: where
    the file says what its tweets are. ``cached``: labels are kept in the cache folder.
    """

    source: ReplayOptions
    brands: frozenset[str] = frozenset()
    label_column: str | None = None
    cached: bool = True


class Watcher(Protocol):
    """Who is told how far a backtest is; each method is called now and then from the thread that works."""

    def opened(self, description: str) -> None: ...
    def read(self, rows: int) -> None: ...
    def done(self, tweets: int, total: int, by_model: int, from_cache: int) -> None: ...


class Unwatched:
    """Nobody looks."""

    def opened(self, description: str) -> None: ...
    def read(self, rows: int) -> None: ...
    def done(self, tweets: int, total: int, by_model: int, from_cache: int) -> None: ...


def backtest_file(
    settings: Settings,
    options: BacktestOptions,
    load: Callable[[], Classifier],
    *,
    watcher: Watcher | None = None,
    on_window: Callable[[Window], None] = lambda _window: None,
    on_closed: Callable[[str, BrandWatch], None] | None = None,
) -> Result:
    """Windows and spikes of a file. ``load`` gives the classifier, and is called only when something needs labelling.

    ``on_window`` gets each window of one minute once, in its final form; ``on_closed`` is the timeline's.

    Raises UsageError for a file that cannot be read, that has no times, or none
    of the brands asked for; BarometerError when the disk is full or the label
    cache damaged; and what ``load`` raises.
    """
    watcher = watcher or Unwatched()
    began = time.perf_counter()
    file = _open(settings, options)
    watcher.opened(file.description)
    reading, brands = Reading(), dict[str, Series]()

    def keep(window: Window) -> None:
        brands.setdefault(window.brand, Series()).add(window)
        on_window(window)

    with ExitStack() as stack:
        stack.enter_context(_rare_collections())
        ordered = stack.enter_context(Ordered(options.source.order))
        ordered.add(_wanted(file, options, reading, watcher))
        _require_tweets(options, reading)
        cache = stack.enter_context(LabelCache(settings.cache)) if options.cached and not file.labelled else None
        total = min(len(ordered), options.source.limit or len(ordered))
        reading.outside += reading.tweets - total
        reading.tweets = total
        counter = _Progress(watcher, total)
        labeller = stack.enter_context(closing(Labeller(load, cache, counter.add)))
        counter.labeller = labeller
        timeline = Timeline(offline_rules(settings), keep, on_closed)
        read_s = time.perf_counter() - began
        fold_s = 0.0
        began = time.perf_counter()
        for chunk in labeller.label(islice(ordered, total)):
            at = time.perf_counter()
            timeline.add(chunk)
            fold_s += time.perf_counter() - at
        at = time.perf_counter()
        told = timeline.end()
        fold_s += time.perf_counter() - at
        label_s = time.perf_counter() - began - fold_s
    for dead in labeller.done.failed:
        reading.bury(dead)
    return Result(
        str(options.source.path),
        reading,
        told,
        brands,
        labeller.done.by_model,
        labeller.done.from_cache,
        Seconds(read_s, label_s, fold_s),
    )


def _open(settings: Settings, options: BacktestOptions) -> TweetFile:
    future = FuturePolicy(settings.future_timestamps == "clamp", dt.timedelta(seconds=settings.future_tolerance_s))
    find_brands = BrandRules.load(settings.brands_file).find
    return open_tweets(options.source, options.label_column, find_brands, future, dt.datetime.now(dt.UTC))


def _wanted(file: TweetFile, options: BacktestOptions, reading: Reading, watcher: Watcher) -> Iterator[Item]:
    """The items of a file that lie in its span; those about other brands only tell the time."""
    since, until = options.source.since, options.source.until
    since_us = None if since is None else as_microseconds(since)
    until_us = None if until is None else as_microseconds(until)
    for row, item in enumerate(file.read(), start=1):
        if row % TELL_EVERY == 0:
            watcher.read(row)
        if isinstance(item, Dead):
            reading.bury(item)
            continue
        at_us = item.at_us
        if (since_us is not None and at_us < since_us) or (until_us is not None and at_us >= until_us):
            reading.outside += 1
            continue
        reading.tweets += 1
        yield _only(options.brands, item, reading) if options.brands else item


def _only(brands: frozenset[str], item: Item, reading: Reading) -> Item:
    """The item as far as it is about one of ``brands``."""
    if isinstance(item, LabelledTweet):
        reading.seen_brands[item.brand] += 1
        return item if item.brand in brands else only_time(item.at_us)
    reading.seen_brands.update(item.brands)
    kept = tuple(brand for brand in item.brands if brand in brands)
    return item._replace(brands=kept) if kept else only_time(item.at_us)


def _require_tweets(options: BacktestOptions, reading: Reading) -> None:
    path = options.source.path
    if not reading.tweets:
        if reading.outside:
            raise UsageError(f"{path} has no tweets between --from and --to; it has {reading.outside:,} outside")
        first = reading.dead_rows[0] if reading.dead_rows else Dead(0, "", "it has no rows")
        raise UsageError(f"{path} has no tweet that can be counted; line {first.line}: {first.message}")
    missing = sorted(options.brands - reading.seen_brands.keys())
    if missing:
        seen = ", ".join(name for name, _count in reading.seen_brands.most_common(10))
        raise UsageError(f"{path} has no tweets about {missing[0]!r}; it has tweets about {seen}")


@dataclass
class _Progress:
    """Adds up what is done."""

    watcher: Watcher
    total: int
    labeller: Labeller | None = None
    tweets: int = 0

    def add(self, tweets: int) -> None:
        self.tweets += tweets
        done = None if self.labeller is None else self.labeller.done
        if done is not None:
            self.watcher.done(self.tweets, self.total, done.by_model, done.from_cache)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Millions of tuples that live long, and no cycles: collecting them would take a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
