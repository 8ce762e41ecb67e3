"""PNG plots of a run. Figures are built as objects, without pyplot: no display, no global state."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.bench.spikes.measure import ORACLE, OURS, Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI = 110
FEWEST = 0.05
"""No false alarm at all is drawn here: the axis is logarithmic."""
OUR_STYLE = {"color": "#c0392b", "linewidth": 2.5}


def save_plots(outcome: Outcome, folder: Path) -> list[Path]:
    """Write spikes-recall.png and spikes-delay.png into ``folder`` (made if needed); returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {"spikes-recall.png": draw_recall(outcome), "spikes-delay.png": draw_delay(outcome)}
    for name, figure in drawn.items():
        figure.savefig(folder / name, dpi=DPI)
    return [folder / name for name in drawn]


def draw_recall(outcome: Outcome) -> Figure:
    """Recall at the size of the goal against false alarms, one panel for each rate."""
    figure, panels = _panels(outcome)
    for axes, rate in zip(panels, outcome.plan.rates, strict=True):
        for name, result in outcome.results.items():
            points = sorted((max(alarms, FEWEST), recall) for _at, alarms, recall in result.curve.get(rate, ()))
            points = [point for point in points if isfinite(point[1])]
            if points:
                axes.plot(*zip(*points, strict=True), label=name, marker=".", **_style(outcome, name))
        axes.axvline(1, color="grey", linewidth=0.8, linestyle=":")
        axes.axhline(0.95, color="grey", linewidth=0.8, linestyle=":")
        axes.set_xscale("log")
        axes.set_xlim(FEWEST * 0.9, 300)
        axes.set_xlabel("false alarms a brand-month")
        axes.set_title(f"{rate:,} tweets an hour")
    panels[0].set_ylabel(f"recall, +{100 * outcome.plan.goal:.0f} points")
    panels[-1].legend(fontsize=7, loc="lower right")
    return figure


def draw_delay(outcome: Outcome) -> Figure:
    """Share of incidents that are known after so many minutes, at the size of the goal."""
    figure, panels = _panels(outcome)
    for axes, rate in zip(panels, outcome.plan.rates, strict=True):
        for name, result in outcome.results.items():
            delays = result.of(rate, outcome.plan.goal)
            known = sorted(delay / 60 for delay in delays if isfinite(delay))
            if known:
                shares = [(place + 1) / len(delays) for place in range(len(known))]
                axes.step(known, shares, where="post", label=name, **_style(outcome, name))
        axes.set_xscale("log")
        axes.set_xlabel("minutes since the incident began")
        axes.set_title(f"{rate:,} tweets an hour")
    panels[0].set_ylabel(f"incidents found, +{100 * outcome.plan.goal:.0f} points")
    panels[0].legend(fontsize=7, loc="upper left")
    return figure


def _style(outcome: Outcome, name: str) -> dict[str, Any]:
    """The same colour for a detector in every panel."""
    if name == OURS:
        return OUR_STYLE
    if name == ORACLE:
        return {"color": "black", "linewidth": 1}
    return {"color": f"C{list(outcome.results).index(name)}", "linewidth": 1}


def _panels(outcome: Outcome) -> tuple[Figure, list[Axes]]:
    from matplotlib.figure import Figure

    count = len(outcome.plan.rates)
    figure = Figure(figsize=(3.6 * count, 3.4), layout="constrained")
    panels = list(figure.subplots(1, count, sharey=True, squeeze=False)[0])
    for axes in panels:
        axes.set_ylim(-0.02, 1.02)
        axes.grid(alpha=0.2)
    return figure, panels
