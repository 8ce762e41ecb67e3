"""One measurement: a backlog worked off, or tweets that come at a steady rate."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import orjson

from infra.kafka.incoming import headers_of
from infra.kafka.publish import ConfirmedPublisher
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from stream.bench.pipeline.load import dated, many
from stream.bench.pipeline.site import PipelineBenchError, Site, Workers, publish
from stream.bench.pipeline.timing import (
    Counted,
    Labelled,
    Pane,
    Place,
    cpu_between,
    rate,
    steady,
    to_label,
    to_window,
)
from stream.decode import record_type
from stream.records import Tweet
from stream.topics import Topics

CONSTANT = "--constant"
SLICE_S = 0.02
"""At a steady rate, tweets are published in slices of this length: ten times shorter than what is to be measured."""
MINUTE_CHARS = len("2024-05-01T00:00")
WARM_UP_S = 6.0
"""At a steady rate, what is published in this time is not counted: a worker and a broker that have just started are
slower, as all that they do is new to them."""


@dataclass(frozen=True)
class Backlog:
    """What came of a backlog. Rates in the middle of it; ``cpu_us`` of all workers for each record.

    ``cold_start_s``: from starting the worker until the first label. ``peak_mb``: of the largest worker.
    """

    records: int
    per_s: float
    cpu_us: float
    cold_start_s: float
    peak_mb: float


@dataclass(frozen=True)
class Latencies:
    """Seconds from the append of each tweet to that of its label, and of the first window that counts it."""

    rate: float
    to_label: list[float] = field(repr=False)
    to_window: list[float] = field(repr=False)


def backlog(
    site: Site,
    tweets: Sequence[Tweet],
    count: int,
    *options: str,
    workers: int = 1,
    brands: int = 0,
) -> Backlog:
    """Publish ``count`` tweets, and let workers label and count them."""
    with site.topics() as settings:
        if workers == 1:
            publish(settings, many(tweets, count, brands=brands))
        with site.workers(settings, workers, *options) as running:
            if workers > 1:  # all of them, from the first tweet on
                running.until_joined()
                publish(settings, many(tweets, count, brands=brands))
            running.until_done(Topics.of(settings).tweets)
            labels = read_labels(settings)
            _until_counted(running, settings, len(labels))
            return _told(running, _by_tweet(labels, count))


def stage_by_stage(site: Site, tweets: Sequence[Tweet], count: int, *options: str) -> tuple[Backlog, Backlog]:
    """A backlog through a worker that only labels, then what it made through one that only counts."""
    with site.topics() as settings:
        publish(settings, many(tweets, count))
        with site.workers(settings.model_copy(update={"stages": "classify"}), 1, *options) as running:
            running.until_done(Topics.of(settings).tweets)
            labels = read_labels(settings)
            labelling = _told(running, _by_tweet(labels, count))
        with site.workers(settings.model_copy(update={"stages": "aggregate"}), 1, *options) as running:
            # Nobody sends watermarks any more, so the last windows are not published: offsets tell.
            running.until_done(Topics.of(settings).labeled)
            return labelling, _told_counting(running, read_windows(settings), len(labels))


def latency(site: Site, tweets: Sequence[Tweet], rate: float, seconds: float, *options: str) -> Latencies:
    """Publish ``rate`` tweets a second, written as they are published, to one worker that is up."""
    with site.topics() as settings, site.workers(settings, 1, *options) as running:
        topic = Topics.of(settings).tweets
        source = many(tweets, 1 + int(rate * (WARM_UP_S + seconds)))
        publish(settings, dated(islice(source, 1), _now()))
        running.until_done(topic)
        since_ms = (time.time() + WARM_UP_S) * 1_000
        _at_a_rate(settings, source, rate)
        running.until_done(topic)
        labels = read_labels(settings)
        _until_counted(running, settings, len(labels))
        published = {
            (message.partition() or 0, message.offset() or 0): message.timestamp()[1]
            for message in read_to_end(settings, topic)
        }
        return Latencies(
            rate, to_label(published, labels, since_ms), to_window(published, labels, read_windows(settings), since_ms)
        )


def _at_a_rate(settings: Settings, source: Iterator[Tweet], rate: float) -> None:
    """Publish; when a slice is late, it is larger."""
    publisher = ConfirmedPublisher(settings)
    began, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - began) * rate) - sent
        batch = dated(islice(source, due), _now())
        if due and not batch:
            return
        publish(settings, batch, publisher)
        sent += len(batch)
        time.sleep(SLICE_S)


def read_labels(settings: Settings) -> list[Labelled]:
    """All labelled tweets, each partition in its order; what a rebalance made twice, the first time."""
    labels: dict[tuple[Pane, Place], Labelled] = {}
    for message in read_to_end(settings, Topics.of(settings).labeled):
        if record_type(headers_of(message)) is None:
            record = orjson.loads(message.value() or b"")
            pane = record["brand"], record["tweet"]["created_at"][:MINUTE_CHARS]
            origin = record["origin"]["partition"], record["origin"]["offset"]
            labels.setdefault((pane, origin), Labelled(pane, origin, message.timestamp()[1]))
    return list(labels.values())


def read_windows(settings: Settings) -> list[Counted]:
    """All versions of all windows."""
    windows = []
    for message in read_to_end(settings, Topics.of(settings).windows):
        record = orjson.loads(message.value() or b"")
        pane = record["brand"], record["start"][:MINUTE_CHARS]
        windows.append(Counted(pane, record["revision"], message.timestamp()[1]))
    return windows


def _by_tweet(labels: Sequence[Labelled], count: int) -> list[int]:
    """When each tweet was labelled for the last of its brands. Raises PipelineBenchError unless there are ``count``."""
    found = {label.origin: label.appended_ms for label in labels}
    if len(found) != count:
        raise PipelineBenchError(f"{len(found)} of {count} tweets were labelled")
    return list(found.values())


def _until_counted(running: Workers, settings: Settings, labels: int) -> None:
    """Wait until windows count all labels. Raises PipelineBenchError when they count more."""
    counted = 0

    def all_of_them() -> bool:
        nonlocal counted
        newest: dict[Pane, int] = {}
        for window in read_windows(settings):
            newest[window.pane] = window.tweets
        counted = sum(newest.values())
        return counted >= labels

    running.until(all_of_them)
    if counted > labels:
        raise PipelineBenchError(f"windows count {counted} tweets, but {labels} were labelled")


def _told(running: Workers, appended_ms: Sequence[int]) -> Backlog:
    began, ended, middle = steady(appended_ms)
    usage = running.usage()
    return Backlog(
        len(appended_ms),
        rate(appended_ms),
        1_000_000 * sum(cpu_between(of_worker, began, ended) for of_worker in usage) / middle,
        (min(appended_ms) - min(running.started_ms)) / 1_000,
        max(one.peak_mb for of_worker in usage for one in of_worker),
    )


def _told_counting(running: Workers, windows: Sequence[Counted], labels: int) -> Backlog:
    """Of all from the first window to the last: those of a minute come late and many at once, so no part is steady."""
    times = [window.appended_ms for window in windows]
    began, ended = min(times), max(times)
    usage = running.usage()[0]
    return Backlog(
        labels,
        1_000 * labels / max(1, ended - began),
        1_000_000 * cpu_between(usage, began, ended) / labels,
        (began - running.started_ms[0]) / 1_000,
        max(one.peak_mb for one in usage),
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
