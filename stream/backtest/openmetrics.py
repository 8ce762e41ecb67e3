"""``--openmetrics``: the past as the worker's metrics would have told it, minute by minute of event time.

Made for ``promtool tsdb create-blocks-from openmetrics``, so that a dashboard
shows a file's history as it shows what is live. Names are those of
``infra.metrics``; values what a scrape at the end of that minute would have
seen, but that late tweets are counted where they belong. A brand has a sample
for each minute as long as its last 15 minutes hold a tweet, and one when they
do not any more.

What is collected while the backtest runs lies in SQLite beside the file, and
is written in one pass: memory does not grow with the file.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, NamedTuple, Self

from infra import metrics
from infra.catalogue import Family
from infra.errors import BarometerError
from model.labels import LABELS
from stream.aggregate.families import Standing
from stream.records import PANE_S, Spike, Window
from stream.spikes.detector import Detector
from stream.spikes.pane import Kind
from stream.spikes.reading import read
from stream.spikes.watch import BrandWatch

SPAN_S = 900
"""What the gauges look back on, as those of a worker do (stream/aggregate/gauges.py)."""
NO_PARTITION = "backtest"
"""Value of the label ``partition``: a backtest has none."""
_TOGETHER = 5_000
_READ: Sequence[Family] = (
    metrics.BRAND_NEGATIVE_BASELINE,
    metrics.BRAND_NEGATIVE_Z,
    metrics.BRAND_NEGATIVE_Z_THRESHOLD,
    metrics.BRAND_POSITIVE_BASELINE,
    metrics.BRAND_POSITIVE_Z,
    metrics.BRAND_POSITIVE_Z_THRESHOLD,
    metrics.BRAND_VOLUME_BASELINE,
    metrics.BRAND_VOLUME_Z,
)
"""What is read from the detector, in the order of the columns."""
_FAMILIES: Sequence[Family] = (
    metrics.BRAND_MENTIONS,
    metrics.BRAND_VOLUME,
    metrics.BRAND_NEGATIVE_SHARE,
    metrics.BRAND_POSITIVE_SHARE,
    metrics.BRAND_NET_SENTIMENT,
    *_READ,
    metrics.BRAND_SPIKE_ACTIVE,
    metrics.BRAND_LATEST,
)
_SCHEMA = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE minutes (brand TEXT, end INTEGER, negative INTEGER, neutral INTEGER, positive INTEGER,
        PRIMARY KEY (brand, end)) WITHOUT ROWID;
    CREATE TABLE readings (brand TEXT, end INTEGER, a REAL, b REAL, c REAL, d REAL, e REAL, f REAL, g REAL, h REAL,
        PRIMARY KEY (brand, end)) WITHOUT ROWID;
"""


class _Sample(NamedTuple):
    """A brand at ``at`` (seconds since 1970): its last SPAN_S, all that was ever counted, and the newest reading."""

    at: int
    recent: tuple[int, int, int]
    ever: tuple[int, int, int]
    latest: int
    reading: Sequence[float | None]


