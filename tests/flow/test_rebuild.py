"""``barometer rebuild``: a state that was lost comes back from the labelled tweets, and the audit is clean."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer

from infra.kafka.clients import reader_config
from infra.kafka.ledger import TopicPartition
from infra.kafka.offsets import OffsetProbe
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.kafka.reading import newest_values
from infra.settings import Settings
from stream.aggregate.codec import StateError
from stream.aggregate.store import PaneStore, rules_of
from stream.audit import run_audit
from stream.cli import barometer
from stream.dead import DeadLetter
from stream.dead_letters.letters import read_dead
from stream.rebuild import plan as plan_module
from stream.rebuild.compare import differences
from stream.records import Window
from stream.topics import Topics
from tests.kafka_tools import environment, wait_until
from tests.labelled import cut, fold_all, history, labelled, watermark, write


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Every change of an open window is published."""
    return settings.model_copy(update={"window_update_interval_s": 0})


@pytest.fixture
def probe(settings: Settings) -> Iterator[OffsetProbe]:
    found = OffsetProbe(settings)
    yield found
    found.close()


def work(settings: Settings, probe: OffsetProbe) -> PaneStore:
    """Take partition 0 over and fold what there is, as a worker does."""
    store = PaneStore(settings, Topics.of(settings), rules_of(settings), probe.bounds)
    store.own(0)
    fold_all(settings, store)
    return store


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(barometer, ["rebuild", *arguments], env=environment(settings))


