"""Spikes after a run: those that the same labelled tweets give when nothing is broken."""

from __future__ import annotations

from infra.kafka.reading import read_incoming
from infra.settings import Settings
from stream.aggregate.fold import PartitionState, fold
from stream.aggregate.store import rules_of
from stream.records import Spike
from stream.topics import Topics
from tests.chaos.source import CRISIS_BRAND
from tests.kafka_tools import read_all


def published(settings: Settings) -> dict[str, Spike]:
    """The newest record of each spike, by id."""
    values = (message.value() for message in read_all(settings, Topics.of(settings).spikes))
    return {spike.id: spike for spike in map(Spike.model_validate_json, filter(None, values))}


def undisturbed(settings: Settings) -> dict[str, Spike]:
    """What one fold of each labelled partition gives, in one go, without a crash or a second worker."""
    rules, topic = rules_of(settings), Topics.of(settings).labeled
    folds = (
        fold(PartitionState(), list(read_incoming(settings, topic, partition)), rules)
        for partition in range(settings.partitions)
    )
    return {spike.id: spike for changes in folds for spike in changes.spikes}


def differences(settings: Settings, *, crisis: bool) -> tuple[int, list[str]]:
    """How many spikes there are, and what is wrong with them. ``crisis``: the file has one that must be found."""
    told, wanted = published(settings), undisturbed(settings)
    problems = [
        f"spikes: not as without faults: {(told.get(key) or wanted[key]).sentence!r}"
        for key in sorted(told.keys() | wanted.keys())
        if told.get(key) != wanted.get(key)
    ]
    found = [spike for spike in told.values() if spike.brand == CRISIS_BRAND and spike.kind == "negative"]
    if crisis and [spike.status for spike in found] != ["closed"]:
        problems.append(f"spikes: the crisis of {CRISIS_BRAND} should be one that has closed, is {len(found)}")
    return len(told), problems
