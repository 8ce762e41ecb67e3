"""One ``serve`` process: settings to services to server. The composition root of the API."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
import uvloop

from infra.errors import BarometerError, UsageError
from infra.process import tell_process
from infra.settings import Settings
from model.batching.batcher import Batcher
from model.batching.queue import Limits
from model.engines import BUNDLED, bundled_folder
from model.measured import Measured
from model.prediction import Classifier
from model.quantification import Confusion, read_confusion
from stream.serve.app import create_app
from stream.serve.events import Hub
from stream.serve.overview import Overview
from stream.serve.publisher import TweetPublisher
from stream.serve.read.model import Bounds
from stream.serve.reader import Handlers, Reader
from stream.serve.services import Services
from stream.serve.state import State
from stream.topics import Topics

log = logging.getLogger(__name__)
BACKLOG = 512
METRICS_FILE = "metrics.json"


def serve(settings: Settings, load: Callable[[], Classifier] | None) -> None:
    """Serve until SIGTERM or SIGINT. ``load`` gives the classifier; None: no model. Raises BarometerError."""
    app = create_app(settings)
    listening = _listen(settings)
    try:
        uvloop.run(_serve(settings, load, app, listening))
    finally:
        listening.close()


async def _serve(settings: Settings, load: Callable[[], Classifier] | None, app: Any, listening: socket.socket) -> None:
    tell_process()
    classifier = None if load is None else Measured(await asyncio.to_thread(load))
    topics, stopping = Topics.of(settings), asyncio.Event()
    bounds = Bounds(
        horizon_s=settings.serve_history_h * 3_600,
        minutes_bytes=settings.serve_windows_mib << 20,
        tweets=settings.serve_tweets,
    )
    state = State(topics, bounds, settings.serve_stale_after_s, time.monotonic)
    hub = Hub(settings.serve_tweets_per_s, settings.serve_streams)
    folder = _model_folder(settings)
    confusion = _confusion(folder, classifier)
    started = time.monotonic()

    def caught_up() -> None:
        state.caught_up()
        read = state.read
        log.info(
            "ready after %.1f s: %d brands, %d windows in %.1f MiB",
            time.monotonic() - started,
            len(read.minutes.brands),
            read.minutes.count,
            read.minutes.size / 2**20,
        )

    def start_again() -> None:
        state.start_again()
        hub.forget()

    handlers = Handlers(
        take=lambda records: hub.publish(state.take(records)),
        caught_up=caught_up,
        kafka=lambda up: state.kafka(up=up),
        start_again=start_again,
    )
    reader = Reader(settings, handlers)
    publisher = TweetPublisher(settings, topics.tweets)
    services = Services(
        settings,
        state,
        Overview(lambda: state.read, confusion),
        hub,
        publisher,
        stopping,
        reader.alive,
        confusion=confusion,
        model_metrics=_measured(folder),
    )
    server = _Server(settings, app, stopping)
    reader.start()
    try:
        if classifier is None:
            await _run(server, app, services, listening)
        else:
            async with Batcher(classifier, Limits.of(settings)) as batcher:
                await _run(server, app, replace(services, batcher=batcher), listening)
    finally:
        await reader.stop()
        await asyncio.to_thread(publisher.close)
        if classifier is not None:
            classifier.close()


async def _run(server: _Server, app: Any, services: Services, listening: socket.socket) -> None:
    app.state.services = services
    host, port = listening.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    log.info("serving on http://%s:%d", shown, port)
    await server.serve([listening])


class _Server(uvicorn.Server):
    """uvicorn, which tells the streams of events when it is asked to stop: it would wait for them for ever."""

    def __init__(self, settings: Settings, app: Any, stopping: asyncio.Event) -> None:
        config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=int(settings.shutdown_timeout_s),
        )
        super().__init__(config)
        self._stopping = stopping
        self._loop = asyncio.get_running_loop()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Mind SIGTERM and SIGINT. uvicorn's own way ends with the signal, before anything else is closed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop_soon)
        yield

    def _stop_soon(self) -> None:
        """Finish what is being answered; called again, do not."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._stopping.set()


def _listen(settings: Settings) -> socket.socket:
    """Bound before anything is loaded: a port that is taken is told at once."""
    host, port = settings.serve_host, settings.serve_port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise UsageError(f"cannot serve on {host}:{port}: {reason}; choose another with --host or --port") from None
    return listening


def _model_folder(settings: Settings) -> Path | None:
    """Where the model's own files lie, if it has any here."""
    try:
        folder = bundled_folder() if settings.model == BUNDLED else Path(settings.model).expanduser()
    except BarometerError:
        return None
    return folder if folder.is_dir() else None


def _confusion(folder: Path | None, classifier: Classifier | None) -> Confusion | None:
    if folder is None:
        return None
    return read_confusion(folder, model_version=None if classifier is None else classifier.info.version)


def _measured(folder: Path | None) -> dict[str, Any] | None:
    """What the model reached when it was exported."""
    if folder is None:
        return None
    try:
        found = json.loads((folder / METRICS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
