"""What went in comes out once, whatever happens to the workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.settings import Settings
from stream.topics import Topics
from tests.chaos.run import Report, Run
from tests.chaos.scenarios import KILLS, SHORT, Scenario
from tests.conftest import MakeSettings
from tests.faults import Workers, assert_exact, feed, make_tweets, settled
from tests.kafka_tools import publish


def run_on(
    make_settings: MakeSettings,
    scenario: Scenario,
    seed: int,
    folder: Path,
    bug: str = "",
    told: list[str] | None = None,
) -> Report:
    """A run of the chaos suite on the Kafka of the tests, which stays whole."""
    say = print if told is None else told.append
    return Run(
        scenario, seed, make_settings(**scenario.settings(seed)), folder, ground=None, bug=bug, say=say
    ).conduct()


def test_every_tweet_is_counted_once_in_a_closed_window(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    fed = feed(settings, make_tweets(1_000, seed=1))
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        result = settled(settings, fed, workers)
        assert workers.stop(1) == 0, workers.log()
    assert_exact(result, fed)


def test_killed_frozen_and_added_workers_lose_and_double_nothing(make_settings: MakeSettings, tmp_path: Path) -> None:
    report = run_on(make_settings, SHORT, 1, tmp_path)
    assert report.passed, report


@pytest.mark.flaky(reruns=2)  # a kill must fall between the acknowledgement and the publishing of a batch
@pytest.mark.parametrize(
    ("bug", "found"), [("ack-before-publish", "lost"), pytest.param("forget-id", "double", marks=pytest.mark.chaos)]
)
def test_a_broken_promise_is_found(bug: str, found: str, make_settings: MakeSettings, tmp_path: Path) -> None:
    told: list[str] = []
    report = run_on(make_settings, KILLS, 1, tmp_path, bug, told)
    assert not report.passed
    assert getattr(report, found) > 0, report
    said = "\n".join(told)
    assert "the way of tweet 1-" in said, "where to look"
    assert f"tests.chaos --scenario kills --seed 1 --bug {bug}" in said, "how to see it again"


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
    publish(settings, topics.tweets, [(b"bad", poisoned.encode())])
    fed = feed(settings, iter(tweets))
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        result = settled(settings, fed, workers)
    assert result.dead == {"model_error": 1}
