"""What stands before the API refuses what it must, with a problem that says so, and holds nothing beyond its limits."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson
import pytest

from infra.errors import UsageError
from stream.serve import limits
from stream.serve.limits import BURST_S, MOST_CLIENTS, Gate, Guard, Keys, Rates

KEY = "k" * 43
HASH = hashlib.sha256(KEY.encode()).hexdigest()


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the length of the body that it got."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def gate(**changes: Any) -> Gate:
    usual: dict[str, Any] = {
        "keys": Keys(""),
        "keys_for_all": True,
        "rates": Rates(0),
        "body_bytes": 1_000,
        "concurrency": 2,
    }
    return Gate(**usual | changes)


class Answer:
    def __init__(self, messages: list[Mapping[str, Any]], taken: int) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])
        self.taken = taken

    @property
    def problem(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = orjson.loads(self.body)
        assert found["status"] == self.status
        return found


def ask(
    guard: Guard,
    path: str = "/predict",
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    body: Iterable[bytes] = (),
    client: str = "10.0.0.1",
) -> Answer:
    return asyncio.run(_ask(guard, path, method, headers or {}, body, client))


async def _ask(
    guard: Guard, path: str, method: str, headers: Mapping[str, str], body: Iterable[bytes], client: str
) -> Answer:
    parts, taken, sent = iter(body), [0], []

    async def receive() -> Mapping[str, Any]:
        part = next(parts, None)
        taken[0] += len(part or b"")
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": (client, 1),
    }
    await guard(scope, receive, send)  # type: ignore[arg-type]
    return Answer(sent, taken[0])


def test_a_body_that_declares_too_much_is_refused_unread() -> None:
    answer = ask(Guard(_echo, gate()), headers={"Content-Length": "1001"}, body=[b"x" * 1_001])
    assert (answer.status, answer.taken) == (413, 0)
    assert "1,000 bytes" in answer.problem["detail"]


def test_a_body_in_chunks_is_read_no_further_than_its_limit() -> None:
    endless = (b"x" * 100 for _ in range(10**9))
    answer = ask(Guard(_echo, gate()), headers={"Transfer-Encoding": "chunked"}, body=endless)
    assert answer.status == 413
    assert answer.taken <= 1_100


@pytest.mark.parametrize("headers", [{"Content-Length": "1000"}, {"Transfer-Encoding": "chunked"}], ids=str)
def test_a_body_within_its_limit_arrives_whole(headers: dict[str, str]) -> None:
    assert ask(Guard(_echo, gate()), headers=headers, body=[b"x" * 400, b"y" * 600]).body == b"1000"


def test_a_body_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_S", 0.01)

    async def slow() -> Answer:
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-length", b"9")]}
        await Guard(_echo, gate())(scope, receive, send)
        return Answer(sent, 0)

    assert asyncio.run(slow()).problem["status"] == 408


def test_a_client_that_asks_too_often_is_told_when_to_come_back_and_others_go_on() -> None:
    now = [0.0]
    guard = Guard(_echo, gate(rates=Rates(2, lambda: now[0])))
    answers = [ask(guard).status for _ in range(25)]
    assert answers == [200] * int(2 * BURST_S) + [429] * 5
    refused = ask(guard)
    assert int(refused.headers["retry-after"]) >= 1
    assert ask(guard, client="10.0.0.2").status == 200
    assert ask(guard, "/health", method="GET").status == 200
    now[0] += int(refused.headers["retry-after"])
    assert ask(guard).status == 200


def test_as_many_clients_as_may_be_are_remembered() -> None:
    rates = Rates(1, lambda: 0.0)
    for number in range(MOST_CLIENTS + 100):
        rates.wait_s(str(number))
    assert len(rates._left) == MOST_CLIENTS


def test_more_requests_at_once_than_there_may_be_are_told_to_come_back() -> None:
    async def flood() -> list[int]:
        go = asyncio.Event()

        async def slow(scope: Any, receive: Any, send: Any) -> None:
            await go.wait()
            await _echo(scope, receive, send)

        guard = Guard(slow, gate())
        asked = [asyncio.create_task(_ask(guard, "/x", "GET", {}, (), "a")) for _ in range(5)]
        await asyncio.sleep(0.01)
        assert (await _ask(Guard(_echo, gate()), "/x", "GET", {}, (), "a")).status == 200
        go.set()
        found = [(await task) for task in asked]
        assert all(int(answer.headers["retry-after"]) for answer in found if answer.status == 503)
        return sorted(answer.status for answer in found)

    assert asyncio.run(flood()) == [200, 200, 503, 503, 503]


@pytest.mark.parametrize(
    ("path", "method", "given", "everything", "status"),
    [
        ("/brands", "GET", None, True, 401),
        ("/brands", "GET", "wrong", True, 401),
        ("/brands", "GET", KEY, True, 200),
        ("/brands", "GET", None, False, 200),
        ("/predict", "POST", None, False, 401),
        ("/predict", "POST", KEY, False, 200),
        ("/", "GET", None, True, 200),
        ("/static/app.js", "GET", None, True, 200),
        ("/staticky", "GET", None, True, 401),
        ("/health/ready", "GET", None, True, 200),
        ("/metrics", "GET", None, True, 401),
        ("/events", "GET", None, True, 401),
    ],
)
def test_keys_are_asked_for_where_they_should_be(
    path: str, method: str, given: str | None, everything: bool, status: int
) -> None:
    guard = Guard(_echo, gate(keys=Keys(f"shop={HASH}"), keys_for_all=everything))
    answer = ask(guard, path, method=method, headers={} if given is None else {"Authorization": f"Bearer {given}"})
    assert answer.status == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.problem["instance"] == path


def test_a_key_is_known_by_its_hash_alone() -> None:
    keys = Keys(f"page={'0' * 64}, shop={HASH}")
    assert keys.owner(KEY) == "shop"
    assert keys.owner(HASH) is None
    assert keys.owner("") is None


@pytest.mark.parametrize("listed", ["shop", "shop=", "=" + HASH, "shop=abc", f"shop={HASH}00", "shop=" + "g" * 64])
def test_keys_that_are_none_are_refused_without_telling_them(listed: str) -> None:
    with pytest.raises(UsageError, match="barometer key") as error:
        Keys(listed)
    assert HASH not in str(error.value)


def test_every_answer_carries_what_keeps_a_page_safe() -> None:
    headers = ask(Guard(_echo, gate()), "/", method="GET").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    refused = ask(Guard(_echo, gate(rates=Rates(0.01, lambda: 0.0))), headers={"Content-Length": "5000"})
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_head_is_answered_like_get_but_a_stream_is_not_begun() -> None:
    seen: list[str] = []

    async def note(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["method"])
        await _echo(scope, receive, send)

    for path in ("/brands", "/health", "/events"):
        ask(Guard(note, gate()), path, method="HEAD")
    assert seen == ["GET", "GET", "HEAD"]
