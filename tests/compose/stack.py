"""The running stack, by ``docker compose`` and its HTTP ports."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from tests.compose.engine import UnavailableError, run
from tests.faults import ROOT

T = TypeVar("T")
POLL_S = 2.0


@dataclass
class Stack:
    """One compose project. ``ports`` by service, on 127.0.0.1; ``env`` is that of every command."""

    env: Mapping[str, str]
    ports: Mapping[str, int]
    started: float = field(default_factory=time.monotonic)

    def compose(self, *arguments: str) -> str:
        """What ``docker compose`` says. Raises UnavailableError when it fails."""
        return run("docker", "compose", *arguments, env=self.env, cwd=ROOT)

    def docker(self, *arguments: str) -> str:
        return run("docker", *arguments, env=self.env)

    def containers(self, service: str = "") -> list[dict[str, Any]]:
        """As ``docker inspect`` tells them, those that ended too."""
        ids = self.compose("ps", "--all", "--quiet", *([service] if service else [])).split()
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", *ids)) if ids else []
        return found

    def states(self, service: str) -> list[str]:
        """``healthy`` and the like, else ``running`` or ``exited``, for each container of a service."""
        return [
            one["State"].get("Health", {}).get("Status") or one["State"]["Status"] for one in self.containers(service)
        ]

    def get(self, service: str, path: str) -> Any:
        """JSON from a published port; None while there is no answer."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.ports[service]}{path}", timeout=20)
            return answer.json() if answer.status_code == 200 else None
        except (httpx.HTTPError, ValueError):
            return None

    def query(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """Labels and values, now; none while Prometheus does not answer."""
        found = self.get("prometheus", f"/api/v1/query?{httpx.QueryParams({'query': expr})}")
        return [(one["metric"], float(one["value"][1])) for one in found["data"]["result"]] if found else []

    def number(self, expr: str) -> float:
        """The one value of an expression; -1 when there is none."""
        values = [value for _labels, value in self.query(expr)]
        return values[0] if values else -1.0

    def wait(self, condition: Callable[[], T], within_s: float, what: str) -> T:
        """Until it is true. Raises AssertionError with the logs when that does not come."""
        deadline = time.monotonic() + within_s
        while True:
            if found := condition():
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:.0f} s: {what}\n{self.logs()}")
            time.sleep(POLL_S)

    def logs(self) -> str:
        """The end of what every service said."""
        try:
            return f"{self.compose('ps', '--all')}\n{self.compose('logs', '--tail', '15', '--no-color')}"
        except UnavailableError as error:
            return str(error)
