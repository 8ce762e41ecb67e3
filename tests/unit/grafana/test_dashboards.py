"""The committed dashboards: valid, current, complete, and about metrics that exist."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.generate import FOLDER, render
from infra.metrics import SECTIONS
from infra.settings import Settings
from tests.queries import DASHBOARDS, OURS, ROOT, defined, panels, queries, read_dashboard, rules, selected

PROVISIONING = ROOT / "grafana" / "provisioning"
BUILT_IN = {"__rate_interval": "1m", "__range": "1h", "__interval": "15s"}
COLUMNS = 24
EVERY = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def variables(board: dict[str, Any]) -> dict[str, str]:
    return {variable["name"]: "any" for variable in board["templating"]["list"]}


def all_queries() -> list[tuple[str, str]]:
    """Name and expression, with variables replaced, of every query of every dashboard."""
    return [
        (str(query), query.with_values({**variables(read_dashboard(path)), **BUILT_IN}))
        for path in DASHBOARDS
        for query in queries(path)
    ]


def through_the_sdk(board: dict[str, Any]) -> dict[str, Any]:
    """What is left of a dashboard once Grafana's own model of one has read and written it."""
    register_default_plugins()
    again: dict[str, Any] = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    return again


def test_the_four_dashboards_are_there_and_current() -> None:
    made = render(Settings.model_construct())
    assert (
        {path.name for path in DASHBOARDS}
        == set(made)
        == {f"{n}.json" for n in ("reputation", "brand", "pipeline", "model")}
    )
    for name, text in made.items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, f"{name} is not current: make docs"


@EVERY
def test_grafanas_schema_knows_every_field_of_a_dashboard(path: Path) -> None:
    board = read_dashboard(path)
    assert through_the_sdk(board) == board


def test_a_field_that_grafana_does_not_know_would_be_noticed() -> None:
    board = read_dashboard(DASHBOARDS[0])
    next(panels(board))["descripton"] = "with a letter missing"
    assert through_the_sdk(board) != board


def test_every_query_is_one_that_prometheus_can_parse() -> None:
    for name, expr in all_queries():
        assert selected(expr), name
    with pytest.raises(ValueError, match="parenthesis"):
        selected("sum by (brand (barometer_lag_records)")


def test_dashboards_and_rules_read_only_metrics_that_exist() -> None:
    recorded = {name for name, _expr in rules()}
    known = defined().keys() | recorded
    for name, expr in [*all_queries(), *rules()]:
        ours = {series for series in selected(expr) if series.startswith(OURS) or ":" in series}
        assert ours <= known, f"{name} reads {sorted(ours - known)}"


def test_every_metric_is_shown_or_ruled_by_or_marked_as_diagnostic() -> None:
    read = {defined().get(series) for _name, expr in [*all_queries(), *rules()] for series in selected(expr)}
    for section in SECTIONS:
        for metric in section.definitions:
            wrong = "marked as diagnostic, and read all the same" if metric.diagnostic else "read by nobody"
            assert (metric.name in read) != metric.diagnostic, f"{metric.name} is {wrong}"


@EVERY
def test_every_panel_says_what_it_shows_and_fits_on_the_screen(path: Path) -> None:
    board = read_dashboard(path)
    assert board["description"]
    placed = [panel["gridPos"] for panel in board["panels"]]
    for panel in panels(board):
        assert panel["title"], path
        assert panel["description"].endswith("."), panel["title"]
    for at in placed:
        assert at["x"] + at["w"] <= COLUMNS
    for one, other in combinations(placed, 2):
        apart = any(a[z] + a[s] <= b[z] for z, s in (("x", "w"), ("y", "h")) for a, b in ((one, other), (other, one)))
        assert apart, f"panels at {one} and {other} overlap"
    numbers = [panel["id"] for row in board["panels"] for panel in [row, *row.get("panels", [])]]
    assert len(set(numbers)) == len(numbers)


@EVERY
def test_what_is_done_to_a_series_by_name_is_done_to_one_that_there_is(path: Path) -> None:
    for panel in panels(read_dashboard(path)):
        legends = [target["legendFormat"] for target in panel["targets"]]
        columns: set[str] = set()
        for change in panel.get("transformations", []):
            columns |= set(change["options"].get("renameByName", {}).values())
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["id"] != "byName":
                continue
            name = override["matcher"]["options"]
            told_by_labels = any("{{" in legend for legend in legends)
            assert name in columns or name in legends or told_by_labels, f"{panel['title']}: no series is called {name}"


@EVERY
def test_every_variable_is_defined_and_every_link_leads_to_a_dashboard(path: Path) -> None:
    board, text = read_dashboard(path), path.read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{?(\w+)", text))
    assert {name for name in used if not name.startswith("__")} <= variables(board).keys()
    known = {read_dashboard(other)["uid"] for other in DASHBOARDS}
    assert set(re.findall(r"/d/([\w-]+)", text)) <= known
    assert any(link["type"] == "dashboards" and link["tags"] == board["tags"] for link in board["links"])


@EVERY
def test_data_comes_from_the_chosen_source_alone(path: Path) -> None:
    board = read_dashboard(path)
    sources = [panel["datasource"] for panel in panels(board)]
    sources += [target["datasource"] for panel in panels(board) for target in panel["targets"]]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)


def test_thresholds_are_those_of_the_settings() -> None:
    ours = Settings.model_construct(spike_volume_z=4.25, spike_min_effect=0.1875, allowed_lateness_s=77)
    made = render(ours)
    assert '"value": 4.25' in made["brand.json"]
    assert '"value": 0.1875' in made["reputation.json"]
    assert '"value": 77' in made["pipeline.json"]


def test_provisioning_fits_prometheus_and_compose() -> None:
    sources = yaml.safe_load((PROVISIONING / "datasources/barometer.yml").read_text(encoding="utf-8"))["datasources"]
    prometheus = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))
    (main,) = (source for source in sources if source.get("isDefault"))
    assert main["type"] == "prometheus"
    assert main["jsonData"]["timeInterval"] == prometheus["global"]["scrape_interval"]
    alertmanagers = prometheus["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    (other,) = (source for source in sources if source["type"] == "alertmanager")
    assert other["url"] in {f"http://{target}" for target in alertmanagers}
    jobs = {job["job_name"] for job in prometheus["scrape_configs"]}
    for _name, expr in all_queries():
        for job in re.findall(r'job=~?"([^"]+)"', expr):
            assert set(job.split("|")) <= jobs, expr
