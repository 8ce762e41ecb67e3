"""Sending dead letters again: each to the topic it came from, once.

A letter and the record that settles it are published in one transaction, so a
crash leaves both or none. The producer's ``transactional.id`` is the same for
all replays of a group: one that begins ends any other, and then reads what that
one has settled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, Producer

from infra.errors import BarometerError, KafkaUnavailableError
from infra.kafka.transactions import FencedError, TransactionError, fenced_producer, transact
from stream.dead import DeadLetter, revive
from stream.dead_letters.letters import Entry, Settlement, read_dead, settlement
from stream.topics import Topics

if TYPE_CHECKING:
    from infra.settings import Settings

MOST_TOGETHER = 200
BYTES_TOGETHER = 4_000_000
LATE = "late"


class ReplayError(BarometerError):
    """A replay of dead letters could not go on. What it had confirmed stays."""


@dataclass
class Replayed:
    """What became of the letters that were chosen."""

    sent: int = 0
    settled_meanwhile: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Ids that Kafka does not take back, and why."""


def why_not(entry: Entry, topics: Topics) -> str | None:
    """Why a letter cannot be sent again; None when it can."""
    if not entry.whole:
        return "it was too large to be kept: only its beginning is left"
    if entry.origin_topic == topics.tweets:
        return None
    if entry.reason == LATE:
        return (
            "late tweets are still in tweets.labeled, and sent again they would be as late: to count them, raise "
            "BAROMETER_LATE_RETENTION_S, stop the workers and run: barometer rebuild"
        )
    return f"it came from {entry.origin_topic}, into which only workers write; replay its tweet from the source"


def replay(
    settings: Settings, chosen: Sequence[Entry], *, again: bool, progress: Callable[[int], None] = lambda _sent: None
) -> Replayed:
    """Send the chosen letters to where they came from.

    ``again``: also those that were settled before, or are by another replay
    while this one begins. ``progress`` is told how many were sent. Raises
    ReplayError when another replay begins, KafkaUnavailableError.
    """
    topics = Topics.of(settings)
    ids = {entry.id for entry in chosen}
    done = Replayed()
    try:
        producer = fenced_producer(settings, f"{settings.group}-dead-replay")
        if not again:
            settled = {found.id for found in read_dead(settings) if isinstance(found, Settlement)}
            done.settled_meanwhile = len(ids & settled)
            ids -= settled
        for letters in _batches(settings, ids):
            _send(producer, topics, letters, done)
            progress(done.sent)
    except FencedError as error:
        raise ReplayError(
            f"another replay of dead letters has begun, so this one stopped after {done.sent}; run it again later"
        ) from error
    except KafkaException as error:
        raise KafkaUnavailableError(
            f"Kafka at {settings.kafka_bootstrap_servers} failed after {done.sent} letters were sent: "
            f"{error.args[0].str()}; run it again, none is sent twice"
        ) from error
    return done


def _send(producer: Producer, topics: Topics, letters: Sequence[DeadLetter], done: Replayed) -> None:
    """Publish letters and their settlements; those at fault alone are refused."""
    now = dt.datetime.now(dt.UTC)
    try:
        transact(
            producer,
            [
                record
                for letter in letters
                for record in (revive(letter, now), settlement(topics.dead, letter.id, "replayed", now))
            ],
        )
    except TransactionError as error:
        if len(letters) == 1:
            done.refused.append((letters[0].id, str(error)))
            return
        middle = len(letters) // 2
        for half in (letters[:middle], letters[middle:]):
            _send(producer, topics, half, done)
    else:
        done.sent += len(letters)


def _batches(settings: Settings, ids: set[str]) -> Iterator[list[DeadLetter]]:
    """The letters themselves, each once, in helpings that a transaction takes."""
    left = set(ids)
    letters: list[DeadLetter] = []
    size = 0
    for letter in read_dead(settings):
        if not isinstance(letter, DeadLetter) or letter.id not in left:
            continue
        left.discard(letter.id)
        letters.append(letter)
        size += len(letter.value or b"")
        if len(letters) == MOST_TOGETHER or size >= BYTES_TOGETHER:
            yield letters
            letters, size = [], 0
    if letters:
        yield letters
