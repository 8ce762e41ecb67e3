"""Handing records to librdkafka: many in one call, in their order, however little room it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.publish import AT_ONCE, BYTES_AT_ONCE, Outgoing, _in_calls, send_all

NOBODY = "127.0.0.1:1"
RECORDS = st.lists(
    st.builds(
        Outgoing,
        topic=st.sampled_from(["a", "b"]),
        key=st.none() | st.binary(max_size=4),
        value=st.none() | st.sampled_from([b"", b"x", b"y" * (BYTES_AT_ONCE // 3)]),
        headers=st.sampled_from([(), (), (("type", b"watermark"),)]),
        partition=st.none() | st.integers(0, 2),
    ),
    max_size=20,
)


@given(RECORDS)
def test_calls_hold_all_records_in_their_order_and_only_what_can_go_together(records: Sequence[Outgoing]) -> None:
    calls = list(_in_calls(records))
    assert [record for call in calls for record in call] == list(records)
    for call in calls:
        assert len({record.topic for record in call}) == 1
        assert len(call) == 1 or not any(record.headers or record.partition is not None for record in call)
        assert sum(len(record.value or b"") for record in call[:-1]) < BYTES_AT_ONCE


def test_a_call_holds_no_more_than_so_many() -> None:
    sizes = [len(call) for call in _in_calls(Outgoing("a", b"k", b"v") for _ in range(2 * AT_ONCE + 1))]
    assert sizes == [AT_ONCE, AT_ONCE, 1]


def test_records_are_asked_for_as_they_are_needed() -> None:
    asked = 0

    def records() -> Any:
        nonlocal asked
        while True:
            asked += 1
            yield Outgoing("a", b"k", b"v" * BYTES_AT_ONCE)

    next(iter(_in_calls(records())))
    assert asked == 2


def test_what_there_was_no_room_for_is_sent_again_in_its_order() -> None:
    class Small:
        """A producer with room for three records, whenever it is polled."""

        def __init__(self) -> None:
            self.room, self.got = 3, []  # type: ignore[var-annotated]

        def produce_batch(self, topic: str, messages: list[dict[str, Any]], on_delivery: Any) -> int:
            taken, self.room = messages[: self.room], max(0, self.room - len(messages))
            self.got += [(topic, message["value"], on_delivery) for message in taken]
            for message in messages[len(taken) :]:
                message["_error"] = KafkaError(KafkaError._QUEUE_FULL)
            return len(taken)

        def poll(self, _timeout: float) -> int:
            self.room = 3
            return 0

    producer: Any = Small()
    assert send_all(producer, [Outgoing("a", b"k", b"%d" % number) for number in range(8)], print) == 8
    assert producer.got == [("a", b"%d" % number, print) for number in range(8)]


def test_librdkafka_takes_what_it_has_room_for_and_says_which_it_did_not() -> None:
    producer = Producer({"bootstrap.servers": NOBODY, "queue.buffering.max.messages": 3, "log_level": 0})
    messages: list[dict[str, Any]] = [{"key": b"k", "value": b"%d" % number} for number in range(5)]
    assert producer.produce_batch("a", messages) == 3
    assert ["_error" in message for message in messages] == [False, False, False, True, True]
    assert {message["_error"].code() for message in messages[3:]} == {KafkaError._QUEUE_FULL}


def test_a_record_that_is_too_large_is_refused_with_an_error() -> None:
    producer = Producer({"bootstrap.servers": NOBODY, "message.max.bytes": 2_000, "log_level": 0})
    with pytest.raises(KafkaException) as refused:
        send_all(producer, [Outgoing("a", b"k", b"small"), Outgoing("a", b"k", b"large" * 1_000)])
    assert refused.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE
