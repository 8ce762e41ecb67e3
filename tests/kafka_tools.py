"""What tests do with Kafka besides running the code under test: read a topic, wait for something, start a command."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from confluent_kafka import KafkaError, Message, Producer

from infra.kafka.clients import producer_config
from infra.kafka.reading import read_to_end
from infra.settings import ENV_PREFIX, Settings

T = TypeVar("T")
_POLL_S = 0.05


def read_all(settings: Settings, topic: str) -> list[Message]:
    """Every committed record of a topic, from the beginning to the end as it is now, each partition in its order."""
    return list(read_to_end(settings, topic))


def publish(settings: Settings, topic: str, records: Iterable[tuple[bytes | None, bytes]]) -> None:
    """Write (key, value) records and wait until the broker has confirmed all of them."""
    producer = Producer(producer_config(settings))
    failures: list[KafkaError] = []

    def confirmed(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            failures.append(error)

    for key, value in records:
        producer.produce(topic, key=key, value=value, on_delivery=confirmed)
        producer.poll(0)
    left = producer.flush(30)
    assert not left, f"{left} records for {topic} were not confirmed within 30 s"
    assert not failures, f"{topic} refused records: {failures[0]}"


class TooSlowError(AssertionError):
    """What was waited for did not come in time; on a machine that others use too, such a test gets a second try."""


def wait_until(condition: Callable[[], T | None], timeout: float, what: str) -> T:
    """Call ``condition`` until it returns something true, and return that; fail with ``what`` after ``timeout`` s."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TooSlowError(f"not within {timeout} s: {what}")
        time.sleep(_POLL_S)


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with exactly these settings: for a command started as a subprocess."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
    return kept | settings.environment()
