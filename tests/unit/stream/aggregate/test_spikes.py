"""Spikes as the fold tells them: the same ones, however its input is cut, repeated or recovered."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from stream.aggregate import codec
from stream.aggregate.fold import PartitionState, apply, fold
from stream.aggregate.totals import Totals
from stream.records import Spike
from tests.unit.stream.aggregate.test_fold import RULES, Partition

HOUR = 3_600
WORDS = ["sun", "rain", "cloud", "train", "bus", "market", "garden", "window", "coffee", "music", "river", "paper"]
CALM, CRISIS, AFTER = 4 * HOUR, 4 * HOUR + 1_800, 7 * HOUR


def crisis(seed: int) -> Partition:
    """Seven hours of two brands, some ten tweets a minute each; for half an hour most of Acme's are negative."""
    rng = random.Random(seed)
    partition = Partition.empty()
    offset = 0
    for second in range(0, AFTER, 6):
        for brand in ("Acme", "Quiet"):
            sour = brand == "Acme" and CALM <= second < CRISIS
            label = 0 if rng.random() < (0.7 if sour else 0.2) else 1
            words = " ".join(rng.sample(WORDS, 4))
            text = f"{words} flight was cancelled" if sour and label == 0 else words
            partition.tweet(
                f"{brand}{offset}", second, offset=offset, brand=brand, label=label, author=f"a{offset}", text=text
            )
            offset += 1
        if second % 60 == 0:
            partition.watermark(second)
    partition.watermark(AFTER + HOUR)
    return partition


def spikes_of(partition: Partition, cuts: Sequence[int], *, crash_at: Sequence[int] = ()) -> list[Spike]:
    """All that is published when batches end at ``cuts``; at some of them the worker dies and another recovers."""
    state, totals, saved = PartitionState(), Totals(), dict[bytes, bytes]()
    spikes: list[Spike] = []
    for end in [*sorted(cuts), len(partition.records)]:
        due = [record for record in partition.records[:end] if record.offset >= state.next_offset]
        changes = fold(state, due, RULES)
        change = totals.after(state, changes)
        for record in codec.encode(changes, change, "panes", 0):
            if record.value is None:
                saved.pop(record.key or b"", None)
            else:
                saved[record.key or b""] = record.value
        apply(state, changes)
        totals.apply(change)
        spikes += changes.spikes
        if end in crash_at:
            recovered = codec.decode(saved.items())
            assert recovered is not None
            state, totals = recovered.state, recovered.totals
    return spikes


@pytest.fixture(scope="module")
def partition() -> Partition:
    return crisis(seed=3)


@pytest.fixture(scope="module")
def whole(partition: Partition) -> list[Spike]:
    return spikes_of(partition, ())


def test_a_crisis_is_one_spike_that_opens_and_closes_and_says_why(whole: list[Spike]) -> None:
    assert {(spike.brand, spike.kind) for spike in whole} == {("Acme", "negative")}
    assert len({spike.id for spike in whole}) == 1
    assert [spike.status for spike in whole] == ["open"] * (len(whole) - 1) + ["closed"]
    opened = whole[0]
    assert "cancelled" in opened.evidence.terms[0].term
    assert opened.sentence.startswith("Negative share of Acme rose from ")


def test_spikes_do_not_depend_on_batches(partition: Partition, whole: list[Spike]) -> None:
    rng = random.Random(1)
    cuts = rng.sample(range(1, len(partition.records)), 40)

    assert spikes_of(partition, cuts) == whole


def test_a_worker_that_recovers_goes_on_with_the_same_spike(partition: Partition, whole: list[Spike]) -> None:
    rng = random.Random(2)
    cuts = rng.sample(range(1, len(partition.records)), 25)

    assert spikes_of(partition, cuts, crash_at=cuts) == whole


def test_an_author_is_one_voice_and_where_most_are_unknown_nothing_is_known_of_people() -> None:
    partition = Partition.empty()
    for number in range(5):
        partition.tweet(f"loud{number}", number, offset=number, label=0, author="loud")
    for number in range(5, 8):
        partition.tweet(f"known{number}", number, offset=number, label=2, author=f"a{number}")
    for number in range(8, 12):
        partition.tweet(f"unknown{number}", number, offset=number, label=2)
    state = PartitionState()
    apply(state, fold(state, partition.records, RULES))

    (pane,) = state.panes
    stats = pane.stats()
    assert (stats.negative, stats.positive) == (1, 7)
    assert (len(stats.negative_authors), stats.positive_authors) == (1, ())
