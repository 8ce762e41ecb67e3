"""What the pane store saves is what the next owner finds; what is not whole is not used."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from infra.kafka.ledger import TopicPartition
from infra.kafka.offsets import OffsetProbe
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.kafka.reading import OpenTransactionError, newest_values
from infra.kafka.transactions import FencedError
from infra.settings import Settings
from stream.aggregate.codec import StateError
from stream.aggregate.fold import Rules
from stream.aggregate.store import PaneStore, rules_of, transactional_id
from stream.topics import Topics
from tests.forgotten import leave_open
from tests.labelled import cut, fold_all, history, labelled, watermark, write


@contextmanager
def opened(settings: Settings, rules: Rules | None = None) -> Iterator[PaneStore]:
    probe = OffsetProbe(settings)
    yield PaneStore(settings, Topics.of(settings), rules or rules_of(settings), probe.bounds)
    probe.close()


def test_the_next_owner_finds_the_same_state_and_the_same_mentions(settings: Settings, topics: Topics) -> None:
    write(settings, history(600, seed=1))
    short = replace(rules_of(settings), late_retention_s=300, duplicate_horizon_s=120)
    with opened(settings, short) as first, opened(settings, short) as second:
        assert first.own(0) == 0
        fold_all(settings, first)
        was = first.owned()[0]
        next_offset = second.own(0)
        now = second.owned()[0]
        assert (now.state.panes, now.state.clock, now.totals) == (was.state.panes, was.state.clock, was.totals)
        assert next_offset == was.state.next_offset
        assert any(any(total.retired) for total in now.totals.brands.values()), "some panes were evicted"
        write(settings, [labelled("x", 599, 10**6)])
        with pytest.raises(FencedError):
            fold_all(settings, first)


def test_a_transaction_that_kafka_forgot_to_end_holds_up_neither_the_next_owner_nor_any_reader(
    settings: Settings, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its coordinator takes it for done, so no timeout ends it; what it wrote counts nowhere."""
    monkeypatch.setattr("stream.aggregate.store.FORGOTTEN_AFTER_S", 1.0)
    write(settings, history(300, seed=2))
    with opened(settings) as first, opened(settings) as second:
        first.own(0)
        fold_all(settings, first)
        was = first.owned()[0]
        windows = newest_values(settings, topics.windows, 0)
        left = [(topic, 0, b"left", b"never committed") for topic in (topics.panes, topics.windows, topics.dead)]
        leave_open(settings, transactional_id(settings, 0), left)
        with pytest.raises(OpenTransactionError, match=f"{topics.panes}-0 has been open for 1 s"):
            newest_values(settings, topics.panes, 0, open_s=1)
        assert second.own(0) == was.state.next_offset
        now = second.owned()[0]
        assert (now.state.panes, now.state.clock, now.totals) == (was.state.panes, was.state.clock, was.totals)
        assert newest_values(settings, topics.windows, 0, open_s=1) == windows
        assert newest_values(settings, topics.dead, 0, open_s=1) == {}
        write(settings, [labelled("next", 599, 10**6)])
        fold_all(settings, second)
        assert newest_values(settings, topics.windows, 0, open_s=1) != windows


def test_evicted_panes_are_removed_from_the_topic(settings: Settings, topics: Topics) -> None:
    def of_panes() -> Counter[str]:
        kinds = (json.loads(key)[0] for key in newest_values(settings, topics.panes, 0))
        return Counter(kind for kind in kinds if kind in {"pane", "ids", "sample"})

    write(settings, [labelled(str(n), n * 60, n) for n in range(20)])
    with opened(settings) as store:
        store.own(0)
        fold_all(settings, store)
        assert of_panes() == {"pane": 20, "ids": 20, "sample": 20}
        write(settings, [watermark(86_400 * 2)])
        fold_all(settings, store)
    assert of_panes() == {}


def test_a_partition_that_is_released_while_it_is_taken_over_is_not_owned(settings: Settings, topics: Topics) -> None:
    probe = OffsetProbe(settings)

    def released_meanwhile(tp: TopicPartition) -> tuple[int, int]:
        store.release()
        return probe.bounds(tp)

    store = PaneStore(settings, topics, rules_of(settings), released_meanwhile)
    store.own(0)
    assert not store.owned()
    probe.close()


@pytest.mark.parametrize("lost", [b'["pane"', b'["ids"', b'["clock"'])
def test_a_state_that_lost_records_is_refused_and_says_what_to_run(
    lost: bytes, settings: Settings, topics: Topics
) -> None:
    write(settings, history(100, seed=2))
    with opened(settings) as store:
        store.own(0)
        fold_all(settings, store)
        victim = next(key for key in newest_values(settings, topics.panes, 0) if key.startswith(lost))
        ConfirmedPublisher(settings).publish([Outgoing(topics.panes, victim, None, partition=0)])
        with pytest.raises(StateError, match=rf"{topics.panes}-0 has lost records .* barometer rebuild"):
            store.own(0)


def test_a_wiped_state_is_folded_again_only_from_a_whole_topic(settings: Settings, topics: Topics) -> None:
    write(settings, history(100, seed=3))
    with opened(settings) as store:
        store.own(0)
        fold_all(settings, store)
        [end] = OffsetProbe(settings).ends([_tp(topics.panes)]).values()
        cut(settings, topics.panes, end)
        assert store.own(0) == 0
        cut(settings, topics.labeled, 40)
        with pytest.raises(StateError, match=r"begins at offset 40: .* barometer rebuild"):
            store.own(0)


def test_a_state_ahead_of_its_input_is_refused(settings: Settings, topics: Topics) -> None:
    write(settings, history(100, seed=4))
    with opened(settings) as store:
        store.own(0)
        fold_all(settings, store)
        lagging = PaneStore(settings, topics, rules_of(settings), lambda _tp: (0, 7))
        with pytest.raises(StateError, match="but it ends at 7"):
            lagging.own(0)


def _tp(topic: str) -> TopicPartition:
    return TopicPartition(topic, 0)
