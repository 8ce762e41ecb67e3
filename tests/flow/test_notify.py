"""``barometer notify`` as a process on a real Kafka: told once, whatever dies."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from infra.kafka.admin import ensure_topics
from infra.kafka.local import LocalBroker, free_port
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.notify.evidence import minutes_of, partition_of
from stream.notify.memory import Told
from stream.notify.sample import sample_spike
from stream.records import Counts, Spike, Window, WindowBaseline
from stream.topics import Topics, all_topic_specs
from tests.conftest import CACHE, MakeSettings
from tests.kafka_tools import read_all, wait_until
from tests.notifying import AT, BRAND, PATIENCE_S, Notify, alert
from tests.sink import Sink

SECRET = "t0psecret"  # noqa: S105  it is looked for in the log


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as listening:
        yield listening


@pytest.fixture
def notify(make_settings: MakeSettings, sink: Sink, tmp_path: Path) -> Iterator[Notify]:
    urls = f"{sink.url(SECRET)} on-call={sink.url('on-call')}"
    settings = make_settings(notify_urls=urls, notify_port=free_port(), log_level="debug", notify_give_up_s=600)
    ensure_topics(settings, all_topic_specs(settings))
    one = Notify(settings, tmp_path / "notify.log")
    yield one
    one.kill()


def spike(**changes: Any) -> Spike:
    times = {"started_at": AT - dt.timedelta(minutes=15), "opened_at": AT, "updated_at": AT}
    told = {"id": "spike-1", "brand": BRAND, "window_start": times["started_at"], **times, **changes}
    return sample_spike().model_copy(update=told)


def publish_evidence(settings: Settings, one: Spike) -> None:
    """What a worker writes with a spike: its record, and the minutes around it."""
    topics = Topics.of(settings)
    number = partition_of(BRAND, settings.partitions)
    windows = [minute(AT - dt.timedelta(minutes=ago), negative=20 if ago < 15 else 3) for ago in range(200, 0, -1)]
    publisher = ConfirmedPublisher(settings)
    publisher.publish(Outgoing(topics.windows, each.key(), each.encode(), partition=number) for each in windows)
    publisher.publish([Outgoing(topics.spikes, one.id.encode(), one.encode())])


def minute(start: dt.datetime, *, negative: int) -> Window:
    return Window(
        brand=BRAND,
        start=start,
        end=start + dt.timedelta(minutes=1),
        size_s=60,
        counts=Counts(negative=negative, neutral=5, positive=2),
        probability_sums=Counts(),
        net_sentiment=0,
        negative_share=0.3,
        revision=1,
        status="closed",
        models=[],
        baseline=WindowBaseline(negative_share=0.31, variance=0, level_variance=0, alike=0),
    )


def told_of(settings: Settings) -> list[Told]:
    newest = {each.key(): each.value() for each in read_all(settings, Topics.of(settings).notifications)}
    return [Told.model_validate_json(value) for value in newest.values() if value]


def arrived(sink: Sink, count: int) -> Callable[[], bool]:
    return lambda: len(sink.received) >= count


def test_a_spike_is_told_once_with_its_evidence_and_its_end_once_whatever_is_killed(notify: Notify, sink: Sink) -> None:
    publish_evidence(notify.settings, spike())
    notify.start()
    assert notify.post(alert()).status_code == 200
    wait_until(arrived(sink, 1), PATIENCE_S, f"the notification\n{notify.said}")
    (first,) = sink.received
    assert first.title == f"{BRAND}: negative sentiment spike"
    assert first.level == "failure"
    for said in (spike().sentence, "01 May 2024 13:45 UTC", "cancelled: 34%", "Third hour", "/#/spike/spike-1"):
        assert said.split("http")[0] in first.message
    assert first.attachments["spike.png"].startswith(b"\x89PNG")

    wait_until(lambda: told_of(notify.settings)[0].state == "sent", PATIENCE_S, "it is remembered")
    assert notify.post(alert()).status_code == 200, "Alertmanager repeats what it has told"
    assert notify.metric("repeated") == 1
    notify.kill()
    notify.start()
    notify.post(alert())
    over = spike(status="closed", closed_at=AT + dt.timedelta(minutes=50), updated_at=AT + dt.timedelta(minutes=50))
    publish_evidence(notify.settings, over)
    # A second spike of the brand has opened meanwhile: the end that is told is that of the first.
    publish_evidence(notify.settings, spike(id="spike-2", opened_at=AT + dt.timedelta(hours=1)))
    wait_until(lambda: _closed(notify, sink, over), PATIENCE_S, "its end")
    assert [one.title for one in sink.received[1:]] == [f"Over: {BRAND}: negative sentiment spike"]
    assert "after 1 h 5 min" in sink.received[1].message
    assert sink.received[1].level == "success"
    assert "/#/spike/spike-1" in sink.received[1].message
    notify.kill()
    assert SECRET not in notify.said


def _closed(notify: Notify, sink: Sink, over: Spike) -> bool:
    if len(sink.received) < 2:
        notify.post(alert("resolved"))
    return len(sink.received) >= 2


def test_what_a_target_refuses_is_sent_by_the_next_process_in_order(notify: Notify, sink: Sink) -> None:
    sink.status = 503
    notify.start()
    lost = alert(alertname="WorkerDown", brand="", kind="", instance="worker-1:9464")
    assert notify.post(lost, receiver="on-call").status_code == 200
    wait_until(lambda: sink.refused >= 2, PATIENCE_S, "it is tried")
    assert notify.post(lost | {"status": "resolved", "endsAt": AT.isoformat()}, receiver="on-call").status_code == 200
    notify.kill()
    assert {one.state for one in told_of(notify.settings)} == {"queued"}
    sink.status = 200
    notify.start()
    wait_until(arrived(sink, 4), PATIENCE_S, f"both, to both targets\n{notify.said}")
    for path in (f"/{SECRET}", "/on-call"):
        titles = [one.title for one in sink.received if one.path.rstrip("/") == path]
        assert titles == ["many", "Over: many"]
    wait_until(lambda: {one.state for one in told_of(notify.settings)} == {"sent"}, PATIENCE_S, "they are remembered")


def test_what_is_refused_for_too_long_is_given_up_and_said_so_and_holds_up_no_other(notify: Notify, sink: Sink) -> None:
    notify.settings = notify.settings.model_copy(update={"notify_give_up_s": 1.0})
    sink.status = 400
    notify.start()
    notify.post(alert())
    wait_until(lambda: sink.refused >= 1, PATIENCE_S, "it is tried")
    notify.post(alert(brand="Lumora"))
    wait_until(lambda: notify.metric("failed") == 2, PATIENCE_S, "both are given up")
    wait_until(lambda: {one.state for one in told_of(notify.settings)} == {"abandoned"}, PATIENCE_S, "and remembered")
    assert "given up after" in notify.said
    sink.status = 200
    notify.post(alert())
    assert notify.metric("repeated") == 1, "what was given up is not begun again"


def test_told_to_stop_it_finishes_what_it_sends(notify: Notify, sink: Sink) -> None:
    sink.delay_s = 2
    process = notify.start()
    notify.post(alert())
    wait_until(lambda: sink.asked, PATIENCE_S, "it is being sent")
    assert process.terminate(PATIENCE_S) == 0, notify.said
    assert [one.state for one in told_of(notify.settings)] == ["sent"]
    assert len(sink.received) == 1


def test_while_kafka_is_away_alertmanager_is_asked_to_try_again_and_then_it_is_told_once(
    sink: Sink, tmp_path: Path
) -> None:
    with LocalBroker(CACHE, directory=tmp_path / "kafka") as broker:
        settings = Settings(
            kafka_bootstrap_servers=broker.bootstrap_servers,
            partitions=1,
            cache_dir=CACHE,
            notify_urls=SecretStr(sink.url()),
            notify_port=free_port(),
        )
        ensure_topics(settings, all_topic_specs(settings))
        notify = Notify(settings, tmp_path / "notify.log")
        try:
            notify.start()
            broker.kill()
            refused = notify.post(alert(brand="", kind=""))
            assert (refused.status_code, sink.received) == (503, [])
            broker.start()
            wait_until(lambda: notify.post(alert(brand="", kind="")).status_code == 200, PATIENCE_S, notify.said)
            wait_until(arrived(sink, 1), PATIENCE_S, f"it is told\n{notify.said}")
            assert notify.post(alert(brand="", kind="")).status_code == 200
            wait_until(lambda: notify.metric("repeated"), PATIENCE_S, "it is known")
        finally:
            notify.kill()
    assert len(sink.received) == 1


def test_the_later_of_two_processes_has_the_queue_and_the_earlier_ends(
    notify: Notify, sink: Sink, tmp_path: Path
) -> None:
    first = notify.start()
    settings = notify.settings.model_copy(update={"notify_port": free_port()})
    second = Notify(settings, tmp_path / "second.log")
    try:
        second.start()
        assert notify.post(alert()).status_code == 503, "it cannot take responsibility"
        assert first.wait(PATIENCE_S) == 1
        assert "another `barometer notify` has taken over" in notify.said
        assert second.post(alert()).status_code == 200
        wait_until(arrived(sink, 1), PATIENCE_S, "the second tells")
    finally:
        second.kill()


def test_minutes_are_found_in_the_partition_of_their_brand(make_settings: MakeSettings) -> None:
    settings = make_settings(partitions=5)
    ensure_topics(settings, all_topic_specs(settings))
    topics = Topics.of(settings)
    windows = [minute(AT, negative=3), minute(AT + dt.timedelta(minutes=1), negative=4)]
    # Labels are keyed by brand, and windows stand where the labels are.
    ConfirmedPublisher(settings).publish(Outgoing(topics.windows, BRAND.encode(), one.encode()) for one in windows[:1])
    (where,) = (message.partition() for message in read_all(settings, topics.windows))
    assert where == partition_of(BRAND, 5)
    publisher = ConfirmedPublisher(settings)
    publisher.publish(Outgoing(topics.windows, one.key(), one.encode(), partition=where) for one in windows)
    found = minutes_of(settings, BRAND, AT, AT + dt.timedelta(hours=1))
    assert [(one.tweets, one.negative, one.expected) for one in found] == [(10, 3, 0.31), (11, 4, 0.31)]
    assert minutes_of(settings, "Kettle", AT, AT + dt.timedelta(hours=1)) == []
