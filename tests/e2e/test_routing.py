"""The committed Alertmanager configuration in a real Alertmanager: which alerts become one call, and which none.

Its durations are divided as tests.monitoring says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stream.notify.webhook import Post
from tests.kafka_tools import wait_until
from tests.monitoring import Alertmanager, alertmanager_config
from tests.sink import Sink

PATIENCE_S = 30


class Hook(Sink):
    """Hears Alertmanager itself."""

    def take(self, path: str, body: dict[str, Any]) -> None:
        self.posts.append(Post.model_validate(body))

    @property
    def posts(self) -> list[Post]:
        found: list[Post] = self.__dict__.setdefault("_posts", [])
        return found

    def heard(self) -> list[tuple[str, list[str]]]:
        """Receiver and names of the alerts of each call, in order."""
        return [
            (post.receiver, sorted(f"{one.name} {one.brand}".strip() for one in post.alerts)) for post in self.posts
        ]


class Alerts:
    """What Prometheus would tell Alertmanager."""

    def __init__(self, manager: Alertmanager, hook: Hook) -> None:
        self._manager = manager
        self.hook = hook

    def fire(self, *alerts: dict[str, str]) -> None:
        told = [{"labels": alert} for alert in alerts]
        httpx.post(f"{self._manager.url}/api/v2/alerts", json=told).raise_for_status()

    def inhibited(self, name: str) -> bool:
        found = httpx.get(f"{self._manager.url}/api/v2/alerts", params={"filter": f'alertname="{name}"'}).json()
        return bool(found) and all(alert["status"]["inhibitedBy"] for alert in found)

    def wait_for(self, receiver: str, *names: str) -> None:
        wait_until(lambda: (receiver, sorted(names)) in self.hook.heard(), PATIENCE_S, f"{receiver}: {names}")


@pytest.fixture
def alerts(tmp_path: Path) -> Iterator[Alerts]:
    with Hook() as hook, Alertmanager(alertmanager_config(tmp_path, hook.port), tmp_path) as manager:
        yield Alerts(manager, hook)


def pipeline(name: str, severity: str = "critical", **labels: str) -> dict[str, str]:
    return {"alertname": name, "category": "pipeline", "severity": severity, **labels}


def about(brand: str, name: str = "NegativeSentimentSpike") -> dict[str, str]:
    return {"alertname": name, "category": "reputation", "severity": "critical", "brand": brand}


def test_one_event_is_one_call(alerts: Alerts) -> None:
    stuck = [pipeline("PartitionUnowned", topic="tweets", partition=str(number)) for number in range(3)]
    alerts.fire(about("Acme"), about("Acme", "MentionVolumeSpike"), about("Bolt", "PositiveSentimentSpike"))
    alerts.wait_for("reputation", "NegativeSentimentSpike Acme", "MentionVolumeSpike Acme")
    alerts.wait_for("reputation", "PositiveSentimentSpike Bolt")
    alerts.fire(*stuck)
    alerts.wait_for("on-call", *["PartitionUnowned"] * 3)
    assert len(alerts.hook.posts) == 3


def test_the_cause_is_told_and_neither_what_follows_nor_figures_that_are_incomplete(alerts: Alerts) -> None:
    alerts.fire(pipeline("WorkerAbsent"), pipeline("WorkerDown", instance="a"), pipeline("LagDrainsSlowly", "warning"))
    alerts.fire(about("Acme", "BrandSilent"), pipeline("DeadLetterRatio", "warning"))
    alerts.wait_for("on-call", "WorkerAbsent")
    alerts.wait_for("tickets", "DeadLetterRatio")
    for name in ("WorkerDown", "LagDrainsSlowly", "BrandSilent"):
        assert alerts.inhibited(name), name
    assert len(alerts.hook.posts) == 2


def test_one_worker_of_several_that_is_down_holds_no_news_of_a_brand_up(alerts: Alerts) -> None:
    alerts.fire(pipeline("WorkerDown", instance="a"), about("Acme"))
    alerts.wait_for("on-call", "WorkerDown")
    alerts.wait_for("reputation", "NegativeSentimentSpike Acme")
