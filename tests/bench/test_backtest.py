"""How fast a backtest of labelled tweets is: the goal is 50,000 a second on two cores.

Told in CPU time, which other work on the machine disturbs least, and as a ratio
to what decoding the same records by pydantic costs in the same run.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter, process_time
from typing import TypeVar

import pytest

from infra.settings import Settings
from stream.backtest.result import Result
from stream.backtest.run import BacktestOptions, backtest_file
from stream.records import LabeledTweet
from stream.replay.options import ReplayOptions
from tests.fixed_worker import FixedClassifier
from tests.labelled import labelled

T = TypeVar("T")
TWEETS, BRANDS, HOURS = 120_000, 6, 10
WORDS = ("the", "flight", "was", "late", "again", "nobody", "told", "us", "why", "thanks", "love", "it", "bag", "lost")


@pytest.mark.bench
def test_a_backtest_of_labelled_tweets_costs_less_than_two_and_a_half_times_what_pydantic_takes_to_decode_them(
    tmp_path: Path,
) -> None:
    lines = records(random.Random(1))
    file = tmp_path / "labelled.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    backtest(file, limit=1)  # imports
    _, decoding, _ = measured(lambda: deque(map(LabeledTweet.model_validate_json, lines), maxlen=0))
    done, counting, wall = measured(lambda: backtest(file))
    print(  # noqa: T201  (a benchmark)
        f"\nbacktest of {TWEETS:,} labelled tweets, {sum(len(series.minutes) for series in done.brands.values()):,} "
        f"windows: {TWEETS / counting:,.0f} a CPU second ({TWEETS / wall:,.0f} a second by the clock); decoding by "
        f"pydantic alone {TWEETS / decoding:,.0f}"
    )
    assert done.told.counted == TWEETS
    assert counting < 2.5 * decoding


def records(rng: random.Random) -> list[bytes]:
    lines = []
    for number in range(TWEETS):
        at_s = number * HOURS * 3_600 / TWEETS
        record = labelled(str(10**17 + number), at_s, number, brand=f"brand {number % BRANDS}", label=rng.randrange(3))
        text, author = " ".join(rng.choices(WORDS, k=14)), f"user{rng.randrange(TWEETS // 3)}"
        created_at = record.tweet.created_at + dt.timedelta(microseconds=number % 1_000)
        tweet = record.tweet.model_copy(update={"text": text, "author": author, "created_at": created_at})
        lines.append(record.model_copy(update={"tweet": tweet}).encode())
    return lines


def backtest(file: Path, limit: int | None = None) -> Result:
    options = BacktestOptions(replace(ReplayOptions(file), limit=limit))
    return backtest_file(Settings(), options, FixedClassifier)


def measured(work: Callable[[], T]) -> tuple[T, float, float]:
    """What ``work`` gives, and its seconds: of CPU, and by the clock."""
    began, wall = process_time(), perf_counter()
    done = work()
    return done, process_time() - began, perf_counter() - wall
