"""The picture of a notification: shares of a brand around a spike, what was expected, and volume below.

Figures are built as objects, without pyplot: no display, no global state.
"""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from statistics import median
from typing import TYPE_CHECKING, Any

from infra.glyphs import drawable
from infra.plotting import INK, days, plain, time_axis
from model.quantification import wilson
from stream.notify.evidence import Minute
from stream.records import Spike, SpikeKind

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: dict[SpikeKind, str] = {"negative": "#c0392b", "positive": "#1e8449", "volume": "#2471a3"}
BARS = "#aab7c4"
WIDTH, HEIGHT, DPI = 8.0, 4.2, 120
BEFORE, AFTER = dt.timedelta(hours=6), dt.timedelta(hours=1)
"""Event time that is drawn before a spike began and after its newest record."""
BIN_SIZES_S = (60, 300, 600, 900, 1_800, 3_600)
MOST_BINS, TWEETS_A_BIN = 90, 15
LEAST_TWEETS = 5
"""A share of fewer is not drawn."""
MOSTLY = 0.8
GAP_BINS = 3
"""A line is not drawn across a longer silence."""


@dataclass(frozen=True)
class Bin:
    """Tweets from ``start`` (seconds since 1970) on."""

    start: int
    tweets: int
    hits: int


def span_of(spike: Spike) -> tuple[dt.datetime, dt.datetime]:
    """The event time to draw."""
    return spike.started_at - BEFORE, spike.updated_at + AFTER


def png(spike: Spike, minutes: Sequence[Minute]) -> bytes | None:
    """The picture as PNG; None where there is nothing to draw."""
    if not minutes:
        return None
    written = io.BytesIO()
    draw(spike, minutes).savefig(written, dpi=DPI, format="png")
    return written.getvalue()


def draw(spike: Spike, minutes: Sequence[Minute]) -> Figure:
    """The whole figure: the share of the spike's kind (volume: none), and tweets below."""
    from matplotlib.figure import Figure

    size, bins = binned(minutes, spike.kind)
    figure = Figure(figsize=(WIDTH, HEIGHT))
    shares = spike.kind != "volume"
    heights = [3, 1] if shares else [1]
    grid = figure.add_gridspec(
        len(heights), 1, height_ratios=heights, hspace=0.08, left=0.09, right=0.97, top=0.85, bottom=0.1
    )
    below = figure.add_subplot(grid[-1])
    panels = [below]
    if shares:
        above = figure.add_subplot(grid[0], sharex=below)
        panels.insert(0, above)
        _draw_share(above, spike, minutes, bins, size)
    _draw_volume(below, spike, bins, size)
    for axes in panels:
        _mark(axes, spike, minutes[-1].start + 60)
    _dress(figure, panels, spike, bins, size)
    return figure


def binned(minutes: Sequence[Minute], kind: SpikeKind) -> tuple[int, list[Bin]]:
    """Minutes summed to points of a size (seconds) that leaves enough tweets in most, and not too many points."""
    for size in BIN_SIZES_S[:-1]:
        bins = _summed(minutes, kind, size)
        if len(bins) <= MOST_BINS and median(one.tweets for one in bins) >= TWEETS_A_BIN:
            return size, bins
    return BIN_SIZES_S[-1], _summed(minutes, kind, BIN_SIZES_S[-1])


def _summed(minutes: Sequence[Minute], kind: SpikeKind, size: int) -> list[Bin]:
    sums: dict[int, list[int]] = {}
    for minute in minutes:
        total = sums.setdefault(minute.start // size * size, [0, 0])
        total[0] += minute.tweets
        total[1] += minute.positive if kind == "positive" else minute.negative
    return [Bin(start, *sums[start]) for start in sorted(sums)]


def _draw_share(axes: Axes, spike: Spike, minutes: Sequence[Minute], bins: Sequence[Bin], size: int) -> None:
    colour = COLOURS[spike.kind]
    times, shares, lows, highs = [], [], [], []
    last = bins[0].start
    for one in bins:
        if one.start - last > GAP_BINS * size:
            times.append(days(last + size))
            shares.append(nan)
            lows.append(nan)
            highs.append(nan)
        last = one.start
        low, high = wilson(one.hits, one.tweets)
        times.append(days(one.start + size / 2))
        enough = one.tweets >= LEAST_TWEETS
        shares.append(one.hits / one.tweets if enough else nan)
        lows.append(low if enough else nan)
        highs.append(high if enough else nan)
    axes.fill_between(times, lows, highs, color=colour, alpha=0.16, linewidth=0, label="95% interval")
    axes.plot(times, shares, color=colour, linewidth=1.6, label=f"{spike.kind} share, {_length(size)} each")
    _draw_expected(axes, spike, minutes)
    axes.set_ylim(0, 1.14)
    axes.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0])
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.tick_params(labelbottom=False)


def _draw_expected(axes: Axes, spike: Spike, minutes: Sequence[Minute]) -> None:
    """What the detector expected: at each time, where minutes say so; else when the spike was last judged."""
    known = [minute for minute in minutes if minute.expected is not None] if spike.kind == "negative" else []
    style: dict[str, Any] = {
        "color": INK,
        "linewidth": 1.1,
        "linestyle": (0, (4, 2)),
        "label": f"expected ({spike.baseline:.0%})",
    }
    if len(known) >= MOSTLY * len(minutes):
        axes.plot([days(minute.start) for minute in known], [minute.expected or 0.0 for minute in known], **style)
    else:
        axes.axhline(spike.baseline, **style)


def _draw_volume(axes: Axes, spike: Spike, bins: Sequence[Bin], size: int) -> None:
    times = [days(one.start) for one in bins]
    axes.bar(times, [one.tweets for one in bins], width=size / 86_400, align="edge", color=BARS, linewidth=0)
    if spike.kind == "volume":
        expected = spike.baseline * size / 60
        axes.axhline(expected, color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label=f"expected {expected:.3g}")
    axes.set_ylim(0, max(one.tweets for one in bins) * 1.2)
    axes.set_ylabel(f"tweets / {_length(size)}")


def _mark(axes: Axes, spike: Spike, newest: int) -> None:
    """Where the spike began, was noticed and ended."""
    colour = COLOURS[spike.kind]
    began, opened = days(spike.started_at.timestamp()), days(spike.opened_at.timestamp())
    end = days(spike.closed_at.timestamp() if spike.closed_at else max(newest, spike.updated_at.timestamp()))
    axes.axvspan(began, opened, color=colour, alpha=0.06, linewidth=0)
    axes.axvspan(opened, end, color=colour, alpha=0.14, linewidth=0)
    axes.axvline(opened, color=colour, linewidth=1.0)


def _dress(figure: Figure, panels: Sequence[Axes], spike: Spike, bins: Sequence[Bin], size: int) -> None:
    for axes in panels:
        plain(axes, legend_columns=3)
    time_axis(panels[-1], bins[0].start, bins[-1].start + size)
    colour = COLOURS[spike.kind]
    heading = f"{drawable(spike.brand)}: {spike.kind} spike"
    figure.text(0.03, 0.965, heading, fontsize=12.5, fontweight="bold", color=colour, va="top", parse_math=False)
    told = f"noticed {spike.opened_at:%d %b %Y %H:%M} UTC, " + (
        f"over {spike.closed_at:%H:%M}" if spike.closed_at else "still open"
    )
    figure.text(0.97, 0.955, told, fontsize=9, color=INK, va="top", ha="right", parse_math=False)


def _length(seconds: int) -> str:
    if seconds == 3_600:
        return "hour"
    return "minute" if seconds == 60 else f"{seconds // 60} min"
