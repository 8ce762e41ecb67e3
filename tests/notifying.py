"""``barometer notify`` as a process, and the alerts that it is posted."""

from __future__ import annotations

import datetime as dt
import re
import sys
from pathlib import Path
from typing import Any

import httpx

from infra.guard import GuardedProcess, spawn_guarded
from infra.settings import Settings
from tests.kafka_tools import environment, wait_until

PATIENCE_S = 60
BRAND = "Kettle & Crane"
AT = dt.datetime(2024, 5, 1, 14, 0, tzinfo=dt.UTC)


class Notify:
    """Processes of one queue, one after the other; the log of all goes to one file."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self._log = log
        self._process: GuardedProcess | None = None

    def start(self) -> GuardedProcess:
        command = [sys.executable, "-m", "stream", "notify"]
        with self._log.open("ab") as log:
            self._process = process = spawn_guarded(command, env=environment(self.settings), stdout=log, stderr=log)
        wait_until(self._ready, PATIENCE_S, f"notify is ready:\n{self.said}")
        return process

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def post(self, *alerts: dict[str, Any], receiver: str = "reputation") -> httpx.Response:
        body = {"version": "4", "receiver": receiver, "alerts": alerts, "externalURL": "http://alertmanager:9093"}
        return httpx.post(f"{self._url}/alerts", json=body, timeout=30)

    def metric(self, outcome: str) -> float:
        text = httpx.get(f"{self._url}/metrics").text
        found = re.search(rf'^barometer_notifications_total{{outcome="{outcome}"}} (.+)$', text, re.MULTILINE)
        assert found, text
        return float(found[1])

    @property
    def said(self) -> str:
        return self._log.read_text()

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self.settings.notify_port}"

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self._url}/health").status_code == 200
        except httpx.TransportError:
            return False


def alert(status: str = "firing", **labels: str) -> dict[str, Any]:
    about = {"alertname": "NegativeSentimentSpike", "brand": BRAND, "kind": "negative", "severity": "critical"} | labels
    ends = AT + dt.timedelta(hours=1)
    return {
        "status": status,
        "labels": about,
        "annotations": {"summary": "many", "runbook_url": "docs/runbooks/NegativeSentimentSpike.md"},
        "startsAt": AT.isoformat(),
        "endsAt": ends.isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": f"{hash(frozenset(about.items())) & 0xFFFFFFFF:x}",
    }