def rebuilt(settings: Settings, *arguments: str) -> dict[str, Any]:
    """What the command tells of partition 0."""
    done = run(settings, "--partition", "0", "--json", *arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    [told] = json.loads(done.stdout)
    return dict(told)


def windows(settings: Settings) -> dict[bytes, Window]:
    values = newest_values(settings, Topics.of(settings).windows, 0)
    return {key: Window.model_validate_json(value) for key, value in values.items()}


def saved(settings: Settings) -> dict[bytes, bytes]:
    return newest_values(settings, Topics.of(settings).panes, 0)


def remove(settings: Settings, topic: str, *keys: bytes) -> None:
    ConfirmedPublisher(settings).publish(Outgoing(topic, key, None, partition=0) for key in keys)


@pytest.mark.parametrize("lost", ["all", "some panes", "windows"])
def test_what_was_lost_comes_back_and_the_audit_is_clean(
    lost: str, settings: Settings, topics: Topics, probe: OffsetProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, history(400, seed=1))
    state = work(settings, probe).owned()[0].state
    told_windows = windows(settings)
    keys = list(saved(settings))
    match lost:
        case "all":
            remove(settings, topics.panes, *keys)
        case "some panes":
            remove(settings, topics.panes, *[key for key in keys if key.startswith(b'["pane"')][::3])
        case "windows":
            remove(settings, topics.windows, *list(told_windows)[::2])
    monkeypatch.setattr(plan_module, "WRITE_TOGETHER", 10)

    looked = rebuilt(settings, "--dry-run")
    assert looked["records"] > 0
    told = rebuilt(settings)

    assert told == looked
    assert told["tweets"] == 400
    assert windows(settings) == told_windows
    store = PaneStore(settings, topics, rules_of(settings), probe.bounds)
    assert store.own(0) == state.next_offset
    assert differences(store.owned()[0].state, state) == ""
    assert rebuilt(settings, "--dry-run")["records"] == 0
    assert run_audit(settings).differences == []


def test_a_rebuild_that_is_cut_short_leaves_what_no_worker_takes_for_whole(
    settings: Settings, topics: Topics, probe: OffsetProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, history(200, seed=2))
    work(settings, probe)
    remove(settings, topics.panes, *[key for key in saved(settings) if key.startswith(b'["pane"')][::2])
    monkeypatch.setattr(plan_module, "WRITE_TOGETHER", 5)
    pieces = plan_module.pieces

    def cut_short(*arguments: Any) -> Iterator[Any]:
        yield from list(pieces(*arguments))[:-1]

    monkeypatch.setattr(plan_module, "pieces", cut_short)
    rebuilt(settings)
    with pytest.raises(StateError, match=r"nothing says up to where they count.* barometer rebuild"):
        work(settings, probe)
    monkeypatch.setattr(plan_module, "pieces", pieces)
    rebuilt(settings)
    work(settings, probe)
    assert run_audit(settings).differences == []


def test_windows_that_know_of_removed_tweets_are_kept_and_go_on_from_there(
    settings: Settings, topics: Topics, probe: OffsetProbe
) -> None:
    write(settings, history(300, seed=3))
    work(settings, probe)
    before = windows(settings)
    cut(settings, topics.labeled, 120)
    remove(settings, topics.panes, *saved(settings))
    with pytest.raises(StateError, match="barometer rebuild"):
        work(settings, probe)

    told = rebuilt(settings)

    assert told["begin"] == 120
    assert told["windows_kept"] > 0
    assert windows(settings) == before
    assert run_audit(settings).differences == []
    late = next(
        window
        for window in before.values()
        if window.start.timestamp() == min(window.start.timestamp() for window in before.values())
    )
    offset = 10**6
    at_s = late.start.timestamp() - 1_714_521_600
    write(settings, [labelled("new", at_s, offset, brand=late.brand)])
    work(settings, probe)
    after = windows(settings)[late.key()]
    assert (after.revision, after.late) == (late.revision + 1, late.late + 1)


def test_windows_without_any_tweet_are_named_and_removed_only_when_told_to(
    settings: Settings, topics: Topics, probe: OffsetProbe
) -> None:
    write(settings, history(100, seed=4))
    work(settings, probe)
    stray = next(iter(windows(settings).values())).model_copy(update={"brand": "ghost"})
    ConfirmedPublisher(settings).publish([Outgoing(topics.windows, stray.key(), stray.encode(), partition=0)])
    assert rebuilt(settings)["windows_stray"] == 1
    assert stray.key() in windows(settings)
    assert {difference.brand for difference in run_audit(settings).differences} == {"ghost"}
    assert rebuilt(settings, "--remove-strays")["windows_stray"] == 1
    assert stray.key() not in windows(settings)
    assert run_audit(settings).differences == []


def test_late_tweets_are_not_buried_twice_and_count_when_retention_was_raised(
    settings: Settings, topics: Topics
) -> None:
    short = settings.model_copy(update={"late_retention_s": 60, "duplicate_horizon_s": 60})
    probe = OffsetProbe(short)
    write(short, [labelled("1", 5, 0), watermark(600), labelled("2", 6, 1), labelled("3", 300, 2)])
    work(short, probe)

    def late() -> int:
        return sum(isinstance(found, DeadLetter) for found in read_dead(short))

    assert (late(), len(windows(short))) == (2, 1)
    remove(short, topics.panes, *saved(short))
    assert rebuilt(short)["letters_added"] == 0
    assert late() == 2

    long = short.model_copy(update={"late_retention_s": 3_600})
    told = rebuilt(long)
    assert (told["letters_counted"], told["windows_written"]) == (2, 2)
    assert sum(window.revision for window in windows(long).values()) == 3
    assert rebuilt(long)["records"] == 0
    assert run_audit(long).differences == []
    probe.close()


def test_it_refuses_while_a_worker_is_alive_and_names_it(settings: Settings, topics: Topics) -> None:
    consumer = Consumer(reader_config(settings, **{"group.id": settings.group, "client.id": "worker-7"}))
    consumer.subscribe([topics.labeled])
    stop = threading.Event()
    assigned = threading.Event()

    def poll() -> None:
        while not stop.is_set():
            consumer.poll(0.1)
            if consumer.assignment():
                assigned.set()

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        wait_until(assigned.is_set, 60, "the member has its partitions")
        done = run(settings)
        assert "1 worker of group" in str(done.exception)
        assert "worker-7 at /127.0.0.1" in str(done.exception)
    finally:
        stop.set()
        thread.join()
        consumer.close()
    assert run(settings, "--partition", "9").exception is not None


def test_a_worker_that_takes_over_meanwhile_ends_the_rebuild(
    settings: Settings, topics: Topics, probe: OffsetProbe, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, history(100, seed=5))
    pieces = plan_module.pieces

    def after_a_take_over(*arguments: Any) -> Iterator[Any]:
        PaneStore(settings, topics, rules_of(settings), probe.bounds).own(0)
        yield from pieces(*arguments)

    monkeypatch.setattr(plan_module, "pieces", after_a_take_over)
    done = run(settings, "--partition", "0")
    assert f"a worker has taken {topics.labeled}-0 over" in str(done.exception)
    assert probe.bounds(TopicPartition(topics.windows, 0)) == (0, 0), "nothing was written"
