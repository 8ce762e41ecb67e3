"""``barometer serve`` as a process, and what a client of it does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.local import free_port
from infra.settings import Settings
from tests.kafka_tools import environment, wait_until

PATIENCE_S = 120
ROOT = Path(__file__).parents[1]


class Server:
    """A context manager; the log goes to ``folder``."""

    def __init__(self, settings: Settings, folder: Path, *options: str) -> None:
        self.settings = settings.model_copy(update={"serve_port": settings.serve_port or free_port()})
        self.url = f"http://127.0.0.1:{self.settings.serve_port}"
        self.process: GuardedProcess | None = None
        self._options = options
        self._log = folder / f"serve-{self.settings.serve_port}.log"
        self._client = httpx.Client(base_url=self.url, timeout=60)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def start(self, *, ready: bool = True) -> None:
        command = [sys.executable, "-m", "stream", "serve", *self._options]
        with self._log.open("ab") as log:
            self.process = spawn_guarded(command, env=environment(self.settings), cwd=ROOT, stdout=log, stderr=log)
        path = "/health/ready" if ready else "/health/live"
        wait_until(lambda: self._answers(path), PATIENCE_S, f"{path} is well")

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        return self.process.terminate(30)

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self._client.get(path, params=parameters)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:500]}\n{self.log[-2000:]}"
        return answer.json()

    def ask(self, method: str, path: str, **how: Any) -> httpx.Response:
        return self._client.request(method, path, **how)

    def memory_mib(self) -> float:
        """Resident memory of the process."""
        assert self.process is not None
        told = subprocess.run(["ps", "-o", "rss=", "-p", str(self.process.pid)], capture_output=True, check=True)
        return int(told.stdout) / 1024

    def _answers(self, path: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            return self._client.get(path).status_code == 200
        except httpx.TransportError:
            return False

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._client.close()
        if self.process is not None:
            self.process.kill()


@dataclass(frozen=True)
class Event:
    name: str
    data: Any
    id: str | None


@contextmanager
def listen(server: Server, last_event_id: str | None = None, **parameters: str) -> Iterator[Iterator[Event]]:
    """The events of a stream, as they come; fails when none comes for a minute."""
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    with httpx.stream("GET", f"{server.url}/events", params=parameters, headers=headers, timeout=60) as answer:
        assert answer.status_code == 200, answer.read()
        yield _events(answer.iter_lines())


def until(events: Iterator[Event], name: str, patience_s: float = 60) -> tuple[list[Event], Event]:
    """Events before the next one of this name, and it."""
    before: list[Event] = []
    deadline = time.monotonic() + patience_s
    for event in events:
        if event.name == name:
            return before, event
        before.append(event)
        assert time.monotonic() < deadline, f"no {name} within {patience_s} s, but {before[-5:]}"
    raise AssertionError(f"the stream ended without {name}, after {before[-5:]}")


def _events(lines: Iterator[str]) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _colon, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "event" in fields:
            yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            fields = {}
        else:
            fields = {}
