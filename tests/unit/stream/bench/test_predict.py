from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import orjson
import pytest
from fastapi.routing import APIRoute

from stream.bench.http_load import LoadError, Measured, load
from stream.bench.predict import CLIENTS, LOCKED, OURS, summarise
from stream.bench.rival_servers import Asked, app_of

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(status: str, asked: list[str]) -> Serve:
    """A server that answers every request with ``status``, and notes the texts it gets."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
            asked.append(orjson.loads(await reader.readexactly(length))["text"])
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}".encode())

    async def until_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:
            writer.close()

    return until_closed


async def measured_against(status: str, asked: list[str], clients: int) -> Measured:
    server = await asyncio.start_server(answering(status, asked), "127.0.0.1", 0)
    async with server:
        return await load(server.sockets[0].getsockname()[1], ["a", "b"], clients, 0.05)


def test_every_answer_of_every_client_is_measured() -> None:
    asked: list[str] = []
    measured = asyncio.run(measured_against("200 OK", asked, 3))
    assert len(measured.latencies) == len(asked) >= 3
    assert list(measured.latencies) == sorted(measured.latencies)
    assert set(asked) == {"a", "b"}
    assert measured.elapsed_s >= 0.05


def test_an_answer_that_is_not_200_stops_the_measurement() -> None:
    with pytest.raises(LoadError, match=r"answered http/1\.1 429 no: \{\}"):
        asyncio.run(measured_against("429 No", [], 1))


def test_percentiles_and_ratios_are_over_all_rounds() -> None:
    fast = [Measured(1, [0.001] * 98 + [0.002, 0.003], 1.0), Measured(1, [0.001] * 100, 1.0)]
    slow = [Measured(1, [0.01] * 50, 1.0), Measured(1, [0.01] * 50, 1.0)]
    figures = summarise({OURS: dict.fromkeys(CLIENTS, fast), LOCKED: dict.fromkeys(CLIENTS, slow)})
    ours = figures["servers"][OURS]["64"]
    assert (ours["requests"], ours["per_s"]) == (200, 100.0)
    assert (ours["p50_ms"], ours["p95_ms"], ours["p99_ms"]) == (1.0, 1.0, 1.0)
    assert figures["ratio"][LOCKED] == {"1": 2.0, "8": 2.0, "64": 2.0}
    assert Measured(1, [1.0, 2.0, 3.0, 4.0], 1.0).percentile(99) == 4.0


def test_the_rival_labels_by_what_it_is_given() -> None:
    app = app_of(lambda _texts: np.array([[0.1, 0.2, 0.7]], dtype=np.float32))
    [route] = [route for route in app.routes if isinstance(route, APIRoute)]
    answer = route.endpoint(Asked(text="good"))
    assert (answer["label"], answer["confidence"]) == ("positive", 0.7)
