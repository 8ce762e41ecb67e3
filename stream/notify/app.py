"""The HTTP side: what Alertmanager calls, health, and metrics."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from pydantic import ValidationError

from infra import metrics
from infra.endpoint import verdict
from infra.health import Health
from stream.notify.webhook import Post

MOST_BYTES = 8 * 1_048_576
"""Alertmanager sends whole groups; ``max_alerts`` in its settings bounds them."""

log = logging.getLogger(__name__)


class NotTakenError(Exception):
    """Responsibility for a call cannot be taken now: Alertmanager is to try again."""


def build_app(take: Callable[[Post], Awaitable[int]], health: Health, token: str) -> FastAPI:
    """``take`` queues the alerts of a call, returns how many are new, and raises NotTakenError.

    ``token``: what the caller must show; empty for nothing.
    """
    app = FastAPI(title="barometer notify", docs_url=None, redoc_url=None, openapi_url=None)

    @app.post("/alerts")
    async def alerts(request: Request) -> Response:
        if token and not _shows(request, token):
            return _answer(401, "the Authorization header does not hold the token of BAROMETER_NOTIFY_TOKEN")
        body = await _body(request)
        if body is None:
            return _answer(413, f"more than {MOST_BYTES} bytes: set max_alerts of the webhook in Alertmanager")
        try:
            post = Post.model_validate_json(body)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return _answer(422, f"this is not what Alertmanager's webhook (version 4) sends: {where}: {first['msg']}")
        try:
            queued = await take(post)
        except NotTakenError as error:
            log.warning("not taken, Alertmanager will try again: %s", error)
            return _answer(503, str(error))
        return _answer(200, f"{queued} to be sent")

    def told(name: str) -> Callable[[], Response]:
        checks = {"live": health.live, "ready": health.ready}.get(name, {**health.live, **health.ready})

        def answer() -> Response:
            well, body = verdict(checks)
            return Response(body, 200 if well else 503, media_type="application/json")

        return answer

    for path, name in {"/health": "", "/health/live": "live", "/health/ready": "ready"}.items():
        app.get(path)(told(name))

    ours = _registry()

    @app.get("/metrics")
    def exposed() -> Response:
        return Response(generate_latest(ours), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return app


def _registry() -> CollectorRegistry:
    """What this process tells. A worker's metrics, at 0 here, would say that Kafka is away and the disk full."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    metrics.NOTIFY.begin()
    registry.register(metrics.NOTIFICATIONS)
    registry.register(metrics.NOTIFICATIONS_WAITING)
    return registry


def _shows(request: Request, token: str) -> bool:
    shown = request.headers.get("authorization", "")
    return hmac.compare_digest(shown.encode(), f"Bearer {token}".encode())


async def _body(request: Request) -> bytes | None:
    """The whole body; None when it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(status: int, said: str) -> Response:
    return Response(f"{said}\n", status, media_type="text/plain")
