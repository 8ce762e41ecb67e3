"""A TCP proxy that can go silent or away: what stands between a worker and Kafka when the network fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from infra.kafka.node import HOST

T = TypeVar("T")
_CHUNK = 64 * 1024
_PATIENCE_S = 30


class Proxy:
    """Forwards connections to ``target``, a port of this machine; works from construction. A context manager.

    ``port`` is where it listens, any free one, and stays the same.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._connections: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{target}", daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = self._call(asyncio.start_server(self._connected, HOST, 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def hang(self) -> None:
        """Forward nothing more, and drop nothing: a cable that was pulled."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def refuse(self) -> None:
        """Close every connection and accept none: a machine that is off."""
        self._call(self._refuse())

    def heal(self) -> None:
        """Forward again; what was held back arrives."""
        self._call(self._heal())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._call(self._refuse())
        self._call(self._rest())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE_S)
        self._loop.close()

    async def _refuse(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self._flowing.set()
        for writer in list(self._connections):
            writer.transport.abort()

    async def _heal(self) -> None:
        self._flowing.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, HOST, self.port)

    async def _rest(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            await self._flowing.wait()
            with suppress(OSError):
                their_reader, their_writer = await asyncio.open_connection(HOST, self._target)
                self._connections.add(their_writer)
                try:
                    await asyncio.gather(self._pipe(reader, their_writer), self._pipe(their_reader, writer))
                finally:
                    self._connections.discard(their_writer)
                    their_writer.transport.abort()
        finally:
            self._connections.discard(writer)
            writer.transport.abort()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()  # Kafka's clients never close one direction alone

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)
