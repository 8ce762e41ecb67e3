"""What ``barometer bench predict`` does and shows: ``POST /predict`` of three servers, in turns."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from infra.errors import BarometerError
from infra.kafka.local import free_port
from model.bench.restore import restore
from model.engines import bundled_folder
from stream.bench.engine import sample
from stream.bench.http_load import HOST, LoadError, Measured, ask, load
from stream.bench.machine import describe_machine

CLIENTS = (1, 8, 64)
TEXTS = 1_024
START_S = 300.0
OURS, LOCKED, PIPELINE = "barometer serve", "the same engine behind a lock", "FastAPI around a pipeline"
_PERCENTILES = (50, 95, 99)
_WARM_UP_S = 0.5
_NOWHERE = "127.0.0.1:1"
"""Kafka is not asked for in this; the server works without it."""


def run(*, seconds: float, rounds: int, as_json: bool) -> None:
    """Measure, and print a table or JSON on standard output."""
    texts = sample(None, TEXTS)
    console = Console(stderr=True)
    with ExitStack() as stack, console.status("starting the servers") as status:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="barometer-bench-")))
        restore(bundled_folder(), folder)
        ports = {
            OURS: stack.enter_context(_ours()),
            LOCKED: stack.enter_context(_rival("locked", bundled_folder())),
            PIPELINE: stack.enter_context(_rival("pipeline", folder)),
        }
        for port in ports.values():
            asyncio.run(_wait(port, texts[0]))
        measured = _in_turns(ports, texts, seconds, rounds, status.update if console.is_terminal else _silent)
    figures = {
        "benchmark": "predict",
        **describe_machine(),
        "seconds": seconds,
        "rounds": rounds,
        **summarise(measured),
    }
    if as_json:
        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2))
    else:
        _print(figures)


def _in_turns(
    ports: Mapping[str, int], texts: Sequence[str], seconds: float, rounds: int, progress: Callable[[str], None]
) -> dict[str, dict[int, list[Measured]]]:
    """Each server at each number of clients, one after the other and again, so that a busy moment meets all."""
    measured: dict[str, dict[int, list[Measured]]] = {name: {count: [] for count in CLIENTS} for name in ports}
    for number in range(rounds):
        for count in CLIENTS:
            for name, port in ports.items():
                progress(f"round {number + 1} of {rounds}: {name}, {count} clients")
                asyncio.run(load(port, texts, count, _WARM_UP_S))
                measured[name][count].append(asyncio.run(load(port, texts, count, seconds)))
    return measured


def summarise(measured: Mapping[str, Mapping[int, Sequence[Measured]]]) -> dict[str, Any]:
    """Requests a second and latencies by server and clients; ``ratio``: ours to each of the others."""
    servers: dict[str, dict[str, dict[str, float]]] = {}
    for name, by_clients in measured.items():
        servers[name] = {}
        for count, runs in by_clients.items():
            requests, elapsed_s = sum(len(one.latencies) for one in runs), sum(one.elapsed_s for one in runs)
            whole = Measured(count, sorted(latency for one in runs for latency in one.latencies), elapsed_s)
            servers[name][str(count)] = {
                "requests": requests,
                "per_s": round(whole.per_s, 1),
                **{f"p{percent}_ms": round(1e3 * whole.percentile(percent), 1) for percent in _PERCENTILES},
            }
    ratios = {
        name: {count: round(servers[OURS][count]["per_s"] / of["per_s"], 2) for count, of in by_clients.items()}
        for name, by_clients in servers.items()
        if name != OURS
    }
    return {"servers": servers, "ratio": ratios}


def _print(figures: Mapping[str, Any]) -> None:
    out = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    out.print(f"POST /predict, one text each; {figures['machine']}, load {figures['load']}, {figures['date']}\n")
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("Server", "Clients", "Requests/s", "p50 ms", "p95 ms", "p99 ms", "Ratio"):
        table.add_column(title, justify="left" if title == "Server" else "right")
    for name, by_clients in figures["servers"].items():
        for count, one in by_clients.items():
            ratio = figures["ratio"].get(name, {}).get(count)
            shown = [f"{one[key]:,.1f}" for key in ("per_s", "p50_ms", "p95_ms", "p99_ms")]
            table.add_row(name, count, *shown, "" if ratio is None else f"{ratio:.2f}")
        table.add_section()
    out.print(table)
    out.print("Ratio: requests a second of barometer serve to those of this server.")


@contextmanager
def _ours() -> Iterator[int]:
    limits = {"RATE_PER_S": "0", "CONCURRENCY": "1000"}
    own = {f"BAROMETER_SERVE_{name}": value for name, value in limits.items()}
    own |= {"BAROMETER_KAFKA_BOOTSTRAP_SERVERS": _NOWHERE, "BAROMETER_LOG_LEVEL": "error", "BAROMETER_MODEL": "bundled"}
    port = free_port()
    with _running(["stream.cli", "serve", "--port", str(port)], own):
        yield port


@contextmanager
def _rival(kind: str, folder: Path) -> Iterator[int]:
    port = free_port()
    with _running(["stream.bench.rival_servers", kind, str(folder), str(port)], {}):
        yield port


@contextmanager
def _running(module: Sequence[str], own: Mapping[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen([sys.executable, "-m", *module], env={**os.environ, **own}, stdout=said, stderr=said)
        try:
            yield
            if process.poll() is not None:
                said.seek(0)
                words = said.read()[-500:].decode("utf-8", "replace")
                raise BarometerError(f"{module[0]} ended with code {process.returncode}: {words}")
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


async def _wait(port: int, text: str) -> None:
    """Return once a server labels."""
    deadline = time.monotonic() + START_S
    while True:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                await ask(reader, writer, text)
                return
            finally:
                writer.close()
        except (OSError, LoadError, asyncio.IncompleteReadError) as error:
            if time.monotonic() > deadline:
                raise LoadError(f"a server does not label after {START_S:.0f} s: {error}") from error
        await asyncio.sleep(0.2)


def _silent(_what: str) -> None:
    pass
