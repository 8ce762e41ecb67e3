"""What ``barometer bench pipeline`` does and shows."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from infra.settings import load_settings
from stream.bench.compare import Ratio, compare_runs
from stream.bench.machine import describe_machine
from stream.bench.pipeline.load import sample
from stream.bench.pipeline.plan import FULL, QUICK, Plan, measure
from stream.bench.plots import save_plot

PLANS = {"default": Plan(), "quick": QUICK, "full": FULL}
RATIOS = (
    Ratio("pipeline_to_engine", "to the engine alone"),
    Ratio("pipeline_to_engine_by_cpu", "to the engine alone, by CPU time"),
    Ratio("constant_time_classify_cpu_us", "classify, CPU microseconds a tweet", lower=True),
    Ratio("constant_time_both_cpu_us", "both stages, CPU microseconds a tweet", lower=True),
    Ratio("rss_mb", "memory of a worker in MB", lower=True),
)
"""What a later run is held to: what other work on the machine disturbs least."""


def run(
    size: str, tweets: int | None, data: Path | None, *, as_json: bool, compare: Path | None, plots: Path | None
) -> None:
    """Measure, and print tables or JSON on standard output. Raises UsageError for a file of too few tweets."""
    plan = PLANS[size] if tweets is None else replace(PLANS[size], tweets=tweets)
    settings, texts = load_settings(), sample(data)
    console = Console(stderr=True)
    with console.status("starting") as status:
        progress = status.update if console.is_terminal else _silent
        figures = {"benchmark": "pipeline", **describe_machine(), **measure(settings, texts, plan, progress)}
    if as_json:
        sys.stdout.write(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(Console(width=None if sys.stdout.isatty() else 120, highlight=False), figures)
    if plots is not None:
        click.echo(f"{save_plot(figures, plots)}", err=True)
    if compare is not None and not compare_runs(compare, figures, RATIOS):
        click.get_current_context().exit(1)


def show(out: Console, figures: Mapping[str, Any]) -> None:
    """The figures as tables."""
    out.print(f"{figures['machine']}, {figures['date']}, load {figures['load']}\n")
    backlogs = _table("backlog", "tweets/s", "CPU us a tweet")
    for title, key in (
        ("engine alone", "engine"),
        ("one worker, the model that ships", "pipeline"),
        ("classify alone, a model that takes no time", "constant_time_classify"),
        ("aggregate alone", "constant_time_aggregate"),
        ("both, a model that takes no time", "constant_time_both"),
    ):
        per_s = figures.get(f"{key}_tweets_per_s", figures.get(f"{key}_per_s"))
        backlogs.add_row(title, f"{per_s:,.0f}", f"{figures[f'{key}_cpu_us']:,.0f}")
    out.print(backlogs)
    low, high = figures["pipeline_to_engine_spread"]
    out.print(
        f"\npipeline to engine {figures['pipeline_to_engine']:.2f} ({low:.2f} to {high:.2f}), "
        f"by CPU time {figures['pipeline_to_engine_by_cpu']:.2f}; at most {figures['rss_mb']:,.0f} MB; "
        f"first label {figures['cold_start_s']:.1f} s after the start\n"
    )
    if figures.get("latency"):
        latency = _table("load", "tweets/s", "to label p50", "p95", "p99", "to window p50", "p95", "p99")
        for one in figures["latency"]:
            seconds = [*one["append_to_labeled_s"].values(), *one["append_to_window_s"].values()]
            latency.add_row(f"{one['load']:.0%}", f"{one['tweets_per_s']:,.0f}", *(f"{each:.3f} s" for each in seconds))
        out.print(latency)
    if figures["workers"]:
        workers = _table("workers", "tweets/s", "CPU us a tweet", "MB of the largest")
        for one in figures["workers"]:
            workers.add_row(str(one["workers"]), *_short(one))
        out.print(workers)
    if figures["growth"]:
        growth = _table("tweets", "brands", "tweets/s", "CPU us a tweet", "MB")
        for one in figures["growth"]:
            growth.add_row(f"{one['tweets']:,}", f"{one['brands']:,}" if one["brands"] else "own", *_short(one))
        out.print(growth)


def _short(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return f"{one['tweets_per_s']:,.0f}", f"{one['cpu_us']:,.0f}", f"{one['rss_mb']:,.0f}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first)
    for other in others:
        table.add_column(other, justify="right")
    return table


def _silent(_what: str) -> None:
    pass
