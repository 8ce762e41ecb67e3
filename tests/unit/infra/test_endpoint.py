"""What a worker answers over HTTP."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator

import orjson
import pytest

from infra.endpoint import Endpoint, EndpointError
from infra.health import Health

troubles: dict[str, str | None] = {}


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    troubles.clear()
    health = Health(live={"progress": lambda: troubles.get("live")}, ready={"model": lambda: troubles.get("ready")})
    with Endpoint("127.0.0.1", 0, health) as endpoint:
        yield endpoint


def get(endpoint: Endpoint, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_live_and_ready_are_answered_apart(endpoint: Endpoint) -> None:
    troubles["ready"] = "still loading"

    assert get(endpoint, "/health/live") == (200, b'{"status":"ok","checks":{"progress":"ok"}}')
    assert get(endpoint, "/health/ready") == (503, b'{"status":"failing","checks":{"model":"still loading"}}')
    assert get(endpoint, "/health")[0] == 503


def test_metrics_are_in_the_text_format_of_prometheus(endpoint: Endpoint) -> None:
    status, body = get(endpoint, "/metrics")

    assert status == 200
    assert b"# TYPE process_resident_memory_bytes gauge" in body or b"# TYPE python_info gauge" in body


def test_an_unknown_path_is_told_the_known_ones(endpoint: Endpoint) -> None:
    status, body = get(endpoint, "/nonsense")

    assert status == 404
    assert orjson.loads(body)["paths"] == ["/metrics", "/health/live", "/health/ready", "/health"]


def test_a_caller_that_says_nothing_keeps_nobody_waiting(endpoint: Endpoint) -> None:
    with socket.create_connection(("127.0.0.1", endpoint.port)):
        assert get(endpoint, "/health/live")[0] == 200


def test_a_port_that_is_taken_is_one_sentence(endpoint: Endpoint) -> None:
    with pytest.raises(EndpointError, match=f"cannot serve metrics on 127.0.0.1:{endpoint.port}: .*free port"):
        Endpoint("127.0.0.1", endpoint.port, Health({}, {}))
