"""Many faults, one after the other, while a backlog lasts: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from infra.kafka.admin import ensure_topics
from stream.topics import topic_specs
from tests.conftest import MakeSettings
from tests.faults import Workers, assert_exact, feed, make_tweets, outcome, settled, wait_for_labels

TWEETS = 20_000
WORKERS = 3
FAULTS = 12
FAULTS_OVER = 0.7
"""The last fault comes when this share of the tweets is labelled: the rest is for the dust to settle."""
DELAY_S = 0.5
"""For each batch, so that the backlog outlasts the faults."""


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_frozen_stopped_and_started_workers_lose_and_double_nothing(
    seed: int, make_settings: MakeSettings, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    settings = make_settings(partitions=6, session_timeout_s=6, batch_size=64)
    ensure_topics(settings, topic_specs(settings), timeout=30)
    fed = feed(settings, make_tweets(TWEETS, seed))
    frozen: list[int] = []
    with Workers(settings, tmp_path, delay_s=DELAY_S) as workers:
        for number in range(WORKERS):
            workers.start(number)
        for fault in range(1, FAULTS + 1):
            wait_for_labels(settings, int(fed.records * FAULTS_OVER * fault / FAULTS), workers)
            while frozen:  # what others took over meanwhile, it still takes for its own
                workers.wake(frozen.pop())
            victim = rng.choice(list(workers.running))
            match rng.choice(["kill", "kill", "freeze", "freeze", "stop", "add"]):
                case "kill":
                    workers.kill(victim)
                    workers.start(victim)
                case "freeze":
                    workers.freeze(victim)
                    frozen.append(victim)
                case "stop":
                    assert workers.stop(victim) == 0, workers.log()
                    workers.start(victim)
                case "add":
                    workers.start(WORKERS + fault)
        assert len(outcome(settings).sources) < fed.records, "the backlog must outlast the faults"
        for number in frozen:
            workers.wake(number)
        result = settled(settings, fed, workers)
    assert_exact(result, fed)
