"""What Prometheus records and alerts on: by promtool, and against the settings and runbooks it speaks of.

tests/unit/grafana checks that the metrics which rules read exist.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.prometheus.generate import defaults, files
from infra.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
RULES = ROOT / "infra" / "prometheus" / "rules"
TESTS = ROOT / "infra" / "prometheus" / "tests"
RUNBOOKS = ROOT / "docs" / "runbooks"


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail("CI needs promtool: tools/ci_packages.sh installs it")
    if found is None:
        pytest.skip("needs promtool (Debian: apt-get install prometheus)")
    return found


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for path in sorted(RULES.glob("*.yml"))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for rule in group["rules"]
    ]


def alerts() -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_prometheus_takes_the_configuration_and_the_rules(promtool: str) -> None:
    answer = subprocess.run(
        [promtool, "check", "config", "prometheus.yml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"SUCCESS: {len(list(RULES.glob('*.yml')))} rule files found" in answer.stdout


def test_every_alert_fires_in_time_not_before_and_resolves(promtool: str) -> None:
    tests = sorted(str(path.relative_to(ROOT)) for path in TESTS.glob("*.yml"))
    answer = subprocess.run(
        [promtool, "test", "rules", *tests], cwd=ROOT, capture_output=True, text=True, check=False, timeout=280
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_every_alert_has_a_test_that_it_fires_and_says_so_in_full() -> None:
    told = set()
    for path in TESTS.glob("*.yml"):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test.get("alert_rule_test", ()):
                told |= {case["alertname"] for alert in case["exp_alerts"] if alert["exp_annotations"]["description"]}
    assert told == alerts().keys()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for name, alert in alerts().items():
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}, name
        assert alert["labels"]["category"] in {"reputation", "pipeline"}, name
        runbook = ROOT / alert["annotations"]["runbook_url"]
        assert runbook == RUNBOOKS / f"{name}.md"
        headings = re.findall(r"^#+ (.+)$", runbook.read_text(encoding="utf-8").split("```")[0], re.MULTILINE)
        assert headings == [name, "Meaning", "Impact", "Diagnosis"]
        assert "## Fix" in runbook.read_text(encoding="utf-8"), name
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == alerts().keys() | {"README"}


def test_commands_in_runbooks_exist() -> None:
    from stream.cli import COMMANDS  # not at import: it is quick, but the other tests do without

    known = COMMANDS.keys() | {"bench", "key"}
    for path in RUNBOOKS.glob("*.md"):
        for command in re.findall(r"^barometer (\w+)|`barometer (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE):
            assert "".join(command) in known, path.name


def test_reputation_rules_read_the_newest_word_of_anybody_and_outlive_a_move() -> None:
    (active,) = (
        rule["expr"] for rule in rules() if rule.get("record") == "brand_kind:barometer_brand_spike_active:max"
    )
    assert active == "max by (brand, kind) (last_over_time(barometer_brand_spike_active[2m]))"
    of_brands = [alert for alert in alerts().values() if alert["labels"]["category"] == "reputation"]
    assert len(of_brands) == 4
    for alert in of_brands:
        assert alert["keep_firing_for"] == "3m"
        assert "brand_kind:barometer" in alert["expr"] or "last_over_time(" in alert["expr"]


def test_thresholds_are_those_of_the_settings() -> None:
    texts = files(
        Settings.model_construct(spike_volume_z=5.25, dead_share_limit=0.25, stalled_after_s=900, spike_min_effect=0.15)
    )
    assert ")) <= -5.25" in texts["barometer-reputation.yml"].replace("\n", "")
    assert "15 points" in " ".join(texts["barometer-reputation.yml"].split())
    assert "> 0.025" in texts["barometer-pipeline.yml"]
    assert "for: 13m" in texts["barometer-pipeline.yml"], "of 15 minutes two pass before one sees it stand"
    assert files(defaults()) == {path.name: path.read_text(encoding="utf-8") for path in RULES.glob("*.yml")}
