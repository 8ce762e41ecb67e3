"""The queries of dashboards and rules, as Prometheus gets them, and the metrics that they read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

from infra.metrics import SECTIONS

ROOT = Path(__file__).parents[1]
DASHBOARDS = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))
RULES = sorted((ROOT / "infra" / "prometheus" / "rules").glob("*.yml"))
OURS = "barometer_"


@dataclass(frozen=True)
class Query:
    """One target of a panel. ``kind``: the panel's type, or annotation. ``legend`` as in the dashboard."""

    board: str
    panel: str
    kind: str
    ref: str
    expr: str
    instant: bool
    legend: str

    def __str__(self) -> str:
        return f"{self.board} / {self.panel} / {self.ref}"

    def with_values(self, values: Mapping[str, str]) -> str:
        """The expression with Grafana's variables replaced; longer names first: one may begin with another."""
        text = self.expr
        for name in sorted(values, key=len, reverse=True):
            text = text.replace(f"${name}", values[name]).replace(f"${{{name}}}", values[name])
        return text


def read_dashboard(path: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return board


def panels(board: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels but rows, those in collapsed rows included."""
    for panel in board["panels"]:
        if panel["type"] == "row":
            yield from panel["panels"]
        else:
            yield panel


def queries(path: Path) -> Iterator[Query]:
    """Every query of a dashboard, annotations included."""
    board = read_dashboard(path)
    for panel in panels(board):
        for target in panel["targets"]:
            instant, legend = bool(target.get("instant")), target["legendFormat"]
            yield Query(path.stem, panel["title"], panel["type"], target["refId"], target["expr"], instant, legend)
    for note in board["annotations"].get("list", []):
        yield Query(path.stem, note["name"], "annotation", "A", note["target"]["expr"], instant=False, legend="")


def rules() -> Iterator[tuple[str, str]]:
    """Name and expression of every recording and alert rule."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            for rule in group["rules"]:
                yield rule.get("alert") or rule["record"], rule["expr"]


def selected(expr: str) -> set[str]:
    """Names of the series that an expression reads. Raises ValueError when Prometheus could not parse it."""
    found: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            found.add(node.name)
        for child in ("lhs", "rhs", "expr", "param", "vector_selector", "vs"):
            if (inner := getattr(node, child, None)) is not None:
                visit(inner)
        for argument in getattr(node, "args", None) or []:
            visit(argument)

    visit(promql_parser.parse(expr))
    return found


def defined() -> dict[str, str]:
    """Every series of ``infra.metrics``, and the metric it belongs to."""
    return {
        series: definition.name
        for section in SECTIONS
        for definition in section.definitions
        for series in definition.series
    }
