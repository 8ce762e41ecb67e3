"""PNG plots of what ``bench engine`` and ``bench pipeline`` measured, from the object that ``--json`` writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.plotting import INK, QUIET, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
OURS, OTHERS = "#c0392b", "#95a5a6"
PERCENTILES = {"p50": "#2980b9", "p95": "#e67e22", "p99": "#c0392b"}
GOAL_S = 0.25


def save_plot(figures: Mapping[str, Any], folder: Path) -> Path:
    """Draw a run of ``bench engine`` or ``bench pipeline`` into ``folder`` (made if needed); returns the PNG's path."""
    name = figures["benchmark"]
    path = folder / f"bench-{name}.png"
    folder.mkdir(parents=True, exist_ok=True)
    {"engine": _engine, "pipeline": _pipeline}[name](figures).savefig(path, dpi=DPI)
    return path


def _engine(figures: Mapping[str, Any]) -> Figure:
    """Tweets a second of each way to run the model; whiskers from the slowest round to the fastest."""
    from matplotlib.figure import Figure

    engines = figures["engines"]
    figure = Figure(figsize=(8, 0.45 * len(engines) + 0.9), layout="constrained")
    axes = figure.subplots()
    for place, (key, one) in enumerate(reversed(engines.items())):
        rate = one["tweets_per_s"]
        spread = [[rate["median"] - rate["least"]], [rate["most"] - rate["median"]]]
        axes.barh(place, rate["median"], xerr=spread, color=OURS if key.startswith("barometer") else OTHERS, ecolor=INK)
        text = f" {rate['median']:,.0f}  ({one['ratio']['median']:.1f}x)"
        axes.annotate(text, (rate["most"], place), va="center", fontsize=8.5, color=INK)
    plain(axes, legend_columns=1)
    axes.grid(visible=False, axis="y")
    axes.set_yticks(range(len(engines)), [one["title"] for one in reversed(engines.values())])
    axes.set_xlim(right=1.2 * max(one["tweets_per_s"]["most"] for one in engines.values()))
    axes.set_xlabel(f"tweets a second (times the first); {figures['machine']}", fontsize=8.5, color=QUIET)
    return figure


def _pipeline(figures: Mapping[str, Any]) -> Figure:
    """Latency at each load; throughput by workers, and as tweets and brands grow."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.6), layout="constrained")
    latency, workers, growth = figure.subplots(1, 3)
    _latency(latency, figures)
    _workers(workers, figures)
    _growth(growth, figures)
    figure.supxlabel(f"{figures['machine']}, {figures['date']}", fontsize=8, color=QUIET)
    return figure


def _latency(axes: Axes, figures: Mapping[str, Any]) -> None:
    loads = figures.get("latency", ())
    for percentile, colour in PERCENTILES.items():
        points = [(100 * one["load"], one["append_to_labeled_s"][percentile]) for one in loads]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=percentile)
    axes.axhline(GOAL_S, color=QUIET, linewidth=0.8, linestyle=":")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("load, % of capacity", fontsize=9, color=INK)
    axes.set_title("append to label, seconds", fontsize=9.5, color=INK)
    plain(axes, legend_columns=3)


def _workers(axes: Axes, figures: Mapping[str, Any]) -> None:
    bars = {
        "engine\nalone": figures["engine_tweets_per_s"],
        "1": figures["pipeline_tweets_per_s"],
        **{str(one["workers"]): one["tweets_per_s"] for one in figures["workers"]},
    }
    axes.bar(list(bars), list(bars.values()), color=[OTHERS, *[OURS] * (len(bars) - 1)], width=0.6)
    axes.set_xlabel("workers on this machine", fontsize=9, color=INK)
    axes.set_title("tweets a second, the model that ships", fontsize=9.5, color=INK)
    plain(axes, legend_columns=1)


def _growth(axes: Axes, figures: Mapping[str, Any]) -> None:
    for title, varies, colour in (("by tweets", "tweets", OURS), ("by brands", "brands", "#2980b9")):
        fixed = [one for one in figures["growth"] if bool(one["brands"]) == (varies == "brands")]
        points = [(one[varies], one["cpu_us"]) for one in fixed]
        if points:
            axes.plot(*zip(*points, strict=True), marker="o", color=colour, label=title)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tweets in the backlog, or brands", fontsize=9, color=INK)
    axes.set_title("CPU microseconds a tweet, without the model", fontsize=9.5, color=INK)
    plain(axes, legend_columns=2)
