"""What the dashboards' queries come to on a real Prometheus, and whether that is what their panels need."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.monitoring import Prometheus
from tests.queries import DASHBOARDS, Query, queries

STEP_S = 1.0
ONE_NUMBER = {"stat"}
RANKINGS = {"bargauge"}
Series = Mapping[str, Any]

LATER = {
    # Usual volume is known once a day of it has been seen (BAROMETER_SPIKE_VOLUME_WARM_UP_S).
    "barometer_brand_volume_baseline_tweets",
    "barometer_brand_volume_z",
    "barometer_brand_silence_z",
}
SELDOM = {
    # Of what need not happen: these panels say so in a word while it does not.
    ("pipeline", "Caught up in"): "nobody may be behind",
    ("pipeline", "Taking a partition over"): "all may have been taken over before the first scrape",
    ("pipeline", "Dead letters by reason"): "there may be none",
    ("pipeline", "Alerts"): "none may fire",
    ("model", "Alerts"): "none may fire",
}


@dataclass(frozen=True)
class Span:
    """The time shown, in seconds since 1970, and the brand that is looked at."""

    start: float
    end: float
    brand: str

    @property
    def variables(self) -> dict[str, str]:
        return {
            "brand": self.brand,
            "__rate_interval": "10s",
            "__range": f"{math.ceil(self.end - self.start)}s",
            "__interval": f"{STEP_S:g}s",
        }


def answer(prometheus: Prometheus, query: Query, span: Span) -> list[Series]:
    """The series that Grafana would get, each with at least one number. All brands, where several can be chosen."""
    values = span.variables | ({"brand": ".*"} if "=~" in query.expr else {})
    expr = query.with_values(values)
    if query.instant:
        found = prometheus.query(expr, span.end)
        return [one for one in found if _is_number(one["value"][1])]
    found = prometheus.query_range(expr, span.start, span.end, STEP_S)
    return [one for one in found if any(_is_number(value) for _at, value in one["values"])]


def all_queries() -> list[Query]:
    return [query for path in DASHBOARDS for query in queries(path)]


def wrong_with(query: Query, found: Sequence[Series]) -> str | None:
    """Why a panel could not show this; None when it can."""
    if not found:
        waiting = any(metric in query.expr for metric in LATER) or (query.board, query.panel) in SELDOM
        return None if waiting else "no data"
    if query.kind in ONE_NUMBER and len(found) != 1:
        return f"{len(found)} series where one number is shown"
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        if any(label not in series["metric"] for series in found):
            return f"the legend names {label}, which a series does not have: {found[0]['metric']}"
    if query.kind == "heatmap" and len({series["metric"].get("le") for series in found}) < 2:
        return "a heat map of less than two buckets"
    names = [tuple(sorted(series["metric"].items())) for series in found]
    if len(set(names)) < len(names):
        return "two series with the same labels"
    return None


def _is_number(value: str) -> bool:
    return not math.isnan(float(value))
