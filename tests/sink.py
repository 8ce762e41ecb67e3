"""A webhook of Apprise's json:// kind that remembers what it is sent, and can be told to refuse."""

from __future__ import annotations

import base64
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Received:
    """One notification as it came."""

    path: str
    level: str
    title: str
    message: str
    attachments: dict[str, bytes]


@dataclass
class Sink:
    """Listens while it is entered. ``status`` is what it answers, ``delay_s`` after it was asked."""

    status: int = 200
    delay_s: float = 0
    asked: int = 0
    received: list[Received] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def url(self, path: str = "hook") -> str:
        """What Apprise calls this."""
        return f"json://127.0.0.1:{self.port}/{path}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                sink.asked += 1
                time.sleep(sink.delay_s)
                sink.take(self.path, body)
                self.send_response(sink.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler

    def take(self, path: str, body: dict[str, Any]) -> None:
        if self.status != 200:
            self.refused += 1
            return
        attachments = {one["filename"]: base64.b64decode(one["base64"]) for one in body["attachments"]}
        self.received.append(Received(path, body["type"], body["title"], body["message"], attachments))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
