"""A real export with real damage. The file is not part of the project; it lies beside the checkout where it may."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from stream.replay.options import Rejected, ReplayOptions
from stream.replay.source import open_source

BESIDE = Path(__file__).parents[5] / "shared" / "data" / "airline" / "Tweets.csv"
FILE = Path(os.environ.get("BAROMETER_TEST_AIRLINE", BESIDE))


@pytest.mark.skipif(
    not FILE.exists(), reason=f"needs the airline tweets; BAROMETER_TEST_AIRLINE may name the file ({FILE})"
)
def test_every_row_becomes_a_tweet_and_those_cut_in_two_are_repaired() -> None:
    source = open_source(ReplayOptions(FILE))
    assert source.describe() == (
        "CSV (comma, header), UTF-8; columns: text, tweet_created as time, tweet_id as id, name as author, "
        "airline as brand"
    )
    items = list(source.read())
    tweets = [item for item in items if not isinstance(item, Rejected)]
    assert (len(items), len(tweets), sum(item.repaired for item in tweets)) == (14_640, 14_640, 563)
    assert len({item.tweet.id for item in tweets}) == 14_485
    brands = Counter(brand for item in tweets for brand in item.tweet.brands or [])
    assert (len(brands), brands.total()) == (6, 14_640)
    days = {item.tweet.created_at.date().isoformat() for item in tweets}
    assert (min(days), max(days)) == ("2015-02-17", "2015-02-24")
