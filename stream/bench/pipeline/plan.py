"""Which measurements make the benchmark, and what comes of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from infra.settings import Settings
from model.bench.contestants import Contestant, barometer
from model.bench.engine import CALL
from model.bench.rounds import Turn
from model.engines import bundled_folder
from stream.bench.pipeline.measure import CONSTANT, Backlog, backlog, latency, stage_by_stage
from stream.bench.pipeline.site import Site
from stream.bench.pipeline.timing import percentiles
from stream.records import Tweet

Progress = Callable[[str], None]
LOADS = (0.1, 0.5, 0.8)
"""Parts of the capacity that was measured, at which latency is."""
ENGINE_TEXTS = 2_048
WARM_UP = 2_000


@dataclass(frozen=True)
class Plan:
    """How much is measured. ``tweets``: in a backlog for the model; ``constant``: for the constant-time classifier.

    ``latency_s``: at each load; 0: none. ``workers``, ``growth_tweets`` and ``growth_brands``: one measurement each.
    """

    tweets: int = 6_000
    rounds: int = 2
    constant: int = 40_000
    latency_s: float = 20
    workers: Sequence[int] = (2, 3)
    growth_tweets: Sequence[int] = (10_000, 100_000)
    growth_brands: Sequence[int] = (10, 1_000)
    growth_brands_tweets: int = 20_000


QUICK = Plan(tweets=2_000, rounds=1, constant=10_000, latency_s=3, workers=(), growth_tweets=(), growth_brands=())
FULL = Plan(
    tweets=10_000,
    rounds=4,
    constant=100_000,
    latency_s=60,
    growth_tweets=(10_000, 100_000, 1_000_000),
    growth_brands=(10, 100, 1_000, 10_000),
    growth_brands_tweets=20_000,
)


def measure(settings: Settings, tweets: Sequence[Tweet], plan: Plan, progress: Progress) -> dict[str, Any]:
    """All figures, as in the JSON. Raises BarometerError."""
    progress("starting Kafka")
    with Site(settings) as site:
        progress("warming Kafka up")
        backlog(site, tweets, WARM_UP, CONSTANT)
        figures = {"tweets": plan.tweets} | _beside_the_engine(site, tweets, plan, progress)
        figures |= _constant(site, tweets, plan, progress)
        if plan.latency_s:
            figures |= _latency(site, tweets, figures["pipeline_tweets_per_s"], plan, progress)
        figures["workers"] = [_with_workers(site, tweets, plan.tweets, count, progress) for count in plan.workers]
        figures["growth"] = list(_growth(site, tweets, plan, progress))
    return figures


def _beside_the_engine(site: Site, tweets: Sequence[Tweet], plan: Plan, progress: Progress) -> dict[str, Any]:
    """The flow with the model that ships, and the engine alone on the same texts, in turns."""
    texts = [tweet.text for tweet in tweets[:ENGINE_TEXTS]]
    with _engine() as engine:
        engine(texts)  # compiles kernels, fills caches
        alone, flows = [engine(texts)], []
        for number in range(plan.rounds):
            progress(f"backlog for the model, round {number + 1} of {plan.rounds}")
            flows.append(backlog(site, tweets, plan.tweets))
            progress("engine alone")
            alone.append(engine(texts))
    around = list(pairwise(alone))
    ratios = [2 * flow.per_s / (a[0] + b[0]) for flow, (a, b) in zip(flows, around, strict=True)]
    by_cpu = [(a[1] + b[1]) / 2 / flow.cpu_us for flow, (a, b) in zip(flows, around, strict=True)]
    return {
        "engine_tweets_per_s": round(statistics.median(rate for rate, _cpu in alone), 1),
        "engine_cpu_us": round(statistics.median(cpu for _rate, cpu in alone), 1),
        "pipeline_tweets_per_s": round(statistics.median(flow.per_s for flow in flows), 1),
        "pipeline_cpu_us": round(statistics.median(flow.cpu_us for flow in flows), 1),
        "pipeline_to_engine": round(statistics.median(ratios), 3),
        "pipeline_to_engine_spread": [round(min(ratios), 3), round(max(ratios), 3)],
        "pipeline_to_engine_by_cpu": round(statistics.median(by_cpu), 3),
        "rss_mb": round(max(flow.peak_mb for flow in flows), 1),
        "cold_start_s": round(statistics.median(flow.cold_start_s for flow in flows), 2),
    }


@contextmanager
def _engine() -> Iterator[Callable[[Sequence[str]], tuple[float, float]]]:
    """The engine in a process of its own: texts in, texts a second and CPU microseconds for each out."""
    title = "engine alone"
    turn = Turn(Contestant("engine", title, barometer, (str(bundled_folder()), 0, CALL), ENGINE_TEXTS))

    def label(texts: Sequence[str]) -> tuple[float, float]:
        seconds, cpu_seconds = turn.ask(texts)
        return len(texts) / seconds, 1_000_000 * cpu_seconds / len(texts)

    try:
        turn.ask("start")
        yield label
    finally:
        turn.stop()


def _constant(site: Site, tweets: Sequence[Tweet], plan: Plan, progress: Progress) -> dict[str, Any]:
    """What the flow costs when labelling costs nothing."""
    progress("backlog for a classifier that takes no time: each stage alone")
    labelling, counting = stage_by_stage(site, tweets, plan.constant, CONSTANT)
    progress("backlog for a classifier that takes no time: both stages")
    both = backlog(site, tweets, plan.constant, CONSTANT)
    figures: dict[str, Any] = {"constant_tweets": plan.constant}
    for name, one in (("classify", labelling), ("aggregate", counting), ("both", both)):
        figures[f"constant_time_{name}_per_s"] = round(one.per_s, 1)
        figures[f"constant_time_{name}_cpu_us"] = round(one.cpu_us, 1)
    return figures | {"constant_time_rss_mb": round(both.peak_mb, 1)}


def _latency(site: Site, tweets: Sequence[Tweet], capacity: float, plan: Plan, progress: Progress) -> dict[str, Any]:
    """At parts of the capacity; ``p99_append_to_labeled_s`` is that of half of it."""
    told = []
    for load in LOADS:
        progress(f"latency at {load:.0%} of {capacity:,.0f} tweets a second")
        found = latency(site, tweets, load * capacity, plan.latency_s)
        told.append(
            {
                "load": load,
                "tweets_per_s": round(found.rate, 1),
                "tweets": len(found.to_label),
                "append_to_labeled_s": percentiles(found.to_label),
                "append_to_window_s": percentiles(found.to_window),
            }
        )
    half = told[LOADS.index(0.5)]["append_to_labeled_s"]
    return {"p99_append_to_labeled_s": half["p99"], "latency": told}  # type: ignore[index]


def _with_workers(site: Site, tweets: Sequence[Tweet], count: int, workers: int, progress: Progress) -> dict[str, Any]:
    progress(f"{workers} workers")
    return {"workers": workers} | _in_short(backlog(site, tweets, count, workers=workers))


def _growth(site: Site, tweets: Sequence[Tweet], plan: Plan, progress: Progress) -> Iterator[dict[str, Any]]:
    """Whether more tweets, or more brands, cost more for each; with the constant-time classifier."""
    for count in plan.growth_tweets:
        progress(f"{count:,} tweets")
        yield {"tweets": count, "brands": 0} | _in_short(backlog(site, tweets, count, CONSTANT))
    for brands in plan.growth_brands:
        progress(f"{brands:,} brands")
        found = backlog(site, tweets, plan.growth_brands_tweets, CONSTANT, brands=brands)
        yield {"tweets": plan.growth_brands_tweets, "brands": brands} | _in_short(found)


def _in_short(found: Backlog) -> dict[str, Any]:
    return {
        "tweets_per_s": round(found.per_s, 1),
        "cpu_us": round(found.cpu_us, 1),
        "rss_mb": round(found.peak_mb, 1),
    }
