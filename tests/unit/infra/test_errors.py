"""The table of policies: complete, and the nearest class wins."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import (
    POLICIES,
    Action,
    BarometerError,
    KafkaUnavailableError,
    Policy,
    RecordError,
    Step,
    TopicError,
    UsageError,
    policy_of,
)
from infra.kafka.publish import PublishError


@pytest.mark.parametrize(
    ("error", "step", "action", "reason", "attempts"),
    [
        (RecordError("invalid_json", "no"), Step.ANY, Action.DEAD_LETTER, "(its own)", 1),
        (RecordError("invalid_json", "no"), Step.COMPUTE, Action.DEAD_LETTER, "(its own)", 1),
        (RuntimeError(), Step.COMPUTE, Action.DEAD_LETTER, "model_error", 4),
        (RuntimeError(), Step.ANY, Action.STOP, "unknown_error", 1),
        (TimeoutError(), Step.COMPUTE, Action.DEAD_LETTER, "model_error", 4),
        (RecursionError(), Step.COMPUTE, Action.DEAD_LETTER, "model_error", 1),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), Step.COMPUTE, Action.DEAD_LETTER, "model_error", 1),
        (UsageError(), Step.COMPUTE, Action.DEAD_LETTER, "model_error", 1),
        (MemoryError(), Step.COMPUTE, Action.STOP, "out_of_memory", 4),
        (MemoryError(), Step.ANY, Action.STOP, "unknown_error", 1),
        (KafkaUnavailableError(), Step.ANY, Action.STOP, "kafka_unavailable", None),
        (TopicError(), Step.ANY, Action.STOP, "error", 1),
        (PublishError(), Step.ANY, Action.STOP, "error", 1),
        (BarometerError(), Step.ANY, Action.STOP, "error", 1),
        (ZeroDivisionError(), Step.ANY, Action.STOP, "unknown_error", 1),
    ],
)
def test_each_error_has_its_policy(
    error: Exception, step: Step, action: Action, reason: str, attempts: int | None
) -> None:
    policy = policy_of(error, step)
    assert (policy.action, policy.reason, policy.attempts) == (action, reason, attempts)


def test_every_exception_has_one() -> None:
    for step in Step:
        assert policy_of(Exception(), step).reason


def test_a_request_to_exit_is_not_an_error_to_be_handled() -> None:
    with pytest.raises(TypeError):
        policy_of(SystemExit())  # type: ignore[arg-type]


@given(st.sampled_from(list(POLICIES.values())), st.integers(1, 10_000))
def test_waits_grow_to_a_bound_and_attempts_end(policy: Policy, failures: int) -> None:
    waits = [policy.wait_s(number) for number in range(1, min(failures, 200))]
    allowed = [wait for wait in waits if wait is not None]
    assert all(0 <= earlier <= later <= policy.longest_wait_s for earlier, later in pairwise(allowed))
    assert policy.attempts is None or len(allowed) < policy.attempts
    assert waits[len(allowed) :] == [None] * (len(waits) - len(allowed)), "once over, over"
    assert policy.attempts is not None or policy.wait_s(failures) is not None
