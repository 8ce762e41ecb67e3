"""How fast a backtest of labelled tweets is, next to the mere decoding of them as the stream does it."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest

from infra.settings import Settings
from stream.backtest.run import BacktestOptions, backtest_file
from stream.decode import decode_labelled
from stream.replay.options import ReplayOptions
from tests.fixed_worker import FixedClassifier
from tests.labelled import labelled

TWEETS, BRANDS, HOURS = 60_000, 6, 5
WORDS = ("the", "flight", "was", "late", "again", "nobody", "told", "us", "why", "thanks", "love", "it", "bag", "lost")


@pytest.mark.bench
def test_a_backtest_of_labelled_tweets_costs_less_than_four_times_their_decoding(tmp_path: Path) -> None:
    rng = random.Random(1)
    lines = []
    for number in range(TWEETS):
        at_s = number * HOURS * 3_600 / TWEETS
        record = labelled(str(10**17 + number), at_s, number, brand=f"brand {number % BRANDS}", label=rng.randrange(3))
        text, author = " ".join(rng.choices(WORDS, k=14)), f"user{rng.randrange(TWEETS // 3)}"
        created_at = record.tweet.created_at + dt.timedelta(microseconds=number % 1_000)
        tweet = record.tweet.model_copy(update={"text": text, "author": author, "created_at": created_at})
        lines.append(record.model_copy(update={"tweet": tweet}).encode())
    file = tmp_path / "labelled.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    began = process_time()
    for line in lines:
        decode_labelled(line)
    decoding = process_time() - began
    options = BacktestOptions(ReplayOptions(file))
    backtest_file(Settings(), replace(options, source=replace(options.source, limit=1)), FixedClassifier)  # warms up
    began = process_time()
    result = backtest_file(Settings(), options, FixedClassifier)
    whole = process_time() - began
    print(  # noqa: T201  (a benchmark)
        f"\nbacktest {TWEETS / whole:,.0f} labelled tweets/s of one core, decoding alone {TWEETS / decoding:,.0f}/s, "
        f"{sum(len(series.minutes) for series in result.brands.values()):,} windows"
    )
    assert result.told.counted == TWEETS
    assert whole < 4 * decoding
