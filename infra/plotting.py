"""How plots look: pale lines, no frame, times of day below. matplotlib is imported only when one is drawn."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET = "#2c3e50", "#7f8c8d"


def plain(axes: Axes, *, legend_columns: int) -> None:
    """Give axes the look of all plots, and a legend above if anything in them has a name."""
    axes.grid(axis="y", color="#e5e8eb", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color("#c5ccd3")
    axes.tick_params(colors=QUIET, labelsize=8.5, length=0)
    axes.yaxis.label.set_color(INK)
    axes.yaxis.label.set_fontsize(9)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="upper left", ncols=legend_columns, fontsize=8, frameon=False, labelcolor=INK, borderaxespad=0.1
        )


def time_axis(axes: Axes, start_s: float, end_s: float) -> None:
    """Times in UTC from ``start_s`` to ``end_s`` (seconds since 1970) along the bottom."""
    from matplotlib import dates

    untyped: Any = dates
    locator = untyped.AutoDateLocator(minticks=4, maxticks=9, tz=dt.UTC)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(untyped.ConciseDateFormatter(locator, tz=dt.UTC))
    axes.set_xlim(days(start_s), days(end_s))
    axes.xaxis.get_offset_text().set(fontsize=8.5, color=QUIET)


def days(seconds: float) -> float:
    """A time as matplotlib counts them: days since 1970."""
    return seconds / 86_400