class History:
    """Give it windows and readings as they come, then ``finish``. A context manager."""

    def __init__(self, path: Path, detector: Detector) -> None:
        """Raises BarometerError when nothing can be written there."""
        self._path = path
        self._detector = detector
        self._minutes: list[tuple[str, int, int, int, int]] = []
        self._readings: list[tuple[str | int | float | None, ...]] = []
        try:
            self._file: IO[str] = path.open("w", encoding="utf-8")
            self._folder = TemporaryDirectory(prefix=".openmetrics-", dir=path.parent)
            self._db = sqlite3.connect(Path(self._folder.name) / "history.sqlite", isolation_level=None)
            self._db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error

    def window(self, window: Window) -> None:
        """A window in its final form."""
        counts = window.counts
        end = int(window.end.timestamp())
        self._minutes.append((window.brand, end, counts.negative, counts.neutral, counts.positive))
        if len(self._minutes) >= _TOGETHER:
            self._save()

    def closed(self, brand: str, watch: BrandWatch) -> None:
        """A pane of ``brand`` has closed: what the detector makes of it now."""
        reading, end = read(self._detector, watch.state), watch.state.end
        if reading is not None and end is not None:
            negative, positive = reading.negative, reading.positive
            self._readings.append((brand, end, *negative, *positive, reading.usual_tweets, reading.volume_z))
            if len(self._readings) >= _TOGETHER:
                self._save()

    def finish(self, spikes: Iterable[Spike]) -> Path:
        """Write the file, and return its path."""
        self._save()
        open_spans: dict[str, list[tuple[str, int, int | None]]] = {}
        for spike in spikes:
            closed = None if spike.closed_at is None else int(spike.closed_at.timestamp())
            span = (spike.kind, int(spike.opened_at.timestamp()), closed)
            open_spans.setdefault(spike.brand, []).append(span)
        try:
            with ExitStack() as stack:
                parts = {
                    family.name: stack.enter_context((Path(self._folder.name) / family.name).open("w+"))
                    for family in _FAMILIES
                }
                for (brand,) in self._db.execute("SELECT DISTINCT brand FROM minutes ORDER BY brand"):
                    _write_brand(parts, brand, list(open_spans.get(brand, ())), self._samples(brand))
                for family in _FAMILIES:
                    self._file.write(_head(family))
                    _append(parts[family.name], self._file)
            self._file.write("# EOF\n")
            self._file.close()
        except (OSError, sqlite3.Error) as error:
            raise self._failed(error) from error
        return self._path

    def _samples(self, brand: str) -> Iterator[_Sample]:
        """Of each minute in which the brand's last SPAN_S hold a tweet, and of the one after."""
        minutes = self._db.execute(
            "SELECT end, negative, neutral, positive FROM minutes WHERE brand = ? ORDER BY end", (brand,)
        )
        readings = _Following(self._db, brand)
        recent: deque[tuple[int, int, int, int]] = deque()
        ever = (0, 0, 0)
        at, latest = 0, 0
        for end, *counts in minutes:
            while recent and at + PANE_S < end:  # minutes without tweets
                at += PANE_S
                yield _sample(at, recent, ever, latest, readings.at(at))
            at = latest = end
            recent.append((end, counts[0], counts[1], counts[2]))
            ever = (ever[0] + counts[0], ever[1] + counts[1], ever[2] + counts[2])
            yield _sample(at, recent, ever, latest, readings.at(at))
        while recent:
            at += PANE_S
            yield _sample(at, recent, ever, latest, readings.at(at))

    def _save(self) -> None:
        try:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT OR REPLACE INTO minutes VALUES (?, ?, ?, ?, ?)", self._minutes)
            self._db.executemany(
                "INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._readings
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from error
        self._minutes.clear()
        self._readings.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        with suppress(OSError):  # a full disk has been told of
            self._file.close()
        self._folder.cleanup()

    def _failed(self, error: Exception) -> BarometerError:
        why = getattr(error, "strerror", None) or error
        return BarometerError(f"{self._path} cannot be written: {why}; give another --openmetrics")


class _Following:
    """The newest reading of a brand at times that only go forward."""

    def __init__(self, db: sqlite3.Connection, brand: str) -> None:
        self._rows = db.execute("SELECT * FROM readings WHERE brand = ? ORDER BY end", (brand,))
        self._next = self._rows.fetchone()
        self._newest: Sequence[float | None] = (None,) * len(_READ)

    def at(self, at: int) -> Sequence[float | None]:
        while self._next is not None and self._next[1] <= at:
            self._newest = self._next[2:]
            self._next = self._rows.fetchone()
        return self._newest


def _sample(
    at: int,
    recent: deque[tuple[int, int, int, int]],
    ever: tuple[int, int, int],
    latest: int,
    reading: Sequence[float | None],
) -> _Sample:
    """Forgets what is older than SPAN_S."""
    while recent and recent[0][0] <= at - SPAN_S:
        recent.popleft()
    sums = (sum(one[1] for one in recent), sum(one[2] for one in recent), sum(one[3] for one in recent))
    return _Sample(at, sums, ever, latest, reading)


def _write_brand(
    parts: Mapping[str, IO[str]], brand: str, spans: Sequence[tuple[str, int, int | None]], samples: Iterable[_Sample]
) -> None:
    """Every series of a brand, each whole: the samples of several series of a family are gathered first."""
    name = _escaped(brand)
    mentions: dict[str, list[str]] = {label: [] for label in LABELS}
    active: dict[str, list[str]] = {kind.value: [] for kind in Kind}

    def put(family: Family, value: float | None, at: int) -> None:
        if value is not None:
            parts[family.name].write(f'{family.name}{{brand="{name}"}} {value:.12g} {at}\n')

    for sample in samples:
        at, found = sample.at, Standing(sample.recent)
        put(metrics.BRAND_VOLUME, found.volume, at)
        put(metrics.BRAND_NEGATIVE_SHARE, found.share("negative"), at)
        put(metrics.BRAND_POSITIVE_SHARE, found.share("positive"), at)
        put(metrics.BRAND_NET_SENTIMENT, found.net_sentiment, at)
        put(metrics.BRAND_LATEST, sample.latest, at)
        for family, value in zip(_READ, sample.reading, strict=True):
            put(family, value, at)
        for label, count in zip(LABELS, sample.ever, strict=True):
            mentions[label].append(f" {count} {at}\n")
        for kind, lines in active.items():
            now = any(one == kind and since <= at and (till is None or at < till) for one, since, till in spans)
            lines.append(f" {int(now)} {at}\n")
    for said, lines in mentions.items():
        series = f'{metrics.BRAND_MENTIONS.name}_total{{brand="{name}",label="{said}",partition="{NO_PARTITION}"}}'
        parts[metrics.BRAND_MENTIONS.name].writelines(series + line for line in lines)
    for kind, lines in active.items():
        series = f'{metrics.BRAND_SPIKE_ACTIVE.name}{{brand="{name}",kind="{kind}"}}'
        parts[metrics.BRAND_SPIKE_ACTIVE.name].writelines(series + line for line in lines)


def _head(family: Family) -> str:
    """TYPE and HELP."""
    kind = "counter" if family is metrics.BRAND_MENTIONS else "gauge"
    return f"# TYPE {family.name} {kind}\n# HELP {family.name} {_escaped(family.documentation)}\n"


def _append(part: IO[str], file: IO[str]) -> None:
    part.seek(0)
    while block := part.read(1 << 20):
        file.write(block)


def _escaped(text: str) -> str:
    """As OpenMetrics wants label values and help."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
