"""Brands as they stand: the last 15 closed minutes of each, its trend, its alarm. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence

from model.labels import LABELS
from model.quantification import Confusion, Shares, estimate, wilson
from stream.authors import Authors
from stream.records import OTHER_BRAND, Counts, Spike, Window, WindowBaseline
from stream.serve import answers
from stream.serve.read.minutes import BrandMinutes
from stream.serve.read.model import ReadModel
from stream.serve.read.packed import counts_of
from stream.spikes.standing import mean_baseline, negative_band, negative_z

SPAN_S = 900
TREND_S = 300
TREND_POINTS = 24
BASELINE_FROM_S = 7_200
"""A brand of which nobody spoke lately is still expected to be what it was so long ago, at most."""
_KIND_ORDER = ("negative", "volume", "positive")


def corrected(cells: dict[int, int], models: Sequence[str], confusion: Confusion | None) -> Shares | None:
    """Shares corrected for the model's errors; None where they are not known for the model that labelled."""
    if confusion is None or not cells or confusion.model_version not in models:
        return None
    return estimate(cells, confusion)


class Overview:
    """Answers about brands from a read model. What was computed is kept until the brand or event time changes."""

    def __init__(self, read: Callable[[], ReadModel], confusion: Confusion | None) -> None:
        self._read = read
        self._confusion = confusion
        self._kept: dict[str, tuple[tuple[object, ...], answers.Brand]] = {}

    def volume(self, brand: str) -> int:
        """Tweets in the last 15 closed minutes."""
        model = self._read()
        known = model.minutes.brands[brand]
        end = model.minutes.event_time.watermark(known.partition)
        return 0 if end is None else sum(sum(counts_of(packed)) for _at, packed in known.between(end - SPAN_S, end))

    def ranked(self, query: str = "") -> list[str]:
        """Brands whose name contains ``query``, those with most tweets first, and those about none last."""
        wanted = query.casefold()
        found = [brand for brand in self._read().minutes.brands if wanted in brand.casefold()]
        return sorted(found, key=lambda brand: (brand == OTHER_BRAND, -self.volume(brand), brand))

    def brand(self, brand: str) -> answers.Brand | None:
        """A brand as it stands; None for one of which nothing is known."""
        model = self._read()
        known = model.minutes.brands.get(brand)
        if known is None:
            return None
        end = model.minutes.event_time.watermark(known.partition)
        spikes = open_spikes(model, brand)
        latest = model.tweets.newest_us(brand)
        state = (id(known), known.version, end, latest, tuple((spike.id, spike.sentence) for spike in spikes))
        kept = self._kept.get(brand)
        if kept is None or kept[0] != state:
            if len(self._kept) > len(model.minutes.brands):
                self._kept.clear()
            kept = self._kept[brand] = state, self._stand(brand, known, end, spikes, latest)
        return kept[1]

    def baseline(self, brand: str) -> answers.Baseline | None:
        """What is expected of the last 15 closed minutes of a brand."""
        model = self._read()
        known = model.minutes.brands[brand]
        end = model.minutes.event_time.watermark(known.partition)
        if end is None:
            return None
        windows = self._windows(brand, known, end - SPAN_S, end)
        expected = self._expected(brand, known, windows, end)
        return None if expected is None else baseline_answer(windows, expected, SPAN_S)

    def _stand(
        self, brand: str, known: BrandMinutes, end: int | None, spikes: Sequence[Spike], latest_us: int | None
    ) -> answers.Brand:
        windows = [] if end is None else self._windows(brand, known, end - SPAN_S, end)
        counts = [sum(getattr(window.counts, label) for window in windows) for label in LABELS]
        total = sum(counts)
        expected = None if end is None else self._expected(brand, known, windows, end)
        usual = None if expected is None else expected.tweets
        z = None
        if total and expected is not None:
            z = rounded(negative_z(total, counts[0], len(windows), SPAN_S, expected))
        low, high = wilson(counts[0], total)
        cells: dict[int, int] = {}
        for window in windows:
            for cell, count in window.cells.items():
                cells[cell] = cells.get(cell, 0) + count
        right = corrected(cells, windows[-1].models if windows else (), self._confusion)
        alarm = spikes[0] if spikes else None
        return answers.Brand(
            brand=brand,
            watermark=time_of(end),
            window_start=None if end is None else time_of(end - SPAN_S),
            window_end=time_of(end),
            volume=total,
            volume_baseline=None if usual is None else rounded(usual * SPAN_S / 60),
            counts=Counts(negative=counts[0], neutral=counts[1], positive=counts[2]),
            net_sentiment=rounded((counts[2] - counts[0]) / total) if total else None,
            negative_share=rounded(counts[0] / total) if total else None,
            negative_share_low=rounded(low) if total else None,
            negative_share_high=rounded(high) if total else None,
            negative_share_corrected=None if right is None else rounded(right.negative.value),
            negative_baseline=None if expected is None else rounded(expected.negative_share),
            z=z,
            authors=Authors.union(_authors(windows)) if windows else 0,
            latest_tweet_at=None if latest_us is None else dt.datetime.fromtimestamp(latest_us / 1e6, dt.UTC),
            trend=list(_trend(known, end)),
            alarm=None
            if alarm is None
            else answers.Alarm(kind=alarm.kind, spike_id=alarm.id, opened_at=alarm.opened_at, sentence=alarm.sentence),
        )

    def _windows(self, brand: str, known: BrandMinutes, start: int, end: int) -> list[Window]:
        unpack = self._read().minutes.packer.window
        return [unpack(brand, at, packed) for at, packed in known.between(start, end)]

    def _expected(self, brand: str, known: BrandMinutes, windows: Sequence[Window], end: int) -> WindowBaseline | None:
        """Of the minutes themselves, or of the last one before them of which it is known."""
        inside = [(window.baseline, window.revision) for window in windows if window.baseline is not None]
        if inside:
            return mean_baseline(inside)
        packer = self._read().minutes.packer
        before = [packer.baseline(packed) for _at, packed in known.between(end - BASELINE_FROM_S, end - SPAN_S)]
        return next((baseline for baseline in reversed(before) if baseline is not None), None)


