"""Panels as Grafana would draw them, more or less, by matplotlib: for ``dashboard_previews``."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PAGE, CARD, INK, QUIET, GRID = "#f4f5f5", "#ffffff", "#24292e", "#6e7681", "#e4e7eb"
PALETTE = ("#3d7cc9", "#e0b400", "#8f5fd0", "#3f9b4f", "#e8833a", "#1f9e9e", "#c2539b", "#6b7f3a", "#8d6e63", "#5c6bc0")
MOST_ROWS = 9


@dataclass(frozen=True)
class Series:
    """One series, named as the legend says; points are (seconds since 1970, value)."""

    name: str
    ref: str
    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def last(self) -> float:
        return next((value for _at, value in reversed(self.points) if not math.isnan(value)), math.nan)


@dataclass(frozen=True)
class Drawing:
    """Where a panel is drawn: left, bottom, width and height of its box, in parts of the figure."""

    figure: Any
    box: tuple[float, float, float, float]
    panel: Mapping[str, Any]
    span: tuple[float, float]
    notes: Sequence[tuple[float, float]]
    inches: float

    @property
    def defaults(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.panel["fieldConfig"]["defaults"]
        return found

    def card(self) -> None:
        """The panel's frame and title."""
        from matplotlib.patches import Rectangle

        left, bottom, width, height = self.box
        frame = Rectangle(
            (left + 0.003, bottom + 0.03 / self.inches),
            width - 0.006,
            height - 0.06 / self.inches,
            facecolor=CARD,
            edgecolor=GRID,
            transform=self.figure.transFigure,
            zorder=-1,
        )
        self.figure.add_artist(frame)
        top = bottom + height - 0.2 / self.inches
        self.figure.text(left + 0.008, top, self.panel["title"], color=INK, fontsize=9, weight="bold", va="center")

    def axes(self, *, left: float = 0.045, below: float = 0.5) -> Any:
        """Axes below the title; ``below``: inches for what is under them."""
        self.card()
        x, bottom, width, height = self.box
        rect = (x + left, bottom + below / self.inches, width - left - 0.012, height - (below + 0.42) / self.inches)
        made = self.figure.add_axes(rect, facecolor=CARD)
        made.tick_params(labelsize=7, colors=QUIET, length=0)
        for side in made.spines.values():
            side.set_visible(False)
        return made

    def say(self, text: str) -> None:
        """In the middle of the panel."""
        x, bottom, width, height = self.box
        self.figure.text(x + width / 2, bottom + height / 2.3, text, color=QUIET, fontsize=9, ha="center", va="center")

    def colour(self, name: str, place: int) -> str:
        for override in self.panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == name:
                for change in override["properties"]:
                    if change["id"] == "color" and "fixedColor" in change["value"]:
                        return str(change["value"]["fixedColor"])
        if self.defaults.get("color", {}).get("mode") == "fixed":
            return str(self.defaults["color"]["fixedColor"])
        return PALETTE[place % len(PALETTE)]

    def changed(self, name: str) -> dict[str, Any]:
        """The overridden properties of a field."""
        found: dict[str, Any] = {}
        for override in self.panel["fieldConfig"]["overrides"]:
            if override["matcher"]["options"] == name:
                found |= {change["id"]: change.get("value") for change in override["properties"]}
        return found


