"""What the page's tests stand on: a Kafka with a worker and ``barometer serve`` on it, and Chromium in front."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.admin import ensure_topics
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.records import Tweet
from stream.topics import Topics, topic_specs
from tests.kafka_tools import environment, wait_until

CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PATIENCE_S = 60
VENDOR = Path(__file__).parent / "vendor"


class Site:
    """A worker and a server as processes. A context manager; logs go to ``folder``."""

    def __init__(self, settings: Settings, folder: Path, worker: list[str]) -> None:
        self.settings = settings.model_copy(update={"serve_port": _free_port()})
        self.url = f"http://127.0.0.1:{self.settings.serve_port}"
        self._folder = folder
        self._worker_command = worker
        self._worker: GuardedProcess | None = None
        self._server: GuardedProcess | None = None

    def start_server(self) -> None:
        """Start ``barometer serve``, and wait until it is ready."""
        self._server = self._spawn(["-m", "stream", "serve"], "serve")
        wait_until(self._is_ready, PATIENCE_S, f"the server is ready:\n{self._log('serve')}")

    def kill_server(self) -> None:
        if self._server is not None:
            self._server.kill()

    def get(self, path: str) -> Any:
        """What the API answers."""
        with urlopen(f"{self.url}/{path}", timeout=PATIENCE_S) as answer:  # noqa: S310 - our own server
            return json.load(answer)

    def watermark(self) -> dt.datetime:
        """Event time now."""
        return dt.datetime.fromisoformat(self.get("brands?limit=1")["freshness"]["watermark"])

    def say(self, brand: str, *texts: str) -> None:
        """Publish tweets about a brand, a little later than all before them."""
        topics, at = Topics.of(self.settings), self.watermark() + dt.timedelta(minutes=6)
        tweets = [
            Tweet(
                id=uuid.uuid4().hex,
                text=text,
                created_at=at + dt.timedelta(seconds=n / 10),
                author="e2e",
                brands=[brand],
            )
            for n, text in enumerate(texts)
        ]
        ConfirmedPublisher(self.settings).publish(
            Outgoing(topics.tweets, tweet.id.encode(), tweet.encode()) for tweet in tweets
        )

    def __enter__(self) -> Self:
        ensure_topics(self.settings, topic_specs(self.settings), timeout=30)
        self._worker = self._spawn(self._worker_command, "worker")
        self.start_server()
        return self

    def __exit__(self, *_error: object) -> None:
        for process in (self._server, self._worker):
            if process is not None:
                process.kill()

    def _spawn(self, arguments: list[str], name: str) -> GuardedProcess:
        with (self._folder / f"{name}.log").open("ab") as log:
            return spawn_guarded(
                [sys.executable, *arguments], env=environment(self.settings), stdout=log.fileno(), stderr=log.fileno()
            )

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self.url}/health/ready", timeout=5):  # noqa: S310 - our own server
                return True
        except (HTTPError, URLError, OSError):
            return False

    def _log(self, name: str) -> str:
        return (self._folder / f"{name}.log").read_text(errors="replace")[-2000:]


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine. Skips the test where there is none, but fails in CI."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("no Chromium, which CI must have: tools/ci_packages.sh installs it")
    if found is None:
        pytest.skip(f"no Chromium here: none of {', '.join(CHROMIUM)} is on the PATH")
    # Chromium's own sandbox does not work for root, as in containers.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@dataclass
class Watch:
    """What a page did that it must not: errors, and requests to other machines."""

    origin: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)

    def look_at(self, page: Page) -> None:
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._on_request)
        page.on("dialog", lambda dialog: self.errors.append(f"dialog: {dialog.message}"))

    def forget_lost_connections(self) -> None:
        """After a server was stopped on purpose: it gave no answer, then perhaps "come back later"."""
        self.errors = [error for error in self.errors if "net::ERR_" not in error and "status of 503" not in error]

    def network_changed(self) -> bool:
        """Whether this machine got or lost a network just now, at which Chromium drops all requests; forgets it."""
        before = len(self.errors)
        self.errors = [error for error in self.errors if "ERR_NETWORK_CHANGED" not in error]
        return len(self.errors) < before

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _on_request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme not in {"data", "blob"} and f"{address.scheme}://{address.netloc}" != self.origin:
            self.strangers.append(request.url)