def open_spikes(model: ReadModel, brand: str) -> list[Spike]:
    """The open spikes of a brand, the gravest kind first."""
    found = [spike for spike in model.spikes.newest(brand) if spike.status == "open"]
    return sorted(found, key=lambda spike: _KIND_ORDER.index(spike.kind))


def baseline_answer(windows: Sequence[Window], expected: WindowBaseline, seconds: int) -> answers.Baseline:
    """What was expected of ``windows``, one or more minutes of ``seconds`` together."""
    total = sum(window.revision for window in windows)
    low, high = negative_band(max(1, total), max(1, len(windows)), seconds, expected)
    return answers.Baseline(
        negative_share=rounded(expected.negative_share),
        low=rounded(low),
        high=rounded(high),
        tweets=None if expected.tweets is None else rounded(expected.tweets * seconds / 60),
    )


def time_of(seconds: float | None) -> dt.datetime | None:
    """A time from seconds since 1970, where there is one."""
    return None if seconds is None else dt.datetime.fromtimestamp(seconds, dt.UTC)


def rounded(value: float) -> float:
    """To what a person can use."""
    return round(value, 6)


def _authors(windows: Sequence[Window]) -> Iterator[Authors]:
    for window in windows:
        if window.author_sketch:
            yield Authors.decode(window.author_sketch)


def _trend(known: BrandMinutes, end: int | None) -> Iterator[answers.TrendPoint]:
    if end is None:
        return
    first = end // TREND_S * TREND_S - TREND_S * TREND_POINTS
    sums = [[0, 0, 0] for _ in range(TREND_POINTS)]
    for at, packed in known.between(first, first + TREND_S * TREND_POINTS):
        for index, count in enumerate(counts_of(packed)):
            sums[(at - first) // TREND_S][index] += count
    for number, (negative, neutral, positive) in enumerate(sums):
        total = negative + neutral + positive
        yield answers.TrendPoint(
            t=dt.datetime.fromtimestamp(first + number * TREND_S, dt.UTC),
            volume=total,
            net_sentiment=rounded((positive - negative) / total) if total else None,
            negative_share=rounded(negative / total) if total else None,
        )