def shown(value: float, unit: str, decimals: int | None = None) -> str:
    """A number as Grafana writes it."""
    if math.isnan(value):
        return "-"
    if unit == "percentunit":
        return f"{100 * value:.{decimals if decimals is not None else 1}f}%"
    if unit == "s":
        scale = next(
            ((size, name) for size, name in ((3600, "h"), (60, "min"), (1, "s")) if abs(value) >= size), (0.001, "ms")
        )
        return f"{value / scale[0]:.3g} {scale[1]}"
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    if unit == "dateTimeAsIso":
        return dt.datetime.fromtimestamp(value / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M")
    if decimals is not None:
        return f"{value:,.{decimals}f}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines(drawing: Drawing, found: Sequence[Series]) -> None:
    """Lines or areas over time."""
    axes = drawing.axes()
    custom, unit = drawing.defaults.get("custom", {}), drawing.defaults.get("unit", "short")
    for start, end in drawing.notes:
        axes.axvspan(start, end, color="#e8833a", alpha=0.12, linewidth=0)
    mode = custom.get("stacking", {}).get("mode", "none")
    (_stack if mode != "none" else _separate)(drawing, axes, found, share=mode == "percent")
    for step in drawing.defaults.get("thresholds", {}).get("steps", []):
        if step["value"] is not None and custom.get("thresholdsStyle", {}).get("mode", "off") != "off":
            axes.axhline(step["value"], color=step["color"], linewidth=1.2, linestyle=(0, (5, 4)))
    low, high = axes.get_ylim()
    soft = custom.get("axisSoftMin", low), custom.get("axisSoftMax", high)
    floor, roof = drawing.defaults.get("min", min(low, soft[0])), drawing.defaults.get("max", max(high, soft[1]))
    axes.set_ylim(floor, roof if roof > floor else floor + 1)
    axes.set_xlim(*drawing.span)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    places = [drawing.span[0] + part / 4 * (drawing.span[1] - drawing.span[0]) for part in range(5)]
    axes.set_xticks(places, [dt.datetime.fromtimestamp(at, dt.UTC).strftime("%H:%M") for at in places])
    ticks = [tick for tick in axes.get_yticks() if floor <= tick <= roof]
    axes.set_yticks(ticks, [shown(tick, unit, 0 if unit == "percentunit" else None) for tick in ticks])
    if not found:
        drawing.say(drawing.defaults.get("noValue", "No data"))
        return
    hidden = {
        name for name in {s.name for s in found} if drawing.changed(name).get("custom.hideFrom", {}).get("legend")
    }
    handles, names = axes.get_legend_handles_labels()
    most = max(2, round(drawing.box[2] * 16))
    kept = [(handle, name[:28]) for handle, name in zip(handles, names, strict=True) if name not in hidden][:most]
    if kept:
        axes.legend(
            *zip(*kept, strict=True),
            loc="upper left",
            bbox_to_anchor=(-0.02, -0.1),
            ncols=most,
            fontsize=7 if most > 4 else 6,
            frameon=False,
            labelcolor=QUIET,
            handlelength=1.0,
            columnspacing=0.9,
        )


def _stack(drawing: Drawing, axes: Any, found: Sequence[Series], *, share: bool) -> None:
    times = sorted({at for series in found for at, _value in series.points})
    values = [dict(series.points) for series in found]
    rows = [[max(0.0, of.get(at, 0.0)) if not math.isnan(of.get(at, 0.0)) else 0.0 for at in times] for of in values]
    if share:
        sums = [sum(column) or 1.0 for column in zip(*rows, strict=True)]
        rows = [[value / total for value, total in zip(row, sums, strict=True)] for row in rows]
    colours = [drawing.colour(series.name, place) for place, series in enumerate(found)]
    if rows:
        axes.stackplot(times, rows, labels=[series.name for series in found], colors=colours, alpha=0.6)


def _separate(drawing: Drawing, axes: Any, found: Sequence[Series], *, share: bool) -> None:
    del share
    by_name = {series.name: series for series in found}
    for place, series in enumerate(found):
        colour, changed = drawing.colour(series.name, place), drawing.changed(series.name)
        if other := by_name.get(changed.get("custom.fillBelowTo", "")):
            below = dict(other.points)
            pairs = [(at, below[at], value) for at, value in series.points if at in below]
            axes.fill_between(*zip(*pairs, strict=True), color=colour, alpha=0.18, linewidth=0)
        if changed.get("custom.lineWidth") == 0:
            continue
        dash = (0, (4, 3)) if "custom.lineStyle" in changed else "-"
        axes.plot(*zip(*series.points, strict=True), color=colour, linewidth=1.5, linestyle=dash, label=series.name)


def number(drawing: Drawing, found: Sequence[Series]) -> None:
    """Big numbers."""
    drawing.card()
    if not found:
        drawing.say(drawing.defaults.get("noValue", "No data"))
        return
    x, bottom, width, height = drawing.box
    unit, decimals = drawing.defaults.get("unit", "short"), drawing.defaults.get("decimals")
    named = drawing.panel["options"].get("textMode") == "value_and_name"
    for place, series in enumerate(found):
        colour, text = drawing.colour(series.name, 0), shown(series.last, unit, decimals)
        if "thresholds" in drawing.defaults and not drawing.changed(series.name):
            colour = next(s["color"] for s in reversed(drawing.defaults["thresholds"]["steps"]) if s["value"] is None or series.last >= s["value"])  # fmt: skip  # noqa: E501
        for mapping in drawing.defaults.get("mappings", []):
            if option := mapping["options"].get(f"{series.last:g}"):
                text, colour = option["text"], option["color"]
        middle = x + width * (2 * place + 1) / (2 * len(found))
        size = 19 if len(text) < 9 else 13
        drawing.figure.text(
            middle, bottom + height * 0.42, text, color=colour, fontsize=size, ha="center", va="center", weight="bold"
        )
        if named:
            drawing.figure.text(
                middle, bottom + height * 0.16, series.name, color=QUIET, fontsize=8, ha="center", va="center"
            )


def ranking(drawing: Drawing, found: Sequence[Series]) -> None:
    """Horizontal bars, the first on top."""
    axes = drawing.axes(left=0.085, below=0.1)
    if not found:
        axes.axis("off")
        drawing.say(drawing.defaults.get("noValue", "No data"))
        return
    unit, decimals = drawing.defaults.get("unit", "short"), drawing.defaults.get("decimals")
    floor = drawing.defaults.get("min", 0)
    for place, series in enumerate(found):
        steps = drawing.defaults.get("thresholds", {}).get("steps", [])
        colour = next(
            (s["color"] for s in reversed(steps) if s["value"] is None or series.last >= s["value"]), "#d6704f"
        )
        axes.barh(-place, series.last - floor, left=floor, color=colour, height=0.62)
        axes.text(
            drawing.defaults.get("max", 1),
            -place,
            shown(series.last, unit, decimals),
            fontsize=8,
            color=INK,
            ha="right",
            va="center",
        )
    axes.set_yticks([-place for place in range(len(found))], [series.name for series in found])
    axes.set_xticks([])
    axes.set_xlim(floor, drawing.defaults.get("max", 1))


def heat(drawing: Drawing, found: Sequence[Series]) -> None:
    """Counts by bucket and time, from cumulative buckets."""
    axes = drawing.axes()
    ordered = sorted(found, key=lambda series: float(series.labels["le"]))
    times = sorted({at for series in ordered for at, _value in series.points})
    if not times:
        drawing.say("No data")
        return
    below = [0.0] * len(times)
    grid = []
    for series in ordered:
        values = [dict(series.points).get(at, 0.0) for at in times]
        grid.append([max(0.0, value - under) for value, under in zip(values, below, strict=True)])
        below = values
    used = [place for place, row in enumerate(grid) if any(row)] or [0]
    first, last = max(0, used[0] - 1), used[-1]
    axes.pcolormesh(times, range(first, last + 1), grid[first : last + 1], cmap="Blues", shading="nearest")
    unit = drawing.panel["options"].get("yAxis", {}).get("unit", "s")
    labels = [shown(float(series.labels["le"]), unit, 0) for series in ordered[first : last + 1]]
    axes.set_yticks([place + 0.5 for place in range(first, last + 1)], labels)
    axes.set_xlim(*drawing.span)
    axes.set_xticks([])


def states(drawing: Drawing, found: Sequence[Series]) -> None:
    """When something was on."""
    axes = drawing.axes(left=0.1, below=0.25)
    axes.set_xlim(*drawing.span)
    axes.set_xticks([])
    if not found:
        axes.set_yticks([])
        drawing.say(drawing.defaults.get("noValue", "No data"))
        return
    for place, series in enumerate(found):
        step = min((b[0] - a[0] for a, b in zip(series.points, series.points[1:], strict=False)), default=1.0)
        kinds = {"negative": "#d64550", "positive": "#3f9b4f", "volume": "#3d7cc9"}
        on = drawing.defaults["mappings"][0]["options"].get("1", {}).get("color", "#3d7cc9")
        colour = next((of for kind, of in kinds.items() if kind in series.name), on)
        axes.broken_barh([(at, step) for at, _value in series.points], (-place - 0.35, 0.7), color=GRID)
        axes.broken_barh([(at, step) for at, value in series.points if value > 0], (-place - 0.35, 0.7), color=colour)
    axes.set_yticks([-place for place in range(len(found))], [series.name for series in found])


def listing(drawing: Drawing, found: Sequence[Series]) -> None:
    """A table: a row for each set of labels, a column for each query."""
    axes = drawing.axes(left=0.01, below=0.1)
    axes.axis("off")
    organize = next(change["options"] for change in drawing.panel["transformations"] if change["id"] == "organize")
    titles, left_out = organize.get("renameByName", {}), organize["excludeByName"]
    keys = [name for name in (found[0].labels if found else {}) if name not in left_out]
    keys.sort(key=lambda name: organize.get("indexByName", {}).get(name, 0))
    rows: dict[tuple[str, ...], dict[str, float]] = {}
    for series in found:
        column = f"Value #{series.ref}" if len({one.ref for one in found}) > 1 else "Value"
        rows.setdefault(tuple(series.labels.get(key, "") for key in keys), {})[titles.get(column, column)] = series.last
    values = [title for name, title in titles.items() if name.startswith("Value") and name not in left_out]
    for sort in drawing.panel["options"].get("sortBy", []):
        rows = dict(sorted(rows.items(), key=lambda row: -row[1].get(sort["displayName"], -math.inf)))
    cells = [[*key, *(_cell(drawing, title, row.get(title)) for title in values)] for key, row in rows.items()][
        :MOST_ROWS
    ]
    if not cells:
        drawing.say("No data")
        return
    made = axes.table(
        cells, colLabels=[*(titles.get(key, key) for key in keys), *values], loc="upper center", edges="horizontal"
    )
    made.auto_set_font_size(False)  # noqa: FBT003
    made.set_fontsize(8)
    for cell in made.get_celld().values():
        cell.set_edgecolor(GRID)
        cell.get_text().set_color(INK)


def _cell(drawing: Drawing, column: str, value: float | None) -> str:
    changed = drawing.changed(column)
    if value is None:
        return str(changed.get("noValue", "-"))
    for mapping in changed.get("mappings", []):
        if (
            option := mapping.options.get(f"{value:g}")
            if hasattr(mapping, "options")
            else mapping["options"].get(f"{value:g}")
        ):
            return str(option["text"])
    return shown(value, changed.get("unit", "short"), changed.get("decimals"))


DRAWERS: Mapping[str, Callable[[Drawing, Sequence[Series]], None]] = {
    "timeseries": lines,
    "stat": number,
    "bargauge": ranking,
    "heatmap": heat,
    "state-timeline": states,
    "table": listing,
}
