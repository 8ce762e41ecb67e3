"""The health check of a container."""

from __future__ import annotations

import pytest

from infra.endpoint import Endpoint
from infra.health import Health
from infra.probe import main, probe


def test_a_process_that_is_well_is_and_one_that_is_not_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    well: dict[str, str | None] = {"why": None}
    with Endpoint("127.0.0.1", 0, Health(live={}, ready={"model": lambda: well["why"]})) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}/health"
        assert main([url]) == 0
        well["why"] = "still loading"
        assert main([url]) == 1
    assert "still loading" in capsys.readouterr().out


def test_what_does_not_answer_is_not_well_and_other_schemes_are_refused() -> None:
    assert not probe("http://127.0.0.1:9/health")[0]
    assert probe("file:///etc/hostname") == (False, "file:///etc/hostname is not an http:// address")
    assert main([]) == 2
