"""A brand over a time: its minutes, what was expected, its spikes."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path

import orjson

from infra.errors import UsageError
from infra.kafka.admin import partition_count
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from model.prediction import Classifier
from stream.backtest.result import Series
from stream.backtest.run import BacktestOptions, Watcher, backtest_file
from stream.backtest.timeline import Expected
from stream.notify.evidence import partition_of
from stream.records import PANE_S, Spike, Window
from stream.replay.options import ReplayOptions
from stream.spikes.rules import HOUR_S
from stream.topics import Topics

_SHOWN_BRANDS = 12


@dataclass(frozen=True)
class Story:
    """What is told of ``brand``. ``source``: where it is from, in words."""

    brand: str
    source: str
    series: Series
    expected: Sequence[Expected]
    spikes: Sequence[Spike]


@dataclass(frozen=True)
class Span:
    """Event times from ``since`` up to, not including, ``until``; None is open."""

    since: dt.datetime | None = None
    until: dt.datetime | None = None

    def has(self, start: dt.datetime) -> bool:
        """Whether a window that begins then is of this span."""
        return (self.since is None or start >= self.since) and (self.until is None or start < self.until)

    def meets(self, spike: Spike) -> bool:
        """Whether a part of the spike lies in it."""
        ended = spike.closed_at or spike.updated_at
        return (self.until is None or spike.started_at < self.until) and (self.since is None or ended >= self.since)

    def _meets_hour(self, start: int) -> bool:
        """Whether a part of the rest of that hour lies in it."""
        end = _time(start // HOUR_S * HOUR_S + HOUR_S)
        return (self.until is None or _time(start) < self.until) and (self.since is None or end > self.since)

    def of(self, story: Story) -> Story:
        """The part of a story that lies in it."""
        clipped = Series([], story.series.late, story.series.models)
        clipped.minutes = [minute for minute in story.series.minutes if self.has(_time(minute.start))]
        expected = [hour for hour in story.expected if self._meets_hour(hour.start)]
        spikes = [spike for spike in story.spikes if self.meets(spike)]
        return Story(story.brand, story.source, clipped, expected, spikes)


def from_kafka(settings: Settings, brand: str, span: Span) -> Story:
    """The brand as the topics have it. Raises UsageError where there is nothing, and as reading does."""
    topics = Topics.of(settings)
    partition = partition_of(brand, partition_count(settings, topics.windows))
    begin = orjson.dumps([brand])[:-1] + b","
    newest: dict[bytes, bytes | None] = {}
    for message in read_to_end(settings, topics.windows, partition):
        key = message.key() or b""
        if key.startswith(begin):
            newest[key] = message.value()
    windows = [Window.model_validate_json(value) for value in newest.values() if value is not None]
    inside = [window for window in windows if window.size_s == PANE_S and span.has(window.start)]
    if not inside:
        raise UsageError(_nothing(brand, windows, _brands(settings, topics.windows)))
    spikes: dict[str, Spike] = {}
    for message in read_to_end(settings, topics.spikes):
        if (value := message.value()) is not None:
            spike = Spike.model_validate_json(value)
            if spike.brand == brand and span.meets(spike):
                spikes[spike.id] = spike
    return story_of(brand, f"Kafka at {settings.kafka_bootstrap_servers}", inside, spikes.values())


def story_of(brand: str, source: str, windows: Iterable[Window], spikes: Iterable[Spike]) -> Story:
    """The story that windows of one minute tell."""
    series = Series()
    hours: dict[int, Expected] = {}
    for window in sorted(windows, key=lambda window: window.start):
        series.add(window)
        if (baseline := window.baseline) is not None:
            start = int(window.start.timestamp())
            hour = Expected(start, baseline.negative_share, nan, baseline.tweets)
            hours.setdefault(start // HOUR_S, hour)
    ordered = sorted(spikes, key=lambda spike: (spike.opened_at, spike.kind))
    return Story(brand, source, series, list(hours.values()), ordered)


def from_file(
    settings: Settings, path: Path, brand: str, span: Span, load: Callable[[], Classifier], watcher: Watcher
) -> Story:
    """The brand as a backtest of the whole file tells it: what was before the span is what was expected in it."""
    options = BacktestOptions(ReplayOptions(path), brands=frozenset({brand}))
    result = backtest_file(settings, options, load, watcher=watcher)
    series = result.brands[brand]
    spikes = [spike for spike in result.spikes if spike.brand == brand]
    whole = Story(brand, path.name, series, result.told.expected.get(brand, []), spikes)
    story = span.of(whole)
    if not story.series.minutes:
        raise UsageError(f"no tweets about {brand} in that time; {_known_span(_time(series.start), _time(series.end))}")
    return story


def _nothing(brand: str, windows: Sequence[Window], known: Sequence[str]) -> str:
    if windows:
        starts = [window.start for window in windows]
        return f"no tweets about {brand} in that time; {_known_span(min(starts), max(starts))}"
    if not known:
        return "reputation.windows holds no brand yet; run: barometer worker"
    close = difflib.get_close_matches(brand, known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    more = ", ..." if len(known) > _SHOWN_BRANDS else ""
    return f"nothing is known of the brand {brand!r}; {hint}brands: {', '.join(known[:_SHOWN_BRANDS])}{more}"


def _known_span(first: dt.datetime, last: dt.datetime) -> str:
    return f"there are from {first:%Y-%m-%dT%H:%M} to {last:%Y-%m-%dT%H:%M} UTC"


def _brands(settings: Settings, topic: str) -> list[str]:
    return sorted({orjson.loads(message.key() or b'[""]')[0] for message in read_to_end(settings, topic)})


def _time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
