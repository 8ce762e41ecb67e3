"""Dead letters: what went in comes out again, byte for byte, however often it dies."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.clients import MAX_MESSAGE_BYTES, QUEUE_KIB
from infra.kafka.incoming import Headers, Incoming
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import Outgoing
from stream.dead import CUT_BYTES, MAX_HEADERS, MAX_WHOLE_BYTES, DeadLetterError, dead_letter, read_dead_letter, revive
from stream.records import REPLAYED_HEADER, DeadHeaders
from stream.topics import DEAD_MAX_BYTES, DERIVED_MAX_BYTES

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
TP = TopicPartition("some.tweets", 3)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
some_bytes = st.none() | st.binary(max_size=20)
own_names = st.sampled_from([name for key, name in vars(DeadHeaders).items() if key.isupper()] + ["type"])
headers = st.lists(st.tuples(texts | own_names, some_bytes), max_size=6).map(tuple)


def die(
    key: bytes | None, value: bytes | None, headers: Headers, *, reason: str = "late", message: str = "why"
) -> Outgoing:
    record = Incoming(TP, 1290, key, value, headers, timestamp_ms=1_714_564_800_123)
    return dead_letter("tweets.dead", record, stage="classify", reason=reason, message=message, died_at=NOON)


@given(some_bytes, some_bytes, headers)
def test_key_value_and_headers_of_the_original_survive_exactly(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    """Null is not empty, a name may come twice, and may be one of ours."""
    died = die(key, value, headers)
    letter = read_dead_letter(died.value, tuple(died.headers))
    assert (letter.key, letter.value, letter.headers) == (key, value, headers)
    assert (letter.origin, letter.offset, letter.timestamp_ms) == (TP, 1290, 1_714_564_800_123)
    assert (letter.stage, letter.reason, letter.died_at) == ("classify", "late", NOON)
    assert died.key == letter.id.encode() == b"some.tweets-3-1290"


@given(some_bytes, some_bytes, headers)
def test_what_is_sent_again_is_the_original_and_its_trail(
    key: bytes | None, value: bytes | None, headers: Headers
) -> None:
    died = die(key, value, headers)
    again = revive(read_dead_letter(died.value, tuple(died.headers)), NOON)
    assert (again.topic, again.key, again.value) == (TP.topic, key, value)
    assert tuple(again.headers[:-1]) == headers
    name, entry = again.headers[-1]
    assert name == REPLAYED_HEADER
    assert orjson.loads(entry or b"") == {
        "origin": "some.tweets-3-1290",
        "stage": "classify",
        "reason": "late",
        "died_at": "2024-05-01T12:00:00Z",
        "replayed_at": "2024-05-01T12:00:00Z",
    }


def test_the_trail_grows_with_every_death() -> None:
    letter = read_dead_letter(None, tuple(die(b"k", b"v", (("lang", b"pt"),)).headers))
    for times in range(1, 4):
        again = revive(letter, NOON)
        died = die(again.key, again.value, tuple(again.headers), reason=f"reason_{times}")
        assert dict(died.headers)[DeadHeaders.REPLAYS] == str(times).encode()
        letter = read_dead_letter(died.value, tuple(died.headers))
        assert len(letter.trail) == times
    assert [orjson.loads(entry or b"")["reason"] for entry in letter.trail] == ["late", "reason_1", "reason_2"]
    assert letter.headers[0] == ("lang", b"pt")


def test_the_largest_record_of_the_flow_is_kept_whole_with_all_its_headers() -> None:
    bomb = (("h" * 30, None),) * (MAX_HEADERS - 1)
    died = die(b"k" * 1_000, b"v" * DERIVED_MAX_BYTES, bomb)
    letter = read_dead_letter(died.value, tuple(died.headers))
    assert letter.whole
    assert (letter.headers, len(letter.value or b"")) == (bomb, DERIVED_MAX_BYTES)
    assert MAX_WHOLE_BYTES < DEAD_MAX_BYTES < MAX_MESSAGE_BYTES < QUEUE_KIB * 1_024


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"v" * (MAX_WHOLE_BYTES + 1), (("a", b"1"),)),
        (b"v", (("a", b"1"), ("bomb", b"x" * MAX_WHOLE_BYTES))),
        (b"v", (("a", b"1"), *[("bomb", None)] * MAX_HEADERS)),
    ],
)
def test_what_was_larger_before_it_was_packed_is_cut_and_says_so(value: bytes, headers: Headers) -> None:
    died = die(b"k", value, headers)
    letter = read_dead_letter(died.value, tuple(died.headers))
    assert not letter.whole
    assert (letter.key, letter.headers) == (b"k", headers[: len(letter.headers)])
    assert letter.headers
    assert letter.value == value[:CUT_BYTES]
    facts = orjson.loads(dict(died.headers)[DeadHeaders.CUT] or b"")
    assert facts == {"bytes": len(value), "sha256": sha256(value).hexdigest(), "headers": len(headers)}
    with pytest.raises(DeadLetterError, match="cannot be sent again"):
        revive(letter, NOON)


@given(st.text())
def test_any_message_can_be_sent(message: str) -> None:
    assert len(dict(die(None, b"", (), message=message).headers)[DeadHeaders.MESSAGE] or b"") <= 4 * 500


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("reason", b"late"),),
        tuple({**dict(die(None, None, ()).headers), DeadHeaders.ORIGIN_OFFSET: b"ten"}.items()),
        tuple({**dict(die(None, None, ()).headers), DeadHeaders.DIED_AT: b"yesterday"}.items()),
        tuple({**dict(die(None, None, ()).headers), DeadHeaders.STAGE: None}.items()),
    ],
)
def test_what_somebody_else_wrote_is_told_apart(headers: Headers) -> None:
    with pytest.raises(DeadLetterError, match="not a dead letter"):
        read_dead_letter(b"", headers)
