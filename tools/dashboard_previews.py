"""Draws dashboards from what a Prometheus answers to their own queries: a look at them where there is no Grafana.

    python tools/dashboard_previews.py http://127.0.0.1:9090 --minutes 20 --var 'brand=Quillon Bank' docs/images

Layout, titles, units, colours, thresholds and annotations are read from grafana/dashboards. It is a sketch of what
Grafana draws, by matplotlib: the data is real, the widgets are not. Collapsed rows are left out.
"""

from __future__ import annotations

import json
import math
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).parent))

from preview_panels import DRAWERS, INK, PAGE, QUIET, Drawing, Series

ROOT = Path(__file__).resolve().parent.parent
DASHBOARDS = ROOT / "grafana" / "dashboards"
UNIT_W, UNIT_H, POINTS = 0.66, 0.36, 240
"""Inches of a grid cell, and points on a line."""


@dataclass(frozen=True)
class Asked:
    """A Prometheus, the time shown (seconds since 1970), and the dashboards' variables."""

    url: str
    start: float
    end: float
    variables: Mapping[str, str]

    @property
    def step(self) -> float:
        return max(1.0, (self.end - self.start) / POINTS)

    def series(self, target: Mapping[str, Any]) -> list[Series]:
        """What a panel's target gives, named as its legend says."""
        expr = self._filled(target["expr"])
        if target.get("instant"):
            found = self._get("query", {"query": expr, "time": self.end})
            answers = [(one["metric"], [one["value"]]) for one in found]
        else:
            asked = {"query": expr, "start": self.start, "end": self.end, "step": self.step}
            answers = [(one["metric"], one["values"]) for one in self._get("query_range", asked)]
        return [
            Series(
                _named(target["legendFormat"], labels),
                target["refId"],
                labels,
                [(float(t), float(v)) for t, v in values],
            )
            for labels, values in answers
        ]

    def _filled(self, expr: str) -> str:
        every = dict(self.variables)
        if "=~" in expr:
            every["brand"] = ".*"
        every |= {"__rate_interval": "1m", "__range": f"{math.ceil(self.end - self.start)}s"}
        for name in sorted(every, key=len, reverse=True):
            expr = expr.replace(f"${name}", every[name])
        return expr

    def _get(self, path: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(asked)}"
        with urllib.request.urlopen(address, timeout=60) as answer:  # noqa: S310  the address is the caller's
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found


def _named(legend: str, labels: Mapping[str, str]) -> str:
    if legend == "__auto":
        return ", ".join(value for name, value in labels.items() if name != "__name__")
    for name, value in labels.items():
        legend = legend.replace(f"{{{{{name}}}}}", value)
    return legend


def draw(board: Mapping[str, Any], asked: Asked, path: Path, most_height: int) -> None:
    """One image of a dashboard, as far down as ``most_height`` grid rows."""
    from matplotlib import pyplot

    placed = [panel for panel in board["panels"] if panel["gridPos"]["y"] + panel["gridPos"]["h"] <= most_height]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in placed) + 2
    figure = pyplot.figure(figsize=(24 * UNIT_W, height * UNIT_H), facecolor=PAGE)
    figure.text(0.008, 1 - 0.9 / height, board["title"], color=INK, fontsize=15, weight="bold", va="center")
    shown = (
        f"{', '.join(f'{k}: {v}' for k, v in asked.variables.items())}   last {(asked.end - asked.start) / 60:.0f} min"
    )
    figure.text(0.992, 1 - 0.9 / height, shown, color=QUIET, fontsize=9, va="center", ha="right")
    notes = list(_annotations(board, asked))
    for panel in placed:
        at = panel["gridPos"]
        box = (at["x"] / 24, 1 - (at["y"] + at["h"] + 2) / height, at["w"] / 24, at["h"] / height)
        if panel["type"] == "row":
            figure.text(0.008, box[1] + box[3] / 2, panel["title"], color=INK, fontsize=11, va="center")
            continue
        found = [series for target in panel["targets"] for series in asked.series(target)]
        DRAWERS[panel["type"]](Drawing(figure, box, panel, (asked.start, asked.end), notes, height * UNIT_H), found)
    figure.savefig(path, dpi=75, facecolor=PAGE)
    pyplot.close(figure)


def _annotations(board: Mapping[str, Any], asked: Asked) -> Iterator[tuple[float, float]]:
    for note in board["annotations"].get("list", []):
        for series in asked.series(note["target"]):
            times = [at for at, _value in series.points]
            if times:
                yield min(times), max(times)


@click.command()
@click.argument("prometheus")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--minutes", type=float, default=20, show_default=True, help="How much of the past is shown.")
@click.option("--until", type=float, help="End of it, in seconds since 1970 [default: now].")
@click.option("--var", "variables", multiple=True, metavar="NAME=VALUE", help="Value of a variable, such as brand=X.")
@click.option("--rows", type=int, default=60, show_default=True, help="How far down, in Grafana's grid rows.")
@click.option("--only", multiple=True, help="Only these dashboards.")
def main(
    prometheus: str,
    folder: Path,
    minutes: float,
    until: float | None,
    variables: tuple[str, ...],
    rows: int,
    only: tuple[str, ...],
) -> None:
    """Draw every dashboard into FOLDER/dashboard-NAME.png."""
    import matplotlib as mpl

    mpl.use("Agg")
    end = until or time.time()
    given = dict(part.split("=", 1) for part in variables)
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(DASHBOARDS.glob("*.json")):
        if only and path.stem not in only:
            continue
        picture = folder / f"dashboard-{path.stem}.png"
        draw(
            json.loads(path.read_text(encoding="utf-8")),
            Asked(prometheus, end - minutes * 60, end, given),
            picture,
            rows,
        )
        click.echo(f"wrote {picture}", err=True)


if __name__ == "__main__":
    main()
