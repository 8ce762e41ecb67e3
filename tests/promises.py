"""What must hold of the decoders whatever they are given; asked by hypothesis and by the fuzzer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import numpy as np

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from model.prediction import ModelInfo
from stream.classify.outcome import FuturePolicy, dead, decode, labelled
from stream.dead import MAX_WHOLE_BYTES, REASONS, read_dead_letter
from stream.decode import BadRecord, decode_end_of_replay, decode_labelled, decode_tweet, decode_watermark
from stream.records import Record
from stream.topics import DERIVED_MAX_BYTES

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
_MODEL = ModelInfo("fixed", "1", "none")
_ROW = np.array([0.2, 0.3, 0.5], np.float32)
_DECODERS = (decode_tweet, decode_labelled, decode_watermark, decode_end_of_replay)


def check_decoders(value: bytes) -> None:
    """A record or a verdict from each decoder; a record can be written and read again; a tweet can be labelled."""
    for decoder in _DECODERS:
        end = outcome(decoder, value)
        if isinstance(end, BadRecord):
            assert end.reason in REASONS
            assert end.message.isprintable()
            assert len(end.message) < 700
        else:
            assert decoder(end.encode()) == end
    check_flow(value)


def outcome(decoder: Callable[[bytes], Record], value: bytes) -> Record | BadRecord:
    """What comes out, verdicts included."""
    try:
        return decoder(value)
    except BadRecord as bad:
        return bad


def check_flow(value: bytes | None) -> None:
    """A record of ``tweets`` ends as labelled, once for each brand, or as dead, whole."""
    record = Incoming(TopicPartition("tweets", 3), 7, b"key", value, (("a", None),), round(NOW.timestamp() * 1_000))
    batch = decode([record], FuturePolicy(clamp=False, tolerance=dt.timedelta(minutes=5)))
    assert len(batch.tweets) + len(batch.bad) == 1
    assert batch.positions[3].next_offset == 8
    for found, tweet in batch.tweets:
        outputs = list(labelled("labeled", [(found, tweet)], [_ROW], _MODEL, lambda _text, _author: [], NOW))
        assert len(outputs) == max(1, len(tweet.brands or ()))
        for output in outputs:
            assert len(output.value or b"") < DERIVED_MAX_BYTES - 10_000
            again = decode_labelled(output.value)
            assert (again.tweet, again.brand.encode()) == (tweet, output.key)
    for letter in dead("dead", batch.bad, NOW):
        read = read_dead_letter(letter.value, tuple(letter.headers))
        assert read.whole == (len(value or b"") < MAX_WHOLE_BYTES)
        if read.whole:
            assert (read.value, read.key, read.headers) == (record.value, record.key, record.headers)
        assert read.reason in REASONS
