"""What stands before the API: sizes, rates, how much at once, who may come in, and what every answer carries.

Plain ASGI, so that a stream of events passes through untouched. Memory is
bounded whatever comes: a body is never read beyond its limit, and as many
clients are remembered as are told apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra import metrics
from infra.errors import UsageError
from infra.settings import Settings
from stream.serve.problems import response

BURST_S = 10.0
"""A client that was quiet may send as many requests at once as its rate allows in this time."""
MOST_CLIENTS = 20_000
BODY_S = 10.0
"""A body has to arrive within this time."""
OPEN_PATHS = ("/health", "/static", "/docs", "/openapi.json")
"""Need no key: what tells nothing of the data."""
OPEN_EXACTLY = ("/",)
_CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Keys:
    """Who may use the API: names, and SHA-256 of their keys.

    Keys are random and long, so that one round of a hash will do.
    """

    def __init__(self, listed: str) -> None:
        self._hashes: dict[str, bytes] = {}
        for part in filter(None, (part.strip() for part in listed.split(","))):
            name, _equals, digest = part.partition("=")
            try:
                hashed = bytes.fromhex(digest)
            except ValueError:
                hashed = b""
            if not name or len(hashed) != hashlib.sha256().digest_size:
                raise UsageError(
                    f"BAROMETER_SERVE_API_KEYS has a part named {name[:20]!r} that is not NAME=SHA256; make one with: "
                    "barometer key NAME"
                )
            self._hashes[name] = hashed

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def owner(self, key: str) -> str | None:
        """Whose key it is. Takes the same time for every key."""
        hashed = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        found = None
        for name, wanted in self._hashes.items():
            if hmac.compare_digest(hashed, wanted):
                found = name
        return found


class Rates:
    """A token bucket for each client, the latest MOST_CLIENTS. Pure: the clock is given."""

    def __init__(self, per_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s = per_s
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """0 when the client may go on, which is counted; else how long it should wait."""
        if not self._per_s:
            return 0.0
        now, most = self._clock(), max(1.0, self._per_s * BURST_S)
        left, at = self._left.pop(client, (most, now))
        left = min(most, left + (now - at) * self._per_s)
        allowed = left >= 1
        self._left[client] = (left - allowed, now)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_s


@dataclass(frozen=True)
class Gate:
    """Settings of the middlewares, and what they remember."""

    keys: Keys
    keys_for_all: bool
    rates: Rates
    body_bytes: int
    concurrency: int

    @classmethod
    def of(cls, settings: Settings) -> Gate:
        """Raises UsageError when the keys are not as they must be."""
        return cls(
            Keys(settings.serve_api_keys),
            settings.serve_keys_for == "all",
            Rates(settings.serve_rate_per_s),
            settings.serve_body_bytes,
            settings.serve_concurrency,
        )


class Guard:
    """Lets in what may come in, counts it, and refuses the rest with the problem that it is."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), [500]

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
                _dress(MutableHeaders(scope=message), scope["path"])
            await send(message)

        streams = scope["path"] == "/events"
        asked = _as_get(scope)
        try:
            await self._admit(asked, receive, dressed, streams=streams)
        finally:
            route = getattr(asked.get("route"), "path_format", "other")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.HTTP_REQUESTS.labels(method, route, str(status[0])).inc()
            if not streams:
                metrics.HTTP_SECONDS.labels(method, route).observe(time.perf_counter() - started)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, *, streams: bool) -> None:
        path, gate = scope["path"], self._gate
        owner = _key_owner(gate.keys, Headers(scope=scope))
        if owner is None and self._needs_key(scope):
            why = "a key is needed: send the header Authorization: Bearer KEY"
            refusal = response(path, 401, why, {"WWW-Authenticate": "Bearer"})
            await refusal(scope, receive, send)
            return
        if not path.startswith("/health") and (wait_s := gate.rates.wait_s(owner or _address(scope))):
            retry = {"Retry-After": str(int(wait_s) + 1)}
            await response(path, 429, "too many requests; slow down", retry)(scope, receive, send)
            return
        if streams or path.startswith("/health"):
            await self._app(scope, receive, send)
            return
        if self._busy >= gate.concurrency:
            why = f"{self._busy} requests are being answered, more than that is too much; try again"
            await response(path, 503, why, {"Retry-After": "1"})(scope, receive, send)
            return
        self._busy += 1
        metrics.HTTP_IN_FLIGHT.set(self._busy)
        try:
            await self._with_body(scope, receive, send)
        finally:
            self._busy -= 1
            metrics.HTTP_IN_FLIGHT.set(self._busy)

    def _needs_key(self, scope: Scope) -> bool:
        path, gate = scope["path"], self._gate
        if not gate.keys or path in OPEN_EXACTLY or scope["method"] == "OPTIONS":
            return False
        if any(path == opened or path.startswith(f"{opened}/") for opened in OPEN_PATHS):
            return False
        return gate.keys_for_all or scope["method"] not in ("GET", "HEAD")

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, within its limit, before anything is done with it."""
        limit = self._gate.body_bytes
        too_large = f"the body is larger than {limit:,} bytes; send less at once"
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            await response(scope["path"], 413, too_large, {"Connection": "close"})(scope, receive, send)
            return
        if not declared and "transfer-encoding" not in headers:
            await self._app(scope, receive, send)
            return
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(BODY_S):
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > limit:
                        await response(scope["path"], 413, too_large, {"Connection": "close"})(scope, receive, send)
                        return
        except TimeoutError:
            slow = f"the body did not arrive within {BODY_S:.0f} s"
            await response(scope["path"], 408, slow, {"Connection": "close"})(scope, receive, send)
            return
        given = [False]

        async def replay() -> Message:
            if given[0]:
                return await receive()
            given[0] = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)


_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def _as_get(scope: Scope) -> Scope:
    """HEAD as the GET whose headers it asks for: the server sends no body after it. A stream would never end."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" and scope["path"] != "/events" else scope


def _dress(headers: MutableHeaders, path: str) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    headers.setdefault("Cache-Control", "no-cache" if path.startswith("/static") or path == "/" else "no-store")


def _key_owner(keys: Keys, headers: Mapping[str, str]) -> str | None:
    if not keys:
        return None
    scheme, _space, key = headers.get("authorization", "").partition(" ")
    return keys.owner(key.strip()) if scheme.lower() == "bearer" and key else None


def _address(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
