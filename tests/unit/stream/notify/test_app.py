"""The webhook's answers: yes only when responsibility was taken."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from infra.health import Health
from stream.notify.app import MOST_BYTES, NotTakenError, build_app
from stream.notify.webhook import Post
from tests.unit.stream.notify.making import make_alert, make_post

HEALTH = Health(live={}, ready={"queue": lambda: None})


def call(content: bytes, *, token: str = "", shown: str = "", failing: bool = False) -> httpx.Response:
    async def take(post: Post) -> int:
        if failing:
            raise NotTakenError("Kafka is away")
        return len(post.alerts)

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(build_app(take, HEALTH, token))
        async with httpx.AsyncClient(transport=transport, base_url="http://notify") as client:
            headers = {"Authorization": shown} if shown else {}
            return await client.post("/alerts", content=content, headers=headers)

    return asyncio.run(ask())


def payload(**changes: Any) -> bytes:
    return make_post(make_alert()).model_copy(update=changes).model_dump_json(by_alias=True).encode()


def test_what_is_queued_is_answered_with_200() -> None:
    assert call(payload()).status_code == 200


def test_alertmanager_is_asked_to_try_again_while_nothing_can_be_queued() -> None:
    answer = call(payload(), failing=True)
    assert (answer.status_code, answer.text) == (503, "Kafka is away\n")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", payload(version="3"), payload(alerts=[]), b"\xff"])
def test_what_no_alertmanager_sends_is_refused_for_good(content: bytes) -> None:
    answer = call(content)
    assert answer.status_code == 422
    assert "version 4" in answer.text


def test_a_long_description_is_cut_not_refused() -> None:
    alert = make_alert(annotations={"description": "x" * 100_000})
    assert call(make_post(alert).model_dump_json(by_alias=True).encode()).status_code == 200


def test_a_body_without_end_is_refused() -> None:
    assert call(b" " * (MOST_BYTES + 1)).status_code == 413


@pytest.mark.parametrize(("shown", "status"), [("Bearer right", 200), ("Bearer wrong", 401), ("", 401), ("right", 401)])
def test_with_a_token_only_who_shows_it_is_heard(shown: str, status: int) -> None:
    assert call(payload(), token="right", shown=shown).status_code == status  # noqa: S106  a test's
