"""What is published: tweets of a file, or of the demo's scenario, as many as are asked for."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from infra.errors import UsageError
from stream.records import Tweet
from stream.replay import Rejected, ReplayOptions, read_tweets
from stream.scenario import write_scenario

BEGIN = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
PER_MINUTE = 1_000
"""Tweets in a minute of event time: what a source that gives 17 a second has."""
LEAST = 64
_MOST = 20_000


def sample(data: Path | None) -> list[Tweet]:
    """Tweets of a file, in its order, or of the scenario. Raises UsageError for a file of too few."""
    if data is not None:
        found = _tweets(data)
        if len(found) < LEAST:
            raise UsageError(f"{data} has {len(found)} tweets; {LEAST} are needed to measure anything")
        return found
    with tempfile.TemporaryDirectory(prefix="barometer-bench-") as folder:
        path = Path(folder) / "scenario.jsonl"
        write_scenario(path)
        return _tweets(path)


def _tweets(path: Path) -> list[Tweet]:
    items = read_tweets(ReplayOptions(path, limit=_MOST))
    return [item.tweet for item in items if not isinstance(item, Rejected)]


def many(tweets: Sequence[Tweet], count: int, *, brands: int = 0) -> Iterator[Tweet]:
    """``count`` tweets with the texts and authors of ``tweets``, over and over, each with an id and a time of its own.

    PER_MINUTE fall into a minute. ``brands``: each is about one of so many, in turns; 0: about what it was about.
    """
    step = dt.timedelta(minutes=1) / PER_MINUTE
    for number, tweet in enumerate(islice(cycle(tweets), count)):
        about = [f"brand {number * 7_919 % brands}"] if brands else tweet.brands
        changes = {"id": f"bench-{number}", "created_at": BEGIN + number * step, "brands": about}
        yield tweet.model_copy(update=changes)


def dated(tweets: Iterable[Tweet], now: dt.datetime) -> list[Tweet]:
    """The same tweets, written now."""
    return [tweet.model_copy(update={"created_at": now}) for tweet in tweets]
