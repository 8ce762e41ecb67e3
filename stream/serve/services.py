"""What the routes work with: built by ``run``, handed to ``app``, found on the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request

from infra.settings import Settings
from model.batching.batcher import Batcher
from model.quantification import Confusion
from stream.serve.events import Hub
from stream.serve.overview import Overview
from stream.serve.publisher import TweetPublisher
from stream.serve.state import State


@dataclass(frozen=True)
class Services:
    """Everything behind the API. ``batcher`` and ``model_metrics`` are None without a model."""

    settings: Settings
    state: State
    overview: Overview
    hub: Hub
    publisher: TweetPublisher
    stopping: asyncio.Event
    reader_alive: Callable[[], str | None]
    batcher: Batcher | None = None
    confusion: Confusion | None = None
    model_metrics: Mapping[str, Any] | None = None


def _of(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Use = Annotated[Services, Depends(_of)]
"""As a parameter of a route: the services."""
