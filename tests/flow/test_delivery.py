"""What went in comes out once, whatever happens to the workers."""

from __future__ import annotations

import random
from pathlib import Path

from infra.kafka.admin import ensure_topics
from infra.settings import Settings
from stream.topics import Topics, topic_specs
from tests.conftest import MakeSettings
from tests.faults import Workers, assert_exact, feed, make_tweets, outcome, settled, wait_for_labels
from tests.kafka_tools import publish


def test_every_tweet_is_counted_once_in_a_closed_window(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    fed = feed(settings, make_tweets(1_000, seed=1))
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        result = settled(settings, fed, workers)
        assert workers.stop(1) == 0, workers.log()
    assert_exact(result, fed)


def test_killed_frozen_and_added_workers_lose_and_double_nothing(make_settings: MakeSettings, tmp_path: Path) -> None:
    seed = 5
    rng = random.Random(seed)
    settings = make_settings(partitions=4, session_timeout_s=6, batch_size=64)
    ensure_topics(settings, topic_specs(settings), timeout=30)
    fed = feed(settings, make_tweets(6_000, seed=seed))
    with Workers(settings, tmp_path, delay_s=0.25) as workers:
        for number in (1, 2):
            workers.start(number)
        for fault in range(3):
            wait_for_labels(settings, (fault + 1) * fed.records // 6, workers)
            victim = rng.choice(list(workers.running))
            if fault == 1:
                frozen = victim
                workers.freeze(frozen)
                workers.start(3)
            else:
                workers.kill(victim)
                workers.start(victim)
        assert len(outcome(settings).sources) < fed.records, "the backlog must outlast the faults"
        workers.wake(frozen)
        result = settled(settings, fed, workers)
    assert_exact(result, fed)


def test_a_record_that_is_no_tweet_is_dead_and_holds_nothing_up(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    publish(settings, topics.tweets, [(b"k", b"\xff\xfe"), (b"k", b"[1]"), (None, b'{"id": "1"}')])
    fed = feed(settings, make_tweets(50, seed=2))
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        result = settled(settings, fed, workers)
    assert result.dead == {"invalid_utf8": 1, "not_an_object": 1, "invalid_field": 1}


def test_a_text_on_which_the_model_fails_costs_only_itself(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    tweets = list(make_tweets(200, seed=3))
    poisoned = tweets[77].model_copy(update={"id": "bad", "text": "poison"})
    fed = feed(settings, iter(tweets))
    publish(settings, topics.tweets, [(b"bad", poisoned.encode())])
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        result = settled(settings, fed, workers)
    assert result.dead == {"model_error": 1}
