"""Errors that a person reads, one sentence that names the value and the fix; and what a worker does about each.

``POLICIES`` is the one table from error to policy. ``attempts`` obeys its
retries; the loops of a worker obey the rest: a record at fault goes to the
dead letters, anything else stops the worker with nothing acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class BarometerError(Exception):
    """Base of every error that ends a command with exit code 1 and its message, without a traceback."""

    exit_code = 1


class UsageError(BarometerError):
    """The command was called wrongly: a bad flag, setting or file."""

    exit_code = 2


class KafkaUnavailableError(BarometerError):
    """Kafka could not be reached or did not answer in time."""


class BrokerStartError(BarometerError):
    """The local Kafka broker could not be installed or started."""


class TopicError(BarometerError):
    """A topic is missing, or is not as the project made it."""


class MissingExtraError(BarometerError):
    """A command needs packages that are not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(
            f"{what} needs packages that are not installed; run in Barometer's folder: pip install '.[{extra}]'"
        )


class RecordError(ValueError):
    """A record that can never be worked on. ``reason`` is a stable code, ``message`` one sentence."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Step(Enum):
    """Where an error was raised: the same class means one thing inside the model and another in our own code."""

    COMPUTE = "compute"
    """Inside the model, or whatever else computes on the content of records."""
    ANY = "any"


class Action(Enum):
    """What happens when every attempt has failed."""

    DEAD_LETTER = "dead-letter"
    """Halve the batch until the record at fault stands alone; it goes to the dead letters, the others go on."""
    STOP = "stop"
    """Stop the worker. Nothing of the batch is acknowledged, so the next worker gets all of it."""


@dataclass(frozen=True)
class Policy:
    """Try ``attempts`` times in all (None: until it works), then ``action`` under ``reason``.

    The first wait is ``first_wait_s`` seconds; each next one is twice as long, up to ``longest_wait_s``.
    """

    action: Action
    reason: str
    attempts: int | None = 1
    first_wait_s: float = 0.0
    longest_wait_s: float = 5.0

    def wait_s(self, failures: int) -> float | None:
        """Seconds to wait after that many failures in a row; None when no attempt is left."""
        if self.attempts is not None and failures >= self.attempts:
            return None
        return min(self.longest_wait_s, self.first_wait_s * 2.0 ** min(failures - 1, 60))


OWN_REASON = "(its own)"
"""Stands for the reason that the error itself carries."""

_MODEL_FAILED = Policy(Action.DEAD_LETTER, "model_error")
_MODEL_BUSY = Policy(Action.DEAD_LETTER, "model_error", attempts=4, first_wait_s=0.1)

POLICIES: Mapping[tuple[Step, type[Exception]], Policy] = {
    # The record itself is at fault: another attempt would end the same.
    (Step.ANY, RecordError): Policy(Action.DEAD_LETTER, OWN_REASON),
    # Engines say so when a device is busy or its memory full, which passes; and so do files on a network.
    (Step.COMPUTE, RuntimeError): _MODEL_BUSY,
    (Step.COMPUTE, OSError): _MODEL_BUSY,
    # Subclasses of RuntimeError that do not pass.
    (Step.COMPUTE, RecursionError): _MODEL_FAILED,
    (Step.COMPUTE, NotImplementedError): _MODEL_FAILED,
    # This machine's fault, never a record's: what is computed on is bounded. Smaller batches may do.
    (Step.COMPUTE, MemoryError): Policy(Action.STOP, "out_of_memory", attempts=4, first_wait_s=0.5),
    # Whatever else a model raises, also in our own words, it raises because of what it was given.
    (Step.COMPUTE, Exception): _MODEL_FAILED,
    (Step.COMPUTE, BarometerError): _MODEL_FAILED,
    # Nobody's fault, and it ends by itself.
    (Step.ANY, KafkaUnavailableError): Policy(Action.STOP, "kafka_unavailable", attempts=None, first_wait_s=1.0),
    # We know what it is, and that going on would lose something or divert a topic.
    (Step.ANY, BarometerError): Policy(Action.STOP, "error"),
    # We do not know what it is.
    (Step.ANY, Exception): Policy(Action.STOP, "unknown_error"),
}


def policy_of(error: Exception, step: Step = Step.ANY) -> Policy:
    """The policy of the nearest class of ``error`` in the table; in one class, that of ``step`` before that of any."""
    for kind in type(error).__mro__:
        for where in (step, Step.ANY):
            if policy := POLICIES.get((where, kind)):
                return policy
    raise TypeError(f"{type(error).__name__} is not an Exception")  # SystemExit and the like are not to be handled
