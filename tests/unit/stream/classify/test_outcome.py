"""From records and probabilities to what is published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np
import orjson
import pytest

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from model.prediction import ModelInfo, Predictions
from stream.classify.labels import HOPELESS_FROM, ModelError, classify
from stream.classify.outcome import FuturePolicy, dead, decode, labelled
from stream.records import END_OF_REPLAY, OTHER_BRAND, TYPE_HEADER, DeadHeaders, LabeledTweet, Tweet

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
REJECT = FuturePolicy(clamp=False, tolerance=dt.timedelta(minutes=5))


def incoming(value: bytes | None, *, offset: int = 0, headers: dict[str, bytes] | None = None) -> Incoming:
    tp = TopicPartition("tweets", 3)
    return Incoming(tp, offset, b"key", value, tuple((headers or {}).items()), int(NOON.timestamp() * 1000))


def tweet(tweet_id: str = "1", minutes: float = 0, **more: object) -> bytes:
    created_at = (NOON + dt.timedelta(minutes=minutes)).isoformat()
    return orjson.dumps({"id": tweet_id, "text": f"text {tweet_id}", "created_at": created_at} | more)


class Picky:
    """Fails on texts with 'bad' in them."""

    info = ModelInfo("picky", "7", "none")

    def classify(self, texts: Sequence[str]) -> Predictions:
        if any("bad" in text for text in texts):
            raise RuntimeError("cannot")
        rows = np.tile(np.array([0.2, 0.1, 0.7], np.float32), (len(texts), 1))
        return Predictions(rows, np.zeros(len(texts), dtype=np.bool_))

    def close(self) -> None:
        pass


def test_a_batch_is_sorted_and_its_source_positions_are_known() -> None:
    batch = decode(
        [
            incoming(tweet(minutes=-3), offset=4),
            incoming(b"no", offset=5),
            incoming(tweet("2", minutes=-9), offset=6),
            incoming(b"{}", offset=7, headers={TYPE_HEADER: END_OF_REPLAY.encode()}),
        ],
        REJECT,
    )

    assert [found.id for _record, found in batch.tweets] == ["1", "2"]
    assert [why.reason for _record, why in batch.bad] == ["invalid_json"]
    assert batch.positions[3].next_offset == 8
    assert batch.positions[3].latest == NOON - dt.timedelta(minutes=3)
    assert batch.positions[3].ended


def test_tweets_after_the_end_of_a_replay_take_the_end_back() -> None:
    end = incoming(b"{}", headers={TYPE_HEADER: END_OF_REPLAY.encode()})
    assert not decode([end, incoming(tweet(), offset=1)], REJECT).positions[3].ended


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
    out = list(labelled("labeled", done, [row], Picky.info, lambda _text, _author: found, NOON))

    records = [LabeledTweet.model_validate_json(record.value or b"") for record in out]
    assert [record.brand for record in records] == expected
    assert [record.key for record in out] == [brand.encode() for brand in expected]
    assert {record.label for record in records} == {"neutral"}
    assert records[0].origin.offset == 9
    assert records[0].model.version == "7"


def test_a_dead_letter_keeps_the_original_and_says_why_and_where() -> None:
    raw = b"\xff\x00 not a tweet"
    [letter] = dead("dead", decode([incoming(raw, offset=5)], REJECT).bad, NOON)

    headers = dict(letter.headers)
    assert letter.value == raw
    assert letter.key == b"tweets-3-5"
    assert headers[DeadHeaders.REASON] == b"invalid_utf8"
    assert headers[DeadHeaders.ORIGINAL_KEY] == b"key"
    assert (headers[DeadHeaders.ORIGIN_PARTITION], headers[DeadHeaders.ORIGIN_OFFSET]) == (b"3", b"5")


def _tweets(*texts: str) -> list[tuple[Incoming, Tweet]]:
    return [
        (incoming(b"", offset=offset), Tweet(id=str(offset), text=text, created_at=NOON))
        for offset, text in enumerate(texts)
    ]


def test_a_text_on_which_the_model_fails_costs_only_itself() -> None:
    done = classify(Picky(), _tweets(*["fine"] * 5, "bad", *["fine"] * 7))

    assert [found.text for _record, found in done.tweets] == ["fine"] * 12
    assert len(done.rows) == 12
    assert [(record.offset, why.reason) for record, why in done.failed] == [(5, "model_error")]


def test_a_model_that_fails_on_everything_stops_the_worker_instead_of_killing_the_topic() -> None:
    with pytest.raises(ModelError, match="nothing was acknowledged"):
        classify(Picky(), _tweets(*["bad"] * HOPELESS_FROM))


def test_nothing_to_classify_is_fine() -> None:
    assert classify(Picky(), []).tweets == []
