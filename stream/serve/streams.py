"""The response of ``/events``: a stream that ends when its client is gone, is too slow, or the server stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from infra import metrics
from stream.serve.events import FLUSH_S, FRESHNESS_S, RETRY_MS, Client, Hub, Render, event
from stream.serve.read.positions import Positions

PATIENCE_S = 15.0
"""A client that does not take what is sent to it within this time is dropped."""


@dataclass(frozen=True)
class Source:
    """What a stream tells of: how changes are shown, where we are, how fresh that is, and when to stop.

    ``ready``: whether all that was on the topics before has been read.
    """

    hub: Hub
    render: Render
    positions: Callable[[], Positions]
    freshness: Callable[[], Mapping[str, Any]]
    stopping: asyncio.Event
    ready: Callable[[], bool]


class EventStream(Response):
    """Server-sent events for one client, which has joined the hub; it leaves when this ends."""

    media_type = "text/event-stream"

    def __init__(self, source: Source, client: Client) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._source = source
        self._client = client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until somebody has had enough."""
        ends = [
            asyncio.create_task(self._stream(send)),
            asyncio.create_task(_gone(receive)),
            asyncio.create_task(self._source.stopping.wait()),
        ]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            streaming = ends[0]
            if streaming.done() and (error := streaming.exception()) is not None:
                raise error
        finally:
            self._source.hub.leave(self._client)
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        if self._source.stopping.is_set():
            await _end(send)

    async def _stream(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        first = f"retry: {RETRY_MS}\n\n".encode()
        while not self._source.ready():
            if not await self._send(send, first + event("freshness", self._source.freshness())):
                return
            first = b""
            await asyncio.sleep(1)
        if not self._source.hub.begin(self._client):
            first += event("reset", {"reason": "what changed meanwhile is no longer known: load what you show again"})
        sent, told_at, told = await self._send(send, first), -FRESHNESS_S, dict[str, Any]()
        while sent and not self._client.overflowed:
            positions, changes = dict(self._source.positions()), self._client.take()
            events: list[tuple[str, Mapping[str, Any]]] = [
                (change.kind, self._source.render(change)) for change in changes
            ]
            now, freshness = asyncio.get_running_loop().time(), dict(self._source.freshness())
            if now - told_at >= FRESHNESS_S or _differ(told, freshness):
                told_at, told = now, freshness
                events.append(("freshness", freshness))
            body = b"".join(event(name, data) for name, data in events[:-1])
            body += b"".join(event(name, data, positions) for name, data in events[-1:])
            sent = not body or await self._send(send, body)
            await asyncio.sleep(FLUSH_S)
            await self._wait(told_at + FRESHNESS_S)
        metrics.HTTP_LISTENERS_DROPPED.inc()
        if sent:
            await self._send(send, f"retry: {RETRY_MS}\n: too slow, come back\n\n".encode())
            await _end(send)

    async def _wait(self, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                await self._client.arrived.wait()
        except TimeoutError:
            return

    async def _send(self, send: Send, body: bytes) -> bool:
        """Whether the client took it in time."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await send({"type": "http.response.body", "body": body, "more_body": True})
        except TimeoutError:
            return False
        return True


def _differ(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return any(before.get(name) != now[name] for name in ("state", "kafka"))


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})
