"""Where a run takes place: Kafka, a proxy before it for each worker, the workers. Its methods are what can go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.kafka.local import LocalBroker, free_port
from infra.kafka.node import HOST
from infra.settings import Settings
from tests.chaos.proxy import Proxy
from tests.faults import Workers

SLOW_S = 3.0
"""A slow model takes this much longer for one batch than the session lasts."""

STARTING_S = 30.0
"""A worker may take so long until it listens to signals, on a busy machine."""
MOST_EXITS = 10
"""After so many workers have ended by themselves there is nothing to learn from a run."""


@dataclass(frozen=True)
class Killed:
    """A kill -9: when (Unix seconds), and the name on what the worker had labelled."""

    at: float
    name: str
    clean: bool


class Ground:
    """Kafka for one run: a broker of our own behind proxies, or somebody else's that cannot be broken."""

    def __init__(self, cache: Path, folder: Path, slots: int, *, repository: str = "") -> None:
        self._running = ExitStack()
        own: dict[int, None] = {}
        while len(own) < slots:
            own[free_port()] = None
        self.proxies = [self._running.enter_context(Proxy(port)) for port in own]
        self.broker = LocalBroker(
            cache,
            directory=folder / "kafka",
            repository=repository,
            proxied={port: proxy.port for port, proxy in zip(own, self.proxies, strict=True)},
        )

    def __enter__(self) -> Self:
        self.broker.start()
        self._running.callback(self.broker.kill)
        return self

    def __exit__(self, *_error: object) -> None:
        self._running.close()


class Site:
    """Workers in slots, each on its own way to Kafka. A context manager.

    ``settings`` lead to Kafka directly. ``options`` go to every worker.
    """

    def __init__(self, settings: Settings, folder: Path, ground: Ground | None = None, options: tuple[str, ...] = ()):
        self.killed: list[Killed] = []
        self.exits: list[str] = []
        """Workers that ended although nobody had told them to, or not as they should."""
        self._settings = settings
        self._folder = folder
        self._ground = ground
        self._options = options
        self._workers = Workers(settings, folder)
        self._lives: Counter[int] = Counter()
        self._started: dict[int, float] = {}
        self._pace_s = 0.0
        self._slow: set[int] = set()

    def pace(self, seconds: float) -> None:
        """From now on every worker's model takes this long for each text."""
        self._pace_s = seconds
        for slot in self._lives:
            self._write_pace(slot)

    def start(self, slot: int, how: str = "") -> None:
        self._lives[slot] += 1
        self._write_pace(slot)
        options = ["--name", self.name(slot), "--pace", str(self._pace_file(slot)), *self._options]
        if how:
            options.append(f"--{how}")
        settings = self._settings
        if self._ground is not None:
            way = f"{HOST}:{self._ground.proxies[slot].port}"
            settings = settings.model_copy(update={"kafka_bootstrap_servers": way})
        self._started[slot] = time.monotonic()
        self._workers.start(slot, *options, settings=settings)

    def stop(self, slot: int) -> None:
        young = time.monotonic() - self._started[slot] < STARTING_S
        code = self._workers.stop(slot)
        # Still importing, it ends as any program does; it has nothing in hand.
        if code != 0 and not (young and code == -signal.SIGTERM):
            self.exits.append(f"exit: worker {self.name(slot)} ended with exit code {code} after SIGTERM")

    def kill(self, slot: int, *, clean: bool = False) -> None:
        self.look_after(slot)
        if slot in self._workers.running:
            self.killed.append(Killed(time.time(), self.name(slot), clean))
            self._workers.kill(slot)

    def freeze(self, slot: int) -> None:
        self._workers.freeze(slot)

    def wake(self, slot: int) -> None:
        self._workers.wake(slot)

    def slow(self, slot: int) -> None:
        self._slow.add(slot)
        self._write_pace(slot)

    def normal(self, slot: int) -> None:
        self._slow.discard(slot)
        self._write_pace(slot)

    def cut(self, slot: int, how: str) -> None:
        proxy = self._proxy(slot)
        if how == "hang":
            proxy.hang()
        else:
            proxy.refuse()

    def heal(self, slot: int) -> None:
        self._proxy(slot).heal()

    def kill_broker(self) -> None:
        self._broker.kill()

    def start_broker(self) -> None:
        self._broker.start()

    def freeze_broker(self) -> None:
        os.kill(self._broker.pid or 0, signal.SIGSTOP)

    def wake_broker(self) -> None:
        os.kill(self._broker.pid or 0, signal.SIGCONT)

    def name(self, slot: int) -> str:
        """Of the worker in a slot; another one after each start."""
        return f"worker-{slot}.{self._lives[slot]}"

    def look_after(self, slot: int | None = None) -> None:
        """Note who has ended by itself, and start it again as a supervisor would."""
        for number, process in list(self._workers.running.items()):
            if slot in (None, number) and (code := process.poll()) is not None:
                self.exits.append(f"exit: worker {self.name(number)} ended by itself with exit code {code}")
                assert len(self.exits) <= MOST_EXITS, f"workers end again and again\n{self.log()}"
                del self._workers.running[number]
                self.start(number)

    def rss_mb(self) -> dict[str, float]:
        """Resident memory of every worker."""
        return {self.name(slot): rss_mb(process.pid) for slot, process in list(self._workers.running.items())}

    def stop_all(self) -> None:
        """SIGTERM for every worker, one after the other."""
        for slot in list(self._workers.running):
            self.stop(slot)

    def log(self) -> str:
        return self._workers.log()

    def __enter__(self) -> Self:
        self._workers.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._workers.__exit__(kind, error, at)

    @property
    def _broker(self) -> LocalBroker:
        assert self._ground is not None, "this Kafka is not ours to break"
        return self._ground.broker

    def _proxy(self, slot: int) -> Proxy:
        assert self._ground is not None, "there is no proxy before this Kafka"
        return self._ground.proxies[slot]

    def _pace_file(self, slot: int) -> Path:
        return self._folder / f"pace-{slot}"

    def _write_pace(self, slot: int) -> None:
        extra = (self._settings.session_timeout_s + SLOW_S) / self._settings.batch_size if slot in self._slow else 0.0
        unfinished = self._folder / "pace.new"
        unfinished.write_text(str(self._pace_s + extra))
        unfinished.replace(self._pace_file(slot))


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB; 0 when it is gone."""
    if sys.platform == "linux":
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
        except OSError:
            return 0.0
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    else:
        asked = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=False, stdout=subprocess.PIPE, text=True)
        return float(asked.stdout.strip() or 0) * 1024 / 1e6
