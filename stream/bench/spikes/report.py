"""The figures of a run, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.terminal import printable
from stream.bench.spikes.labelled import Found
from stream.bench.spikes.measure import OURS, Outcome
from stream.spikes.pane import Kind


def summary(outcome: Outcome, seed: int, found: Mapping[str, Sequence[Found]]) -> dict[str, Any]:
    """All figures; null for a delay when most incidents were missed."""
    plan = outcome.plan
    goal = plan.goal
    detectors = {}
    for name, result in outcome.results.items():
        detectors[name] = {
            "recall": _number(result.recall(None, goal)),
            "false_alarms_per_brand_month": _number(outcome.false_alarms(name)),
            "median_delay_s": _number(result.delay(None, goal)),
            "delay_to_oracle": _number(outcome.to_oracle(name, None, goal)),
            "delay_to_oracle_by_rate": {str(rate): _number(outcome.to_oracle(name, rate, goal)) for rate in plan.rates},
            "delay_to_oracle_mean_over_rates": _number(outcome.to_oracle_mean(name, goal)),
            "by_rate_and_size": [
                {
                    "tweets_an_hour": rate,
                    "points": round(100 * size),
                    "incidents": len(result.of(rate, size)),
                    "recall": _number(result.recall(rate, size)),
                    "median_delay_s": _number(result.delay(rate, size)),
                    "delay_to_oracle": _number(outcome.to_oracle(name, rate, size)),
                    "false_alarms_per_brand_month": _number(result.false_alarms[rate]),
                }
                for rate in plan.rates
                for size in plan.sizes
            ],
            "curve": [
                {
                    "tweets_an_hour": rate,
                    "threshold": _number(threshold),
                    "false_alarms_per_brand_month": _number(alarms),
                    "recall": _number(recall),
                }
                for rate, points in result.curve.items()
                for threshold, alarms, recall in points
            ],
        }
    return {
        "seed": seed,
        "points": round(100 * goal),
        "brand_months": {str(rate): months for rate, months in outcome.months.items()},
        "cost_per_pane_us": round(outcome.pane_us, 1),
        "false_alarms_per_brand_month_by_kind": {kind.value: round(n, 3) for kind, n in outcome.extra.items()},
        "detectors": detectors,
        "data": {name: [_found(one) for one in some] for name, some in found.items()},
    }


def print_outcome(out: Console, outcome: Outcome, seed: int) -> None:
    """Two tables: all detectors at the size of the goal, then by rate and size."""
    plan = outcome.plan
    goal = plan.goal
    months = ", ".join(f"{n:g} brand-months at {rate:,} tweets/h" for rate, n in outcome.months.items())
    out.print(f"Quiet: {months}; seed {seed}.")
    table = Table(title=f"Incidents of +{100 * goal:.0f} points, 300 tweets or more", title_justify="left")
    for head in ("detector", "false alarms", "recall", "median delay", "of the oracle's", "mean over rates"):
        table.add_column(head, justify="left" if head == "detector" else "right")
    for name, result in outcome.results.items():
        table.add_row(
            name,
            f"{outcome.false_alarms(name):.2f}",
            f"{result.recall(None, goal):.3f}",
            _duration(result.delay(None, goal)),
            _ratio(outcome.to_oracle(name, None, goal)),
            _ratio(outcome.to_oracle_mean(name, goal)),
        )
    out.print(table)
    out.print(
        "False alarms: a brand-month of 28 days, set alike for all. Of the oracle's: the median delay as a multiple,"
    )
    out.print("all rates pooled. Mean over rates: the geometric mean of that multiple at each rate.")
    table = Table(title="By rate and size: recall, median delay, as a multiple of the oracle's", title_justify="left")
    table.add_column("detector")
    table.add_column("tweets/h", justify="right")
    for size in plan.sizes:
        table.add_column(f"+{100 * size:.0f} points", justify="right")
    table.add_column("false alarms", justify="right")
    for name, result in outcome.results.items():
        for rate in plan.rates:
            cells = [
                f"{result.recall(rate, size):.2f} {_duration(result.delay(rate, size))} "
                f"{_ratio(outcome.to_oracle(name, rate, size))}"
                for size in plan.sizes
            ]
            first = name if rate == plan.rates[0] else ""
            table.add_row(first, f"{rate:,}", *cells, f"{result.false_alarms[rate]:.2f}")
    out.print(table)
    others = ", ".join(f"{kind.value} {outcome.extra[kind]:.2f}" for kind in Kind)
    out.print(f"{OURS}'s false alarms a brand-month, by kind: {others}. Cost: {outcome.pane_us:.0f} µs a pane.")


def print_found(out: Console, name: str, found: Mapping[str, Sequence[Found]]) -> None:
    """What each detector finds in a file of labelled tweets."""
    out.print(f"\n{printable(name)}: negative spikes by detector; who is right is for a person to say.")
    for detector, some in found.items():
        brands = sorted({one.brand for one in some})
        out.print(f"{detector}: {len(some)} in {len(brands)} brands")
        if detector != OURS:
            continue
        for one in some:
            out.print(
                f"  {one.at:%Y-%m-%d %H:%M}  {printable(one.brand)}: "
                f"{one.baseline or 0:.0%} to {one.share or 0:.0%}, {one.tweets} tweets, z {one.z or 0:.1f}"
            )


def _found(one: Found) -> dict[str, Any]:
    return {
        "brand": one.brand,
        "at": one.at,
        "share": one.share,
        "baseline": one.baseline,
        "tweets": one.tweets,
        "z": one.z,
    }


def _number(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None


def _ratio(value: float) -> str:
    return f"{value:.2f}x" if isfinite(value) else "-"


def _duration(seconds: float) -> str:
    if seconds == inf:
        return "missed"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h"
