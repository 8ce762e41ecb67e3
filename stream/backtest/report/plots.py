"""One picture of a brand: shares with their intervals, what was expected, spikes, and volume below. Needs ``evaluate``.

Figures are built as objects, without pyplot: no display, no global state.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from statistics import median
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from infra.glyphs import drawable
from infra.plotting import INK, days, plain, time_axis
from stream.backtest.incidents import Incident
from stream.backtest.report.show import span
from stream.backtest.result import Series, Share, shares
from stream.backtest.timeline import Expected
from stream.records import Spike
from stream.spikes.pane import Kind
from stream.spikes.rules import HOUR_S

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"negative": "#c0392b", "positive": "#1e8449", "volume": "#2471a3"}
VOLUME, KNOWN = "#aab7c4", "#7d3c98"
WIDTH, SHARE_HEIGHT, VOLUME_HEIGHT = 10.0, 3.0, 1.5
DPI = 130
MOST_BINS, FEWER_BINS, TWEETS_A_BIN = 200, 60, 15
BIN_SIZES = (60, 300, 900, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 86_400)
HEADROOM = 0.13
"""Of a panel, for its legend."""
GAP_BINS = 3
"""A line is not drawn across a longer silence."""
NAMED_TERMS, LISTED_SPIKES, LINE_CHARS = 4, 8, 145


class Picture(NamedTuple):
    """What is drawn of a brand."""

    brand: str
    series: Series
    expected: Sequence[Expected]
    spikes: Sequence[Spike]
    incidents: Sequence[Incident] = ()


def bin_size(series: Series) -> int:
    """Seconds of a point: enough tweets in most, and not too many points."""
    span = series.end - series.start
    for size in BIN_SIZES:
        if span / size <= MOST_BINS and median(bin.tweets for bin in shares(series.minutes, size)) >= TWEETS_A_BIN:
            return size
    return next((size for size in BIN_SIZES if span / size <= FEWER_BINS), BIN_SIZES[-1])


def draw(picture: Picture) -> Figure:
    """The whole figure. A share without spikes of its kind is left out, but for the negative one."""
    from matplotlib.figure import Figure

    kinds = [Kind.NEGATIVE]
    if any(spike.kind == "positive" for spike in picture.spikes):
        kinds.append(Kind.POSITIVE)
    lines = _listed(picture.spikes)
    heights = [SHARE_HEIGHT] * len(kinds) + [VOLUME_HEIGHT]
    text_height = 0.35 + 0.19 * len(lines)
    figure = Figure(figsize=(WIDTH, sum(heights) + text_height + 0.4))
    grid = figure.add_gridspec(
        len(heights),
        1,
        height_ratios=heights,
        hspace=0.1,
        left=0.07,
        right=0.975,
        top=1 - 0.42 / figure.get_figheight(),
        bottom=(text_height + 0.1) / figure.get_figheight(),
    )
    first = figure.add_subplot(grid[0])
    panels = [first, *(figure.add_subplot(grid[row], sharex=first) for row in range(1, len(heights)))]
    size = bin_size(picture.series)
    points = shares(picture.series.minutes, size)
    for axes, kind in zip(panels, kinds, strict=False):
        _draw_share(axes, picture, kind, points, size)
    _draw_volume(panels[-1], picture, points, size)
    _dress(figure, panels, picture, lines)
    return figure


def _draw_share(axes: Axes, picture: Picture, kind: Kind, points: Sequence[Share], size: int) -> None:
    colour = COLOURS[kind]
    label = f"{kind} share, {_length(size)} each"
    for number, run in enumerate(_runs(points, size)):
        times = [days(point.start + size / 2) for point in run]
        share = [getattr(point, kind) for point in run]
        low, high = ([getattr(point, f"{kind}_{end}") for point in run] for end in ("low", "high"))
        axes.fill_between(times, low, high, color=colour, alpha=0.16, linewidth=0, label=_first(number, "95% interval"))
        marker = "." if len(run) == 1 else ""
        axes.plot(times, share, color=colour, linewidth=1.5, marker=marker, label=_first(number, label))
    hours = [(hour.start, getattr(hour, kind)) for hour in picture.expected]
    _steps(axes, hours, 1.0, "expected")
    axes.set_ylim(0, 1 + HEADROOM)
    axes.set_yticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.set_ylabel(f"{kind} share")
    _shade(axes, picture, kind)


def _draw_volume(axes: Axes, picture: Picture, points: Sequence[Share], size: int) -> None:
    times = [days(point.start) for point in points]
    axes.bar(times, [point.tweets for point in points], width=size / 86_400, align="edge", color=VOLUME, linewidth=0)
    hours = [(hour.start, hour.volume) for hour in picture.expected if hour.volume is not None]
    _steps(axes, hours, size / 60, "expected")
    axes.set_ylim(0, max(point.tweets for point in points) * (1 + 2 * HEADROOM))
    axes.set_ylabel(f"tweets / {_length(size)}")
    _shade(axes, picture, Kind.VOLUME)


def _steps(axes: Axes, hours: Sequence[tuple[int, float]], scale: float, label: str) -> None:
    """What was expected in each hour, as a line that is broken where no hour is known."""
    times: list[float] = []
    values: list[float] = []
    end = 0
    for start, value in hours:
        begin = start // HOUR_S * HOUR_S if start // HOUR_S * HOUR_S == end else start
        if times and begin != end:
            times.append(nan)
            values.append(nan)
        end = start // HOUR_S * HOUR_S + HOUR_S
        times += [days(begin), days(end)]
        values += [scale * value] * 2
    if times:
        axes.plot(times, values, color=INK, linewidth=1.1, linestyle=(0, (4, 2)), label=label)


def _shade(axes: Axes, picture: Picture, kind: Kind) -> None:
    end = days(picture.series.end)
    for number, spike in enumerate(picture.spikes, start=1):
        if spike.kind == kind:
            started, opened = days(spike.started_at.timestamp()), days(spike.opened_at.timestamp())
            closed = days(spike.closed_at.timestamp()) if spike.closed_at else end
            axes.axvspan(started, opened, color=COLOURS[kind], alpha=0.06, linewidth=0)
            axes.axvspan(opened, closed, color=COLOURS[kind], alpha=0.13, linewidth=0)
            axes.axvline(opened, color=COLOURS[kind], linewidth=0.9)
            axes.annotate(
                str(number),
                (opened, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(3, 0),
                textcoords="offset points",
                va="top",
                fontsize=9,
                fontweight="bold",
                color=COLOURS[kind],
            )
    for place, incident in enumerate(one for one in picture.incidents if one.kind is kind):
        start, stop = days(incident.start), days(incident.end)
        label = _first(place, "known incident")
        axes.plot([start, stop], [0.985, 0.985], transform=axes.get_xaxis_transform(), color=KNOWN, lw=3, label=label)


def _dress(figure: Figure, panels: Sequence[Axes], picture: Picture, lines: Sequence[str]) -> None:
    for axes in panels:
        plain(axes, legend_columns=4)
        if axes is not panels[-1]:
            axes.tick_params(labelbottom=False)
    time_axis(panels[-1], picture.series.start, picture.series.end)
    height = figure.get_figheight()
    title = f"{drawable(picture.brand)}, {span(picture.series.start, picture.series.end)}"
    figure.text(0.07, 1 - 0.14 / height, title, fontsize=12.5, fontweight="bold", color=INK, va="top", parse_math=False)
    for number, line in enumerate(lines):
        y = (0.12 + 0.19 * (len(lines) - 1 - number)) / height
        figure.text(0.07, y, line, fontsize=8.5, color=INK, va="bottom", parse_math=False)


def _listed(spikes: Sequence[Spike]) -> list[str]:
    """A line or two for each spike, under the plot."""
    lines = []
    for number, spike in enumerate(spikes[:LISTED_SPIKES], start=1):
        said = wrap(f"{number}  {spike.opened_at:%d %b %H:%M}  {drawable(spike.sentence)}", LINE_CHARS)
        lines += [said[0], *(f"    {more}" for more in said[1:])]
    if len(spikes) > LISTED_SPIKES:
        lines.append(f"and {len(spikes) - LISTED_SPIKES} more")
    return lines


def _runs(points: Sequence[Share], size: int) -> list[list[Share]]:
    """The points, cut where nobody spoke for long."""
    runs: list[list[Share]] = []
    for point in points:
        if runs and point.start - runs[-1][-1].start <= GAP_BINS * size:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _first(number: int, label: str) -> str | None:
    """A label for the legend, once."""
    return None if number else label


def _length(seconds: int) -> str:
    if seconds % 86_400 == 0:
        return "day" if seconds == 86_400 else f"{seconds // 86_400} days"
    if seconds % 3_600 == 0:
        return "hour" if seconds == 3_600 else f"{seconds // 3_600} h"
    return "minute" if seconds == 60 else f"{seconds // 60} min"
