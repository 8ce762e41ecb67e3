"""What the rounds gave, as one JSON object or as tables."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from model.bench.limit import Limit
from model.bench.rounds import Result
from model.evaluation.metrics import compute_metrics

Figures = dict[str, Any]


def summarise(
    results: Sequence[Result], truth: Sequence[int], tokens: float, *, ours: str, base: str, fp32: str
) -> Figures:
    """All figures. ``ours``, ``base``, ``fp32``: keys of the contestants that the headline compares.

    ``tokens``: mean tokens of a text. Ratios are of the same round: median, least and most.
    """
    by_key = {result.contestant.key: result for result in results}
    reference = by_key[fp32].shares
    figures: Figures = {
        "tweets_per_s": round(by_key[ours].rate, 1),
        "hf_pipeline_tweets_per_s": round(by_key[base].rate, 1),
        "ratio": _ratio(by_key[ours], by_key[base])["median"],
        "engines": {
            key: {
                "title": result.contestant.title,
                "tweets_per_s": _spread(result.tweets_per_s),
                "tokens_per_s": round(result.rate * tokens),
                "ratio": _ratio(result, by_key[base]),
                "cpu_ms_per_tweet": round(statistics.median(result.cpu_ms_per_tweet), 3),
                "latency_ms": _percentiles(result.latencies_ms),
                "rss_mb": round(result.rss_mb),
                "start_s": round(result.start_s, 2),
                **_quality(result.shares, reference, truth),
            }
            for key, result in by_key.items()
        },
    }
    if truth:
        figures["accuracy"] = figures["engines"][ours]["accuracy"]
        figures["accuracy_fp32"] = figures["engines"][fp32]["accuracy"]
    return figures


def describe_limit(rate: float, width: float, macs_per_tweet: float, limit: Limit | None, reached: float) -> Figures:
    """What share of the arithmetic the engine uses at ``rate`` tweets a second of ``width`` padded tokens each."""
    used = rate * macs_per_tweet
    figures: Figures = {
        "padded_tokens_per_tweet": round(width, 2),
        "macs_per_tweet": round(macs_per_tweet),
        "used_gmacs_per_s": round(used / 1e9, 1),
        "products_alone_gmacs_per_s": round(reached / 1e9, 1),
        "share_of_products_alone": round(used / reached, 3),
    }
    if limit is not None:
        figures["cpu"] = {
            "cores": limit.cores,
            "macs_per_cycle": limit.macs_per_cycle,
            "instructions": limit.how,
            "clock_ghz": round(limit.hertz / 1e9, 3),
            "gmacs_per_s": round(limit.macs_per_s / 1e9, 1),
        }
        figures["share_of_cpu"] = round(used / limit.macs_per_s, 3)
    return figures


def print_figures(out: Console, figures: Figures) -> None:
    """Two tables and two sentences."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("engine")
    for name in ("tweets/s", "ratio", "CPU ms/tweet", "one text, ms (p50/p95)", "MB", "start s", "accuracy", "as fp32"):
        table.add_column(name, justify="right")
    for engine in figures["engines"].values():
        latency, ratio = engine["latency_ms"], engine["ratio"]
        table.add_row(
            engine["title"],
            f"{engine['tweets_per_s']['median']:,.0f}",
            f"{ratio['median']:.2f} ({ratio['least']:.2f}-{ratio['most']:.2f})",
            f"{engine['cpu_ms_per_tweet']:.2f}",
            f"{latency['p50']:.1f} / {latency['p95']:.1f}",
            f"{engine['rss_mb']}",
            f"{engine['start_s']:.1f}",
            f"{engine['accuracy']:.2%}" if "accuracy" in engine else "-",
            f"{engine['same_label_as_fp32']:.1%}" if "same_label_as_fp32" in engine else "-",
        )
    out.print(table)
    steps, network = (figures["profile_us"][part] for part in ("steps", "network"))
    out.print(f"\nmicroseconds of one core for a tweet: {_in_words(steps)}")
    out.print(f"in the network, by OpenVINO's kinds of operation: {_in_words(network)}")
    limit = figures["limit"]
    out.print(
        f"\nint8 arithmetic: {limit['used_gmacs_per_s']:.0f} of {limit['products_alone_gmacs_per_s']:.0f} billion "
        f"multiply-adds a second that the matrix products reach with nothing between them "
        f"({limit['share_of_products_alone']:.0%})."
    )
    if "cpu" in limit:
        cpu = limit["cpu"]
        out.print(
            f"{limit['share_of_cpu']:.0%} of the CPU's {cpu['gmacs_per_s']:.0f} ({cpu['cores']} cores, "
            f"{cpu['macs_per_cycle']} a cycle by {cpu['instructions']}, at the {cpu['clock_ghz']:.2f} GHz that the "
            f"system states; a boosted clock makes the share smaller)."
        )


def _in_words(spent: Mapping[str, float]) -> str:
    whole = sum(spent.values())
    return ", ".join(f"{name} {us:,.0f} ({us / whole:.0%})" for name, us in spent.items())


def _quality(
    shares: NDArray[np.float32] | None, reference: NDArray[np.float32] | None, truth: Sequence[int]
) -> Figures:
    if shares is None or reference is None:
        return {}
    figures: Figures = {"same_label_as_fp32": round(float((shares.argmax(1) == reference.argmax(1)).mean()), 4)}
    if truth:
        metrics = compute_metrics(shares, np.array(truth))
        figures |= {"accuracy": round(metrics.accuracy, 4), "macro_recall": round(metrics.macro_recall, 4)}
    return figures


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 1),
        "least": round(min(values), 1),
        "most": round(max(values), 1),
    }


def _ratio(one: Result, base: Result) -> dict[str, float]:
    ratios = [ours / theirs for ours, theirs in zip(one.tweets_per_s, base.tweets_per_s, strict=True)]
    return {name: round(value, 3) for name, value in _raw(ratios).items()}


def _raw(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(values, [50, 95, 99])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "p99": round(float(p99), 2)}
