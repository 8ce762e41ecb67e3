"""Rows of a file become what a replay and a worker would have made of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.errors import UsageError
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.entry import Dead, Entry, Item
from stream.backtest.tweets import TweetFile, open_tweets
from stream.classify.outcome import FuturePolicy
from stream.decode import decode_tweet
from stream.replay.options import ReplayOptions
from stream.replay.order import as_microseconds
from stream.replay.rows import Decoded
from stream.replay.source import open_source

NOW = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
REJECT = FuturePolicy(clamp=False, tolerance=dt.timedelta(seconds=300))
CLAMP = FuturePolicy(clamp=True, tolerance=dt.timedelta(seconds=300))


def find_brands(text: str, author: str | None) -> list[str]:
    return ["Acme"] if "acme" in text or author == "acme" else []


def opened(path: Path, *, label_column: str | None = None, future: FuturePolicy = REJECT) -> TweetFile:
    return open_tweets(ReplayOptions(path), label_column, find_brands, future, NOW)


def json_file(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)) + b"\n")
    return path


def row(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "text": "good day", "created_at": "2024-05-01T12:00:00Z"} | fields


ROWS = [
    row(1),
    row(2, text="thanks acme", author="ann", lang="en", source="web"),
    row(3, author="acme"),
    row(4, brands=["Bolt", "Bolt", " Calm "]),
    row(5, brands=["Bolt", "Calm"]),
    row(6, brands=["\u202e"]),
    row(7, brands=[f"b{number}" for number in range(65)]),
    row(8, text="half an emoji \\ud83d", author="näme"),
    row(9, text="  "),
    row(10, created_at="soon"),
    row(11, id=2**60),
    row(12, id="x" * 300),
    row(13, metadata={"a": {"b": 1}}),
    row(14, extra={"deep": [[[1]]]}),
    row(15, created_at="1980-01-01T00:00:00Z"),
    row(16, created_at="2024-05-01T12:00:00.123456+05:00"),
    row(17, author=12, lang=None, source=""),
    row(18, text=5),
]


def as_streamed(path: Path) -> list[Item | str]:
    """By way of the bytes on ``tweets``, as replay publishes and the worker reads them."""
    found: list[Item | str] = []
    for item in open_source(ReplayOptions(path)).read(lambda: NOW):
        if isinstance(item, Decoded):
            tweet = decode_tweet(item.value)
            brands = tuple(tweet.brands or find_brands(tweet.text, tweet.author) or ["_other"])
            at_us = as_microseconds(tweet.created_at)
            found.append(Entry(at_us, tweet.id, tweet.text, tweet.author, tweet.source, tweet.lang, brands))
        else:
            found.append(item.reason)
    return found


def test_rows_become_what_the_stream_makes_of_them(tmp_path: Path) -> None:
    file = json_file(tmp_path / "tweets.jsonl", *ROWS)
    read = [item.message if isinstance(item, Dead) else item for item in opened(file).read()]
    assert read == as_streamed(file)
    assert sum(isinstance(item, str) for item in read) == 7


def test_cells_of_a_table_become_what_the_stream_makes_of_them(tmp_path: Path) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text(
        "tweet_id,text,created_at,name,airline,notes\n"
        "1,hello there,2024-05-01 12:00,ann,Acme|Bolt,x\n"
        "2,thanks acme,2024-05-01 12:01,,,\n"
        "3,,2024-05-01 12:01,,,\n"
        ",no id,2024-05-01 12:01,,Bolt,\n"
        '4,"a, quoted",2024-05-01 12:02,bob,Bolt; Calm,"long\nnote"\n'
    )
    read = [item.message if isinstance(item, Dead) else item for item in opened(file).read()]
    assert read == as_streamed(file)


def test_tweets_from_the_future_are_refused_or_clamped_as_the_setting_says(tmp_path: Path) -> None:
    file = json_file(tmp_path / "tweets.jsonl", row(1), row(2, created_at="2025-01-02T00:00:00Z"))
    _first, refused = opened(file).read()
    assert isinstance(refused, Dead)
    assert (refused.line, refused.reason) == (2, "future_timestamp")
    _first, clamped = opened(file, future=CLAMP).read()
    assert isinstance(clamped, Entry)
    assert clamped.at_us == as_microseconds(NOW)


def test_a_label_column_is_believed_and_makes_one_tweet_for_each_brand(tmp_path: Path) -> None:
    file = json_file(
        tmp_path / "tweets.jsonl",
        row(1, Mood="negative", brands=["A", "B"]),
        row(2, Mood=" Positive "),
        row(3, Mood="mixed"),
        row(4),
    )
    opened_file = opened(file, label_column="mood")
    assert opened_file.labelled
    items = list(opened_file.read())
    tweets = [item for item in items if isinstance(item, LabelledTweet)]
    assert [(one.id, one.brand, one.label, one.negative, one.positive, one.confidence) for one in tweets] == [
        ("1", "A", 0, 1.0, 0.0, 1.0),
        ("1", "B", 0, 1.0, 0.0, 1.0),
        ("2", "_other", 2, 0.0, 1.0, 1.0),
    ]
    assert {one.model for one in tweets} == {"Mood"}
    dead = [item for item in items if isinstance(item, Dead)]
    assert [(one.line, one.reason) for one in dead] == [(3, "label"), (4, "label")]
    assert "'mixed'" in dead[0].message


def test_a_missing_label_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    file = json_file(tmp_path / "tweets.jsonl", row(1))
    with pytest.raises(UsageError, match=r"no column 'mood' for the label; columns: id, text, created_at"):
        opened(file, label_column="mood")


def test_a_file_without_times_cannot_be_tested(tmp_path: Path) -> None:
    file = json_file(tmp_path / "tweets.jsonl", {"id": "1", "text": "hello"})
    with pytest.raises(UsageError, match="--time-column"):
        opened(file)
