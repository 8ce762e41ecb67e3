"""Workers that do one stage each, beside workers that do both."""

from __future__ import annotations

import urllib.request
from functools import partial
from pathlib import Path

import orjson

from infra.kafka.local import free_port
from infra.settings import Settings
from stream.topics import Topics
from tests.faults import Fed, Workers, assert_exact, feed, make_tweets, settled
from tests.kafka_tools import wait_until


def read(settings: Settings, path: str) -> str:
    """What the worker answers; nothing while it does not, or not well."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/{path}", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def together(*fed: Fed) -> Fed:
    tweets = {name: tweet for one in fed for name, tweet in one.tweets.items()}
    return Fed(tweets, sum(one.records for one in fed))


def test_stages_in_workers_of_their_own_and_together_count_every_tweet_once(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    labels = settings.model_copy(update={"stages": "classify", "metrics_port": free_port()})
    counts = settings.model_copy(update={"stages": "aggregate", "metrics_port": free_port()})
    first = feed(settings, make_tweets(500, seed=31))
    with Workers(settings, tmp_path) as workers:
        workers.start(1, settings=labels)
        workers.start(2, settings=counts)
        assert_exact(settled(settings, first, workers), first)
        checks = {
            number: orjson.loads(wait_until(partial(read, of, "health/ready"), 30, "the worker is ready"))["checks"]
            for number, of in ((1, labels), (2, counts))
        }
        assert set(checks[1]) == {"model", "partitions"}
        assert set(checks[2]) == {"partitions"}, "nobody waits for a model that is not needed"

        def working(of: Settings, topic: str) -> str | None:
            page = read(of, "metrics")
            return page if f'{{state="working",topic="{topic}"}} {settings.partitions}.0' in page else None

        told = {  # partitions are looked at every second
            number: wait_until(partial(working, of, own), 30, "all partitions are told of as worked on")
            for number, of, own in ((1, labels, topics.tweets), (2, counts, topics.labeled))
        }
        for number, own, other in ((1, topics.tweets, topics.labeled), (2, topics.labeled, topics.tweets)):
            assert f'barometer_lag_records{{partition="0",topic="{own}"}} ' in told[number]
            assert f'topic="{other}"' not in told[number]
        assert "barometer_model_info{" in told[1]
        assert "barometer_model_info{" not in told[2]
        assert "barometer_brand_mentions" not in told[1]

        workers.start(3)
        second = feed(settings, make_tweets(500, seed=32))
        workers.kill(1)
        assert workers.stop(2) == 0, workers.log()
        both = together(first, second)
        assert_exact(settled(settings, both, workers), both)
