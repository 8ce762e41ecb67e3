"""``/metrics``, ``/health/live`` and ``/health/ready`` of a process that serves nothing else.

Served from threads, so that it answers, truly, also when the rest is stuck.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
from prometheus_client import make_wsgi_app

from infra.errors import BarometerError
from infra.health import Check, Health

JSON = ("Content-Type", "application/json")
Start = Callable[[str, list[tuple[str, str]]], Any]


class EndpointError(BarometerError):
    """The address cannot be served on."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    timeout = 10  # seconds; a caller that says nothing must not keep a thread

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Endpoint:
    """Serves while it is entered. ``port`` 0 takes a free one. Raises EndpointError when the address cannot be had."""

    def __init__(self, host: str, port: int, health: Health) -> None:
        try:
            self._server = make_server(host, port, _answers(health), _Server, _Silent)
        except OSError as error:
            raise EndpointError(
                f"cannot serve metrics on {host}:{port}: {error.strerror or error}; "
                "set BAROMETER_METRICS_PORT to a free port, or to 0 to serve none"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoint", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()


def verdict(checks: Mapping[str, Check]) -> tuple[bool, bytes]:
    """Whether every check is well, and the JSON that says so."""
    found = {name: check() for name, check in checks.items()}
    well = not any(found.values())
    answers = {name: why or "ok" for name, why in found.items()}
    return well, orjson.dumps({"status": "ok" if well else "failing", "checks": answers})


def _answers(health: Health) -> Callable[[dict[str, Any], Start], Iterable[bytes]]:
    metrics = make_wsgi_app()
    asked = {"/health/live": health.live, "/health/ready": health.ready, "/health": {**health.live, **health.ready}}

    def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return metrics(environ, start)  # type: ignore[no-any-return]
        if path not in asked:
            start("404 Not Found", [JSON])
            return [orjson.dumps({"status": "unknown path", "paths": ["/metrics", *asked]})]
        well, body = verdict(asked[path])
        start("200 OK" if well else "503 Service Unavailable", [JSON])
        return [body]

    return answer
