"""What was told: once for each alert, its beginning or end, and target."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from stream.notify.memory import Memory, Message, Told, settled
from tests.unit.stream.notify.making import AT, make_alert, make_post

TARGETS = ["slack", "mail"]


def test_what_is_queued_is_no_news_any_more() -> None:
    memory, post = Memory(), make_post(make_alert(), make_alert("f2"))
    news = memory.news(post, TARGETS, AT)
    assert len(news) == 4
    assert memory.news(post, TARGETS, AT) == news, "asking changes nothing"
    memory.take(news)
    assert memory.news(post, TARGETS, AT) == []


def test_alerts_of_one_call_are_one_message_for_each_target() -> None:
    memory = Memory()
    memory.take(memory.news(make_post(make_alert(), make_alert("f2")), TARGETS, AT))
    assert [(message.target, len(message.told)) for message in memory.queued()] == [("slack", 2), ("mail", 2)]


def test_only_what_is_new_of_a_group_is_told() -> None:
    memory = Memory()
    memory.take(memory.news(make_post(make_alert()), ["slack"], AT))
    news = memory.news(make_post(make_alert(), make_alert("f2")), ["slack"], AT)
    assert [told.alert.fingerprint for told in news] == ["f2"]


def test_an_end_and_a_new_beginning_are_news() -> None:
    memory = Memory()
    memory.take(memory.news(make_post(make_alert()), ["slack"], AT))
    again = make_alert(startsAt=(AT + dt.timedelta(hours=3)).isoformat())
    assert len(memory.news(make_post(make_alert(status="resolved"), again), ["slack"], AT)) == 2


def test_the_end_of_an_alert_knows_the_spike_that_its_beginning_told() -> None:
    memory = Memory()
    memory.take(memory.news(make_post(make_alert()), ["slack"], AT))
    (message,) = memory.queued()
    memory.take(settled(message, "sent", {"f1": "spike-1"}, AT))
    assert memory.queued() == []
    assert memory.spike_of(make_alert(status="resolved")) == "spike-1"
    assert memory.spike_of(make_alert(startsAt=(AT + dt.timedelta(hours=3)).isoformat())) is None


def test_a_record_is_read_as_it_was_written() -> None:
    (told,) = Memory().news(make_post(make_alert()), ["slack"], AT)
    again = Told.model_validate_json(told.encode())
    assert again == told
    assert again.key == told.key


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["firing", "resolved"]), st.integers(0, 2))))
def test_whatever_is_posted_and_whenever_it_restarts_each_thing_is_queued_once(
    posts: list[tuple[str, str, int]],
) -> None:
    memory, topic = Memory(), dict[bytes, bytes]()
    messages: list[Message] = []
    seen: set[str] = set()
    for fingerprint, status, hours in posts:
        alert = make_alert(fingerprint, status, startsAt=(AT + dt.timedelta(hours=hours)).isoformat())
        news = memory.news(make_post(alert), TARGETS, AT)
        topic |= {told.key.encode(): told.encode() for told in news}
        memory = Memory()  # it died, and reads what is in Kafka
        memory.take(Told.model_validate_json(value) for value in topic.values())
        messages += [message for message in memory.queued() if message.id not in seen]
        seen |= {message.id for message in memory.queued()}
    assert len(messages) == len(set(posts)) * len(TARGETS)


def test_what_kafka_has_forgotten_is_forgotten_but_not_what_waits() -> None:
    memory, late = Memory(), AT + dt.timedelta(days=100)
    for number in range(10_001):
        memory.take(memory.news(make_post(make_alert(f"f{number}")), ["slack"], AT))
    for message in memory.queued()[:10_000]:
        memory.take(settled(message, "sent", {}, AT))
    memory.forget(late)
    assert len(memory.news(make_post(make_alert("f0")), ["slack"], late)) == 1
    assert len(memory.queued()) == 1
