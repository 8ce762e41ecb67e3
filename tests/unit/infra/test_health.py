"""When a worker counts as stuck: there is work, and none of it gets done."""

from __future__ import annotations

import pytest

from infra.health import Stalls, Standing
from infra.kafka.ledger import TopicPartition

TWEETS = TopicPartition("tweets", 0)
MORE_TWEETS = TopicPartition("tweets", 1)
LABELED = TopicPartition("tweets.labeled", 0)


@pytest.fixture
def stalls() -> Stalls:
    return Stalls(limit_s=60)


def behind(at: int = 10) -> Standing:
    return Standing({TWEETS: at}, {TWEETS: 100})


def test_work_that_does_not_get_done_for_longer_than_the_limit_is_a_stall(stalls: Stalls) -> None:
    stalls.look(0, behind())
    stalls.look(60, behind())
    assert stalls.stalled() is None

    stalls.look(61, behind())
    assert stalls.stalled() == "tweets: 90 records behind, and none worked on for 61 s"


def test_slow_work_is_no_stall(stalls: Stalls) -> None:
    for minute in range(10):
        stalls.look(minute * 59, behind(at=10 + minute))
        assert stalls.stalled() is None


def test_nothing_to_do_is_no_stall(stalls: Stalls) -> None:
    for now in (0, 1000):
        stalls.look(now, Standing({TWEETS: 100}, {TWEETS: 100}))

    assert stalls.stalled() is None


def test_one_partition_that_moves_is_enough_for_its_topic_but_not_for_another(stalls: Stalls) -> None:
    for now in (0, 50, 100):
        positions = {TWEETS: 5, MORE_TWEETS: now, LABELED: 3}
        stalls.look(now, Standing(positions, dict.fromkeys(positions, 1000)))

    assert stalls.stalled() == "tweets.labeled: 997 records behind, and none worked on for 100 s"


def test_time_without_kafka_does_not_count(stalls: Stalls) -> None:
    stalls.look(0, behind())
    stalls.pause(3600)
    stalls.look(3655, behind())
    assert stalls.stalled() is None

    stalls.look(3661, behind())
    assert stalls.stalled()


def test_rebalances_without_progress_are_a_stall(stalls: Stalls) -> None:
    for now in range(0, 100, 10):
        stalls.look(now, Standing({}, {}, frozenset({TWEETS})) if now % 20 else behind())

    assert stalls.stalled()


def test_a_partition_that_is_never_recovered_is_a_stall(stalls: Stalls) -> None:
    stalls.look(0, Standing({}, {}, frozenset({LABELED})))
    stalls.look(70, Standing({}, {}, frozenset({LABELED})))

    assert stalls.stalled()


def test_partitions_that_went_to_others_are_not_ours_to_worry_about(stalls: Stalls) -> None:
    stalls.look(0, behind())
    stalls.look(1000, Standing({}, {}))

    assert stalls.stalled() is None
