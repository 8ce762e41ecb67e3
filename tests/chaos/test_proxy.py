"""The proxy forwards, goes silent without losing a byte, and goes away."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from infra.kafka.node import HOST
from tests.chaos.proxy import Proxy

SILENCE_S = 0.2
PATIENCE_S = 10


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while data := self.request.recv(1_024):
            self.request.sendall(data)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """In front of a server that echoes."""
    with socketserver.ThreadingTCPServer((HOST, 0), _Echo) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Proxy(server.server_address[1]) as proxy:
            yield proxy
        server.shutdown()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=PATIENCE_S)


def test_what_is_sent_comes_through(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"


def test_silence_holds_everything_back_and_loses_nothing(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        proxy.hang()
        client.sendall(b"two")
        client.settimeout(SILENCE_S)
        with pytest.raises(TimeoutError):
            client.recv(100)
        proxy.heal()
        client.settimeout(PATIENCE_S)
        assert client.recv(100) == b"two"


def test_away_closes_and_refuses_until_it_is_back_on_the_same_port(proxy: Proxy) -> None:
    with connect(proxy) as client:
        client.sendall(b"one")
        assert client.recv(100) == b"one"
        proxy.refuse()
        assert not _answers(client)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.heal()
    with connect(proxy) as client:
        client.sendall(b"two")
        assert client.recv(100) == b"two"


def _answers(client: socket.socket) -> bool:
    try:
        return bool(client.recv(100))
    except ConnectionError:
        return False
