"""What is written can be read again, and equals what was written."""

from __future__ import annotations

import datetime as dt
import enum
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from model.labels import LABELS
from stream.decode import decode_tweet
from stream.fields import clean_text
from stream.records import (
    Counts,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    Record,
    SourceProgress,
    Tweet,
    Watermark,
    Window,
    window_key,
)

FIRST, LAST = dt.datetime(1990, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)

any_text = st.text(st.characters())  # surrogates included
names = st.none() | any_text
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
micros = st.integers(0, (LAST - FIRST) // dt.timedelta(microseconds=1))
utc_times = micros.map(lambda n: FIRST + dt.timedelta(microseconds=n))
times = st.builds(dt.datetime.astimezone, utc_times, zones)
whole = st.integers(0, 2**40)
shares = st.floats(0, 1)
brands = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=8,
)
tweets = st.builds(
    Tweet,
    id=st.text(st.characters(), min_size=1, max_size=40) | st.integers(0, 2**63),
    text=any_text.map(lambda text: f"x{text}"),
    created_at=times,
    author=names,
    brands=st.none() | st.lists(brands, max_size=4),
    lang=names,
    source=names,
    metadata=st.dictionaries(any_text, json_values, max_size=4),
)
counts = st.builds(Counts, negative=whole, neutral=whole, positive=whole)
labelled = st.builds(
    LabeledTweet,
    tweet=tweets,
    brand=brands,
    label=st.sampled_from(LABELS),
    confidence=shares,
    probabilities=st.builds(Probabilities, negative=shares, neutral=shares, positive=shares),
    model=st.builds(ModelIdentity, name=brands, version=brands),
    origin=st.builds(Origin, partition=whole, offset=whole),
    labeled_at=utc_times,
)
progress = st.builds(SourceProgress, next_offset=whole, latest=st.none() | utc_times, idle=st.booleans())
watermarks = st.builds(
    Watermark,
    source_topic_id=brands,
    source_partitions=st.integers(1, 1_000),
    progress=st.dictionaries(st.integers(0, 1_000), progress, max_size=4),
    sent_at=utc_times,
)
windows = st.builds(
    Window,
    brand=brands,
    start=utc_times,
    end=utc_times,
    size_s=st.integers(1, 86_400),
    counts=counts,
    probability_sums=counts,
    net_sentiment=st.floats(-1, 1),
    negative_share=shares,
    revision=st.integers(1, 2**40),
    late=whole,
    status=st.sampled_from(["open", "closed"]),
    models=st.lists(brands, max_size=3),
)


@given(tweets)
def test_a_tweet_comes_back_from_the_wire_as_it_went(tweet: Tweet) -> None:
    assert decode_tweet(tweet.encode()) == tweet


@given(labelled | watermarks | windows)
def test_every_record_comes_back_from_the_wire_as_it_went(record: Record) -> None:
    assert type(record).model_validate_json(record.encode()) == record
    assert type(record).model_validate(orjson.loads(record.encode())) == record


@given(times)
def test_times_go_out_in_utc_with_a_z(time: dt.datetime) -> None:
    tweet = Tweet(id="1", text="hi", created_at=time)
    written = orjson.loads(tweet.encode())["created_at"]
    assert written.endswith("Z")
    assert dt.datetime.fromisoformat(written) == time


@given(st.text(st.characters(exclude_categories=[])))
def test_cleaned_text_can_be_encoded_and_keeps_every_real_character(text: str) -> None:
    cleaned = clean_text(text)
    cleaned.encode()
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    assert len(cleaned) == len(joined)
    assert all(
        new == old or (new == "\ufffd" and 0xD800 <= ord(old) <= 0xDFFF)
        for new, old in zip(cleaned, joined, strict=True)
    )


def test_the_two_halves_of_an_emoji_are_joined() -> None:
    assert clean_text("\ud83d\ude00") == "😀"


@given(st.text())
def test_text_without_surrogates_is_the_same_object(text: str) -> None:
    assert clean_text(text) is text


def test_what_json_cannot_say_becomes_what_it_can() -> None:
    metadata = {"nan": float("nan"), "inf": float("inf"), "day": NOON.date(), "at": NOON, "pair": (1, 2)}
    tweet = Tweet(id="1", text="hi", created_at=NOON, metadata=metadata)
    assert tweet.metadata == {
        "nan": None,
        "inf": None,
        "day": "2026-03-02",
        "at": "2026-03-02T12:00:00+00:00",
        "pair": [1, 2],
    }
    assert decode_tweet(tweet.encode()) == tweet


class Number(enum.IntEnum):
    SEVEN = 7


def test_numbers_of_other_types_are_kept_as_numbers() -> None:
    tweet = Tweet.model_validate(
        {"id": Number.SEVEN, "text": "hi", "created_at": NOON, "metadata": {"n": Number.SEVEN}}
    )
    assert (tweet.id, tweet.metadata) == ("7", {"n": 7})
    assert decode_tweet(tweet.encode()) == tweet


@pytest.mark.parametrize(
    ("metadata", "rule"),
    [
        ({"n": 2**64}, "beyond 64 bits"),
        ({"n": Decimal("1.5")}, "type Decimal"),
        ({"n": b"bytes"}, "type bytes"),
        ({"n": {1: 2}}, "a name that is not a string"),
        ({"n": {"s": {1, 2}}}, "type set"),
    ],
)
def test_metadata_that_could_not_be_sent_is_refused_when_it_is_made(metadata: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValidationError, match=rule):
        Tweet(id="1", text="hi", created_at=NOON, metadata=metadata)


def test_metadata_that_contains_itself_is_refused() -> None:
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(ValidationError, match="nested deeper"):
        Tweet(id="1", text="hi", created_at=NOON, metadata=endless)


def test_the_key_of_a_window_is_its_brand_start_and_size() -> None:
    assert window_key("Aria", NOON, 60) == b'["Aria","2026-03-02T12:00:00Z",60]'
