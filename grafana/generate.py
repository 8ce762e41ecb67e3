"""Writes the dashboards from ``grafana/boards``.

    python -m grafana.generate           write them (``make docs``)
    python -m grafana.generate --check   exit 1 if any is not current (``make check``)

Thresholds are those of the default settings. Who runs with others makes
dashboards of their own, which Grafana then reads instead:

    BAROMETER_SPIKE_MIN_EFFECT=0.1 python -m grafana.generate --output FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as Built
from grafana_foundation_sdk.models.dashboard import Panel, RowPanel

from grafana.boards import brand, model, pipeline, reputation
from infra.settings import Settings, load_settings

FOLDER = Path(__file__).parent / "dashboards"
BOARDS: Mapping[str, Callable[[Settings], Dashboard]] = {
    "reputation": reputation.dashboard,
    "brand": brand.dashboard,
    "pipeline": pipeline.dashboard,
    "model": model.dashboard,
}


def render(settings: Settings) -> dict[str, str]:
    """The text of every dashboard, by the name of its file."""
    return {f"{name}.json": text_of(make(settings).build()) for name, make in BOARDS.items()}


def text_of(board: Built) -> str:
    """As Grafana reads it. Panels are numbered, so that links to one stay good."""
    for number, panel in enumerate(panels(board), start=1):
        panel.id_val = number
    return json.dumps(board, cls=JSONEncoder, sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def panels(board: Built) -> Iterator[Panel | RowPanel]:
    """Rows, panels, and panels in rows."""
    for panel in board.panels or []:
        yield panel
        if isinstance(panel, RowPanel):
            yield from panel.panels


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a file is not current.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write there, with thresholds of this environment's settings.",
)
def main(check: bool, output: Path | None) -> None:
    """Write the dashboards."""
    folder, settings = (FOLDER, Settings.model_construct()) if output is None else (output, load_settings())
    stale = {name: text for name, text in render(settings).items() if _differs(folder / name, text)}
    if check and stale:
        click.echo(f"grafana/dashboards: {', '.join(stale)} not current; run: make docs", err=True)
        sys.exit(1)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in stale.items():
        (folder / name).write_text(text, encoding="utf-8")
        click.echo(f"wrote {folder / name}", err=True)


def _differs(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    main()
