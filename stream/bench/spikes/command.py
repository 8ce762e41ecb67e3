"""What ``barometer bench spikes`` does and shows."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import click
import orjson
from rich.console import Console

from infra.errors import MissingExtraError
from infra.settings import load_settings
from stream.bench.spikes.histories import Plan
from stream.bench.spikes.labelled import read_brands, search
from stream.bench.spikes.measure import OURS, Outcome, Progress, sweep
from stream.bench.spikes.measure import run as measure
from stream.bench.spikes.report import print_found, print_outcome, summary
from stream.spikes.rules import SpikeRules, rules_of

SETTINGS_SWEPT = (0.02, 0.5, 5.0, 50.0)
SWEPT = 0.5
"""A curve is drawn from so much of the plan: each point of it is a run."""
QUICK = Plan(rates=(600,), sizes=(0.2,), quiet_days=14, quiet_brands=2, calm_days=4, incidents=8)


def run(seed: int, *, as_json: bool, quick: bool, scale: float, data: Path | None, plots: Path | None) -> None:
    """Measure, and print a report or JSON on standard output."""
    if any(find_spec(name) is None for name in ("river", "scipy", "matplotlib")):
        raise MissingExtraError("bench spikes", "bench")
    rules = rules_of(load_settings())
    brands = read_brands(data) if data is not None else {}
    plan = QUICK if quick else _scaled(Plan(), scale)
    console = Console(stderr=True)
    with console.status("making histories") as status:
        progress: Progress = status.update if console.is_terminal else _silent
        outcome = measure(plan, seed, rules, progress)
        found = search(brands, outcome, rules)
        if plots is not None:
            _draw(plots, plan, seed, rules, outcome, progress)
    if as_json:
        sys.stdout.write(orjson.dumps(summary(outcome, seed, found), option=orjson.OPT_INDENT_2).decode() + "\n")
        return
    out = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    print_outcome(out, outcome, seed)
    if data is not None:
        print_found(out, data.name, found)


def _scaled(plan: Plan, scale: float) -> Plan:
    return replace(
        plan,
        quiet_brands=max(1, round(plan.quiet_brands * scale)),
        incidents=max(4, round(plan.incidents * scale)),
    )


def _draw(plots: Path, plan: Plan, seed: int, rules: SpikeRules, outcome: Outcome, progress: Progress) -> None:
    from stream.bench.spikes.plots import save_plots

    outcome.results[OURS].curve = sweep(_scaled(plan, SWEPT), seed, rules, SETTINGS_SWEPT, progress).curve
    for path in save_plots(outcome, plots):
        click.echo(f"wrote {path}", err=True)


def _silent(_what: str) -> None:
    pass
