"""The real Prometheus and Alertmanager as processes, for tests. Context managers; their logs are files."""

from __future__ import annotations

import re
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.local import free_port
from tests.faults import ROOT
from tests.kafka_tools import wait_until
from tests.programs import program

PATIENCE_S = 60
QUICKER = 15
"""What durations of the committed configuration are divided by."""
_DURATION = re.compile(r"(?<![\w.])(\d+)(ms|s|m|h|d|w)(?!\w)")
_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}


class _Server:
    """A process with an HTTP address, ready when ``/-/ready`` says so."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{Path(command[0]).name}.log"
        self._command = command
        self._process: GuardedProcess | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            command = [part.replace("{port}", str(self.port)) for part in self._command]
            self._process = spawn_guarded(command, stdout=log, stderr=log)
        wait_until(self._ready, PATIENCE_S, f"{self._command[0]} is ready; its log: {self.log}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            self._process.terminate()

    def _ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"it ended:\n{self.log.read_text()}"
        try:
            return httpx.get(f"{self.url}/-/ready").status_code == 200
        except httpx.TransportError:
            return False


class Prometheus(_Server):
    """With data in ``folder``/data, which may hold blocks already."""

    def __init__(self, config: Path, folder: Path, *options: str) -> None:
        listen = "--web.listen-address=127.0.0.1:{port}"
        data = f"--storage.tsdb.path={folder / 'data'}"
        super().__init__([program("prometheus"), f"--config.file={config}", data, listen, *options], folder)

    def query(self, query: str, time: float | None = None) -> list[dict[str, Any]]:
        """The result of an instant query."""
        asked: dict[str, Any] = {"query": query} | ({} if time is None else {"time": time})
        return self._data("query", asked)

    def query_range(self, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
        return self._data("query_range", {"query": query, "start": start, "end": end, "step": step})

    def alerts(self) -> list[dict[str, Any]]:
        """Those that fire or are about to."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/api/v1/alerts").json()["data"]["alerts"]
        return found

    def _data(self, path: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=asked, timeout=30).json()
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found


class Alertmanager(_Server):
    """Alone: no cluster."""

    def __init__(self, config: Path, folder: Path) -> None:
        listen = "--web.listen-address=127.0.0.1:{port}"
        command = [program("prometheus-alertmanager", "alertmanager"), f"--config.file={config}", listen]
        alone = ["--cluster.listen-address=", "--web.external-url=http://127.0.0.1:{port}"]
        super().__init__([*command, f"--storage.path={folder / 'alerts'}", *alone], folder)


def quicken(text: str) -> str:
    """Every duration in Prometheus' notation, such as 15s or [2m], divided by QUICKER."""
    return _DURATION.sub(lambda found: f"{int(found[1]) * _MS[found[2]] // QUICKER}ms", text)


def alertmanager_config(folder: Path, notify_port: int) -> Path:
    """The committed alertmanager.yml, quickened, with the address of this notify."""
    text = quicken((ROOT / "infra/alertmanager/alertmanager.yml").read_text())
    path = folder / "alertmanager.yml"
    path.write_text(text.replace("http://notify:9096/", f"http://127.0.0.1:{notify_port}/"))
    return path
