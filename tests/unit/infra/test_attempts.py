"""Calls are repeated as the table says, and not once more."""

from __future__ import annotations

import pytest

from infra.attempts import attempt
from infra.errors import KafkaUnavailableError, Step


class Call:
    """Fails as often as it is told."""

    def __init__(self, failures: int, error: Exception) -> None:
        self._failures = failures
        self._error = error
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error
        return "done"


def test_a_call_that_works_is_made_once() -> None:
    call = Call(0, ValueError())
    assert attempt(call, Step.ANY) == "done"
    assert call.calls == 1


def test_what_may_pass_is_tried_again_with_longer_and_longer_waits() -> None:
    waits: list[float] = []
    assert attempt(Call(3, RuntimeError()), Step.COMPUTE, waits.append) == "done"
    assert waits == [0.1, 0.2, 0.4]


def test_the_last_error_comes_out_when_attempts_are_used_up() -> None:
    call = Call(99, RuntimeError("still busy"))
    with pytest.raises(RuntimeError, match="still busy"):
        attempt(call, Step.COMPUTE, lambda _s: None)
    assert call.calls == 4


def test_an_unknown_error_comes_out_at_once() -> None:
    call = Call(99, RuntimeError("our own bug"))
    with pytest.raises(RuntimeError):
        attempt(call, Step.ANY, lambda _s: None)
    assert call.calls == 1


def test_a_kafka_that_is_away_is_waited_for_however_long() -> None:
    waits: list[float] = []
    assert attempt(Call(500, KafkaUnavailableError()), Step.ANY, waits.append) == "done"
    assert max(waits) == 5
