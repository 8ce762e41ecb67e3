"""Writes ``docs/metrics.md`` from ``infra.metrics``.

    python -m infra.metrics_reference           write it (``make docs``)
    python -m infra.metrics_reference --check   exit 1 if it is not current (``make check``)

Works in a clone, where the file stands beside the packages.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from infra import metrics
from infra.catalogue import Definition

PAGE = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"
INTRODUCTION = """\
<!-- Made by `make docs` from infra/metrics.py: do not edit. -->
# Metrics

A worker serves them on `/metrics` of BAROMETER_METRICS_PORT, `barometer serve` and `barometer notify` on their own
ports. Base units; a ratio is 0 to 1. Counters end in `_total`. What counts by a label that is known beforehand starts
at 0, so that `increase()` sees the first time.

*Diagnostic* metrics are for whoever looks into trouble: no dashboard and no rule reads them. The rules stand under
[infra/prometheus](../infra/prometheus/), what to do about an alert in [runbooks](runbooks/)."""


def markdown() -> str:
    """The text of ``docs/metrics.md``."""
    lines = [INTRODUCTION]
    for section in metrics.SECTIONS:
        lines += ["", f"## {section.title}", "", section.about, "", "| metric | type | labels | what it is |"]
        lines += ["|---|---|---|---|", *map(_row, section.definitions)]
    return "\n".join(lines) + "\n"


def _row(metric: Definition) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {' '.join(_words(metric))} |"


def _words(metric: Definition) -> Iterator[str]:
    yield metric.documentation.replace("|", "\\|")
    if metric.buckets:
        yield f"Edges: {', '.join(f'{edge:g}' for edge in metric.buckets)}."
    if metric.diagnostic:
        yield "*Diagnostic.*"


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if the page is not current.")
def main(check: bool) -> None:
    """Write docs/metrics.md from the definitions of the metrics."""
    text = markdown()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == text:
        return
    if check:
        click.echo("docs/metrics.md: not current with infra/metrics.py; run: make docs", err=True)
        sys.exit(1)
    PAGE.write_text(text, encoding="utf-8")
    click.echo("wrote docs/metrics.md", err=True)


if __name__ == "__main__":
    main()
