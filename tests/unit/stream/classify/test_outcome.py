"""From records and probabilities to what is published."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import orjson
import pytest

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from model.prediction import ModelInfo
from stream.classify.outcome import FuturePolicy, dead, decode, labelled
from stream.records import (
    END_OF_REPLAY,
    OTHER_BRAND,
    REPLAYED_HEADER,
    TYPE_HEADER,
    DeadHeaders,
    EndOfReplay,
    LabeledTweet,
    Tweet,
)

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
ENDED: dict[str, bytes | None] = {TYPE_HEADER: END_OF_REPLAY.encode()}
END = EndOfReplay(latest=NOON).encode()
MODEL = ModelInfo("fixed", "7", "none")
REJECT = FuturePolicy(clamp=False, tolerance=dt.timedelta(minutes=5))


def incoming(value: bytes | None, *, offset: int = 0, headers: dict[str, bytes | None] | None = None) -> Incoming:
    tp = TopicPartition("tweets", 3)
    return Incoming(tp, offset, b"key", value, tuple((headers or {}).items()), int(NOON.timestamp() * 1000))


def tweet(tweet_id: str = "1", minutes: float = 0, **more: object) -> bytes:
    created_at = (NOON + dt.timedelta(minutes=minutes)).isoformat()
    return orjson.dumps({"id": tweet_id, "text": f"text {tweet_id}", "created_at": created_at} | more)


def test_a_batch_is_sorted_and_its_source_positions_are_known() -> None:
    batch = decode(
        [
            incoming(tweet(minutes=-3), offset=4),
            incoming(b"no", offset=5),
            incoming(tweet("2", minutes=-9), offset=6),
            incoming(END, offset=7, headers=ENDED),
        ],
        REJECT,
    )

    assert [found.id for _record, found in batch.tweets] == ["1", "2"]
    assert [why.reason for _record, why in batch.bad] == ["invalid_json"]
    assert batch.positions[3].next_offset == 8
    assert batch.positions[3].latest == NOON - dt.timedelta(minutes=3)
    assert batch.positions[3].ended


def test_tweets_after_the_end_of_a_replay_take_the_end_back() -> None:
    end = incoming(END, headers=ENDED)
    assert not decode([end, incoming(tweet(), offset=1)], REJECT).positions[3].ended


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (b"end-of-replay", b"{}", "invalid_field"),
        (b"end-of-replay", tweet(), "invalid_field"),
        (b"end-of-replay", None, "null_value"),
        (b"watermark", tweet(), "unknown_type"),
        (b"\xff", tweet(), "unknown_type"),
        (None, tweet(), "unknown_type"),
    ],
)
def test_a_forged_type_does_not_make_a_record_vanish(kind: bytes | None, value: bytes | None, reason: str) -> None:
    batch = decode([incoming(value, headers={TYPE_HEADER: kind})], REJECT)
    assert [why.reason for _record, why in batch.bad] == [reason]
    assert not batch.positions[3].ended


def test_of_several_types_the_last_one_counts() -> None:
    record = incoming(END)
    headers = ((TYPE_HEADER, b"other"), (TYPE_HEADER, END_OF_REPLAY.encode()))
    assert decode([replace(record, headers=headers)], REJECT).positions[3].ended


def test_tweets_from_the_future_are_refused_and_move_no_clock() -> None:
    batch = decode([incoming(tweet(minutes=6))], REJECT)
    assert [why.reason for _record, why in batch.bad] == ["future_timestamp"]
    assert batch.positions[3].latest is None
    assert decode([incoming(tweet(minutes=4))], REJECT).tweets


def test_tweets_from_the_future_can_be_clamped_to_the_time_of_arrival() -> None:
    batch = decode([incoming(tweet(minutes=6000))], FuturePolicy(clamp=True, tolerance=dt.timedelta(minutes=5)))
    assert [found.created_at for _record, found in batch.tweets] == [NOON]


@pytest.mark.parametrize(
    ("named", "found", "expected"),
    [
        (["Acme", "Bolt"], ["Corp"], ["Acme", "Bolt"]),
        (None, ["Corp"], ["Corp"]),
        (None, [], [OTHER_BRAND]),
        ([], [], [OTHER_BRAND]),
    ],
)
def test_brands_come_from_the_record_else_from_the_rules_else_there_is_none(
    named: list[str] | None, found: list[str], expected: list[str]
) -> None:
    done = [(incoming(b"", offset=9), Tweet(id="1", text="x", created_at=NOON, brands=named))]
    row = np.array([0.25, 0.5, 0.25], np.float32)
    out = list(labelled("labeled", done, [row], MODEL, lambda _text, _author: found, NOON))

    records = [LabeledTweet.model_validate_json(record.value or b"") for record in out]
    assert [record.brand for record in records] == expected
    assert [record.key for record in out] == [brand.encode() for brand in expected]
    assert {record.label for record in records} == {"neutral"}
    assert records[0].origin.offset == 9
    assert records[0].model.version == "7"


def test_a_label_carries_the_trail_of_a_tweet_that_was_dead_and_nothing_else() -> None:
    entries = [(REPLAYED_HEADER, b"%d" % number) for number in range(40)]
    headers = (("lang", b"pt"), *entries, (REPLAYED_HEADER, b"x" * 5_000), (REPLAYED_HEADER, None))
    done = [(replace(incoming(b""), headers=headers), Tweet(id="1", text="x", created_at=NOON, brands=["Acme"]))]
    [record] = labelled("labeled", done, [np.array([1, 0, 0], np.float32)], MODEL, lambda _text, _author: [], NOON)
    assert list(record.headers) == [*entries[-15:], (REPLAYED_HEADER, None)]


def test_a_dead_letter_keeps_the_original_and_says_why_and_where() -> None:
    raw = b"\xff\x00 not a tweet"
    [letter] = dead("dead", decode([incoming(raw, offset=5)], REJECT).bad, NOON)

    headers = dict(letter.headers)
    assert letter.value == raw
    assert letter.key == b"tweets-3-5"
    assert headers[DeadHeaders.REASON] == b"invalid_utf8"
    assert headers[DeadHeaders.ORIGINAL_KEY] == b"key"
    assert (headers[DeadHeaders.ORIGIN_PARTITION], headers[DeadHeaders.ORIGIN_OFFSET]) == (b"3", b"5")
