"""Errors that a person reads: one sentence that names the value and the fix."""

from __future__ import annotations


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
        super().__init__(f"{what} needs packages that are not installed; run: pip install 'barometer[{extra}]'")
