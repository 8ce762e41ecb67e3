"""The committed Alertmanager configuration: what goes where, what inhibits what."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.programs import program

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "infra/alertmanager/alertmanager.yml"
NOTIFY = "http://notify:9096/alerts"
EXAMPLE = re.compile(r"^      # (routes:|  - matchers: .*|    receiver: .*)$", re.MULTILINE)


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CONFIG.read_text())
    return found


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    """The committed alert rules."""
    files = (ROOT / "infra/prometheus/rules").glob("*.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def route(config: Path, **labels: str) -> str:
    command = [program("amtool"), "config", "routes", "test", "--config.file", str(config)]
    given = [f"{name}={value}" for name, value in labels.items()]
    return subprocess.run([*command, *given], check=True, capture_output=True, text=True).stdout.strip()


def test_alertmanager_itself_finds_no_fault() -> None:
    checked = subprocess.run(
        [program("amtool"), "check-config", str(CONFIG)], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        ({"category": "reputation", "severity": "critical", "brand": "Acme"}, "reputation"),
        ({"category": "reputation", "severity": "info", "brand": "Acme"}, "reputation"),
        ({"category": "pipeline", "severity": "critical", "alertname": "WorkerDown"}, "on-call"),
        ({"category": "pipeline", "severity": "warning", "alertname": "DeadLetterRatio"}, "tickets"),
        ({"alertname": "SomebodyElses"}, "tickets"),
    ],
)
def test_severity_and_category_decide_who_hears(labels: dict[str, str], receiver: str) -> None:
    assert route(CONFIG, **labels) == receiver


def test_the_example_of_a_brand_with_people_of_its_own_works(tmp_path: Path) -> None:
    text = CONFIG.read_text()
    assert len(EXAMPLE.findall(text)) == 3
    receiver = f"  - name: kettle-and-crane\n    webhook_configs: [{{url: '{NOTIFY}'}}]\n"
    own = tmp_path / "alertmanager.yml"
    own.write_text(EXAMPLE.sub(r"      \1", text) + receiver)
    labels = {"category": "reputation", "severity": "critical"}
    assert route(own, **labels, brand="Kettle & Crane") == "kettle-and-crane"
    assert route(own, **labels, brand="Acme") == "reputation"


def test_every_receiver_is_notify_and_hears_of_the_end_too(config: dict[str, Any]) -> None:
    for receiver in config["receivers"]:
        (webhook,) = receiver["webhook_configs"]
        assert webhook["url"] == NOTIFY
        assert webhook.get("send_resolved", True)


def test_all_alerts_about_a_brand_are_one_event(config: dict[str, Any]) -> None:
    (reputation,) = (one for one in config["route"]["routes"] if one["receiver"] == "reputation")
    assert reputation["group_by"] == ["brand"]


def test_rules_have_the_labels_that_routes_and_inhibitions_ask_for(
    config: dict[str, Any], rules: list[dict[str, Any]]
) -> None:
    assert rules
    for rule in rules:
        assert rule["labels"]["category"] in {"reputation", "pipeline"}, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule["alert"]
    names = {rule["alert"] for rule in rules}
    for inhibition in config["inhibit_rules"]:
        for matcher in [*inhibition["source_matchers"], *inhibition["target_matchers"]]:
            found = re.fullmatch(r'alertname=~?"(.*)"', matcher)
            for pattern in found[1].split("|") if found else []:
                assert any(re.fullmatch(pattern, name) for name in names), f"no rule is called {pattern}"


def test_incomplete_figures_say_nothing_about_a_brand(config: dict[str, Any]) -> None:
    (about_brands,) = (one for one in config["inhibit_rules"] if 'category="reputation"' in one["target_matchers"])
    assert 'category="pipeline"' in about_brands["source_matchers"]
