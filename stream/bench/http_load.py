"""Clients that ask one after the other, each over a connection of its own, for as long as they are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from infra.errors import BarometerError

HOST = "127.0.0.1"


class LoadError(BarometerError):
    """A server gave an answer that is none."""


@dataclass(frozen=True)
class Measured:
    """``latencies``: seconds of each request, sorted. ``elapsed_s``: of all clients together."""

    clients: int
    latencies: Sequence[float]
    elapsed_s: float

    @property
    def per_s(self) -> float:
        return len(self.latencies) / self.elapsed_s

    def percentile(self, percent: float) -> float:
        """Seconds within which so many percent of the requests were answered (nearest rank)."""
        rank = -(-len(self.latencies) * percent // 100)
        return self.latencies[max(0, int(rank) - 1)]


async def load(port: int, texts: Sequence[str], clients: int, seconds: float) -> Measured:
    """Have ``clients`` post texts to ``/predict`` for ``seconds``. Raises LoadError."""
    latencies: list[float] = []
    started = time.perf_counter()

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection(HOST, port)
        try:
            turn = number
            while time.perf_counter() - started < seconds:
                asked = time.perf_counter()
                await ask(reader, writer, texts[turn % len(texts)])
                latencies.append(time.perf_counter() - asked)
                turn += clients
        finally:
            writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return Measured(clients, sorted(latencies), time.perf_counter() - started)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, text: str) -> bytes:
    """One request over an open connection; the body of the answer. Raises LoadError unless it is 200."""
    body = orjson.dumps({"text": text})
    head = (
        f"POST /predict HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    )
    writer.write(f"{head}\r\n".encode() + body)
    await writer.drain()
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    length = next((int(line.split(":")[1]) for line in lines if line.startswith("content-length:")), 0)
    answer = await reader.readexactly(length)
    if lines[0].split()[1] != "200":
        raise LoadError(f"POST /predict answered {lines[0]}: {answer[:300].decode('utf-8', 'replace')}")
    return answer
