"""JSON Lines and Parquet, and the shapes of tweets in them."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stream.records import Tweet
from stream.replay.options import ReplayOptions
from stream.replay.source import open_source
from tests.unit.stream.replay.files import read, read_file

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
IN_V1 = "Mon Mar 02 12:00:00 +0000 2026"


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def first(folder: Path, record: Any) -> Tweet:
    tweets, rejected = read(folder, lines(record))
    assert rejected == {}
    return tweets[0]


def test_our_own_records_come_back_as_they_were(tmp_path: Path) -> None:
    tweet = Tweet(
        id="7", text="late 😀", created_at=NOON, brands=["Acme", "Bolt"], author="a", metadata={"n": [1, {"x": None}]}
    )
    tweets, rejected = read(tmp_path, tweet.encode() + b"\n")
    assert (tweets, rejected) == ([tweet], {})


def test_version_1_of_the_api_is_read(tmp_path: Path) -> None:
    tweet = first(
        tmp_path,
        {
            "created_at": IN_V1,
            "id": 570306133677761025,
            "id_str": "570306133677761025",
            "text": "cut …",
            "extended_tweet": {"full_text": "not cut at all"},
            "source": '<a href="http://example.org" rel="nofollow">Example for Phones</a>',
            "user": {"id_str": "1", "screen_name": "somebody"},
            "entities": {"hashtags": []},
            "retweet_count": 3,
            "lang": "en",
        },
    )
    assert tweet == Tweet(
        id="570306133677761025",
        text="not cut at all",
        created_at=NOON,
        author="somebody",
        lang="en",
        source="Example for Phones",
        metadata={"retweet_count": 3},
    )


def test_a_retweet_has_the_whole_text_of_its_original(tmp_path: Path) -> None:
    original = {"full_text": "a long text", "user": {"screen_name": "author"}}
    record = {"created_at": IN_V1, "id": 8, "text": "RT @author: a lo…", "user": {}, "retweeted_status": original}
    assert first(tmp_path, record).text == "RT @author: a long text"


def test_version_2_of_the_api_is_read_one_by_one_and_by_page(tmp_path: Path) -> None:
    def tweet(number: int) -> dict[str, Any]:
        return {
            "id": str(number),
            "text": f"late {number}",
            "created_at": "2026-03-02T12:00:00.000Z",
            "author_id": "42",
            "public_metrics": {"like_count": 3},
            "entities": {"urls": []},
        }

    users = {"users": [{"id": "42", "username": "somebody"}]}
    page = {"data": [tweet(2), tweet(3)], "includes": users, "meta": {"result_count": 2}}
    with_user = tweet(4) | {"author": {"id": "42", "username": "somebody"}}
    tweets, rejected = read(tmp_path, lines({"data": tweet(1), "includes": users}, page, with_user, tweet(5)))
    assert rejected == {}
    assert [tweet.id for tweet in tweets] == ["1", "2", "3", "4", "5"]
    assert [tweet.author for tweet in tweets] == ["somebody"] * 4 + ["42"]
    assert all(tweet.created_at == NOON and tweet.metadata["like_count"] == 3 for tweet in tweets)
    assert not any("entities" in tweet.metadata for tweet in tweets)


def test_any_other_object_is_read_by_its_names_or_by_those_asked_for(tmp_path: Path) -> None:
    content = lines({"words": "late", "when": 1772452800, "who": "a"}, {"words": "later", "when": None}, {"when": 1})
    tweets, rejected = read(tmp_path, content, text_column="words", time_column="when", author_column="who")
    assert [(tweet.text, tweet.created_at, tweet.author) for tweet in tweets] == [("late", NOON, "a")]
    assert rejected == {
        2: "time None cannot be read, and there is no id to take it from",
        3: "no text: words is missing",
    }


def test_a_line_that_is_no_object_has_its_number_and_reason(tmp_path: Path) -> None:
    good = lines({"id": 1, "text": "late", "created_at": "2026-03-02T12:00:00Z"})
    content = (good + "\n[1]\nnull\n{broken\n" + good.replace('"late"', "5") + good.replace("late", "\\ud83d")).encode()
    content += good.replace("late", "café").encode("latin-1") + good.replace("late", "é").encode() * 2
    tweets, rejected = read(tmp_path, content)
    assert [tweet.text for tweet in tweets] == ["late", "\ufffd", "é", "é"], "half an emoji is mended, as on the wire"
    assert rejected[3] == "not a JSON object: it is a list"
    assert rejected[4] == "not a JSON object: it is null"
    assert rejected[5].startswith("not a JSON object: ")
    assert rejected[6] == "no text: text is 5"
    assert rejected[8] == "byte 0xE9 in it is not UTF-8"


def test_numbers_keep_their_digits(tmp_path: Path) -> None:
    content = '{"id": 570306133677761025, "text": "late", "created_at": 1772452800000}\n'
    tweets, _ = read(tmp_path, content)
    assert (tweets[0].id, tweets[0].created_at) == ("570306133677761025", NOON)


def parquet(folder: Path, table: pa.Table, name: str = "table.parquet") -> Path:
    path = folder / name
    pq.write_table(table, path, row_group_size=1_000)
    return path


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_parquet_times_of_any_unit_and_zone_are_read(tmp_path: Path, unit: str, zone: str | None) -> None:
    times = pa.array([NOON.replace(tzinfo=None)], pa.timestamp("us")).cast(pa.timestamp(unit, zone))
    path = parquet(tmp_path, pa.table({"id": [7], "text": ["late"], "created_at": times}))
    tweets, rejected = read_file(ReplayOptions(path))
    assert ([tweet.created_at for tweet in tweets], rejected) == ([NOON], {})


def test_parquet_is_read_by_batches_with_every_kind_of_column(tmp_path: Path) -> None:
    size = 5_000
    table = pa.table(
        {
            "text": pa.array([f"late {number}" for number in range(size)]).dictionary_encode(),
            "date": pa.array([1772452800_000_000_001] * size, pa.timestamp("ns")),
            "brands": pa.array([["Acme", "Bolt"]] * size),
            "raw": pa.array([b"\xff"] * size),
            "day": pa.array([dt.date(2026, 3, 2)] * size),
            "price": pa.array([1.5] * (size - 1) + [float("nan")]),
            "gone": pa.nulls(size, pa.string()),
        }
    )
    options = ReplayOptions(parquet(tmp_path, table))
    tweets, rejected = read_file(options)
    assert (len(tweets), rejected) == (size, {})
    assert tweets[4_999].text == "late 4999"
    assert tweets[0].brands == ["Acme", "Bolt"]
    assert tweets[0].metadata == {"raw": "\ufffd", "day": "2026-03-02", "price": 1.5}
    assert len({tweet.id for tweet in tweets}) == size
    assert "Parquet; columns: text, date as time, brands as brand" in open_source(options).describe()


def test_parquet_may_be_packed_and_a_row_that_is_no_tweet_has_its_number(tmp_path: Path) -> None:
    table = pa.table({"id": [1, 2, 3], "text": ["late", None, "later"], "created_at": ["2026-03-02"] * 3})
    path = parquet(tmp_path, table)
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for options in (ReplayOptions(path), ReplayOptions(packed)):
        tweets, rejected = read_file(options)
        assert ([tweet.id for tweet in tweets], rejected) == (["1", "3"], {2: "no text: text is missing"})


def test_ids_that_parquet_holds_as_floats_are_whole_numbers(tmp_path: Path) -> None:
    table = pa.table({"id": [5.0, float("nan")], "text": ["late", "later"], "created_at": ["2026-03-02"] * 2})
    tweets, _ = read_file(ReplayOptions(parquet(tmp_path, table)))
    assert tweets[0].id == "5"
    assert len(tweets[1].id) == 36
