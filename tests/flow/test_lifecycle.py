"""How a worker starts, stops and says how it is: SIGTERM, health, a Kafka that goes away."""

from __future__ import annotations

import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from confluent_kafka import Producer

from infra.kafka.admin import ensure_topics
from infra.kafka.clients import transactional_producer_config
from infra.kafka.ledger import TopicPartition as Partition
from infra.kafka.local import LocalBroker, free_port
from infra.kafka.offsets import OffsetProbe
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.records import Tweet
from stream.topics import Topics, topic_specs
from tests.conftest import CACHE, MakeSettings
from tests.faults import Workers, assert_exact, feed, make_tweets, outcome, settled
from tests.kafka_tools import wait_until


def health(settings: Settings, which: str) -> tuple[int, dict[str, str]]:
    """Status code, and the checks with what they found; (0, {}) while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/health/{which}", timeout=10) as answer:
            return answer.status, orjson.loads(answer.read())["checks"]
    except urllib.error.HTTPError as error:
        return error.code, orjson.loads(error.read())["checks"]
    except OSError:
        return 0, {}


def wait_for_labels(settings: Settings, more_than: int) -> None:
    wait_until(lambda: len(outcome(settings).sources) > more_than, 60, f"more than {more_than} tweets labelled")


def start_ready(settings: Settings, workers: Workers, folder: Path) -> Callable[[], None]:
    """Start worker 1 and wait until it is ready; what is returned makes its model hang."""
    pace = folder / "pace"
    pace.write_text("0")
    workers.start(1, "--pace", str(pace))
    wait_until(lambda: health(settings, "live")[0] == 200, 30, "the worker answers")
    wait_until(lambda: health(settings, "ready")[0] == 200, 30, "the worker is ready")

    def hang() -> None:
        pace.write_text("600")  # seconds for each text

    return hang


def scrape(settings: Settings) -> str:
    """The metrics; nothing while nobody answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.metrics_port}/metrics", timeout=10) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def committed(settings: Settings, topic: str) -> int:
    """Records of ``topic`` that the group has acknowledged."""
    probe = OffsetProbe(settings)
    try:
        return sum(probe.committed(Partition(topic, partition)) for partition in range(settings.partitions))
    finally:
        probe.close()


@pytest.fixture
def watched(make_settings: MakeSettings) -> Settings:
    settings = make_settings(metrics_port=free_port(), batch_size=16, stalled_after_s=4, session_timeout_s=6)
    ensure_topics(settings, topic_specs(settings), timeout=30)
    return settings


def test_sigterm_finishes_and_acknowledges_what_is_in_flight(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    fed = feed(settings, make_tweets(2_000, seed=11))
    with Workers(settings.model_copy(update={"batch_size": 128}), tmp_path, delay_s=0.3) as workers:
        workers.start(1)
        wait_for_labels(settings, 200)
        assert workers.stop(1) == 0, workers.log()
        done = len(outcome(settings).sources)
        assert done < fed.records, "the worker must be stopped in the middle"
        ends = settings.partitions  # each with the mark of the replay's end, which has no label
        assert done <= committed(settings, topics.tweets) <= done + ends, "what was labelled is acknowledged, no more"


def test_with_a_slow_model_what_comes_late_on_another_partition_waits_for_two_batches_and_no_more(
    watched: Settings, tmp_path: Path
) -> None:
    """Such as what was another worker's until it was killed."""
    topics = Topics.of(watched)
    *many, late = make_tweets(1_500, seed=15)
    publisher = ConfirmedPublisher(watched)
    publisher.publish(Outgoing(topics.tweets, None, tweet.encode(), (), 0) for tweet in many)
    with Workers(watched, tmp_path, delay_s=0.5) as workers:
        workers.start(1)
        wait_for_labels(watched, 100)
        before = len(outcome(watched).sources)
        publisher.publish([Outgoing(topics.tweets, None, late.encode(), (), 1)])
        wait_until(lambda: any(place[0] == 1 for place in outcome(watched).sources), 60, "it is labelled")
        assert len(outcome(watched).sources) - before < 20 * watched.batch_size, "of 1,500, and while it is asked for"


def test_a_second_signal_stops_at_once(watched: Settings, tmp_path: Path) -> None:
    topics = Topics.of(watched)
    with Workers(watched, tmp_path) as workers:
        hang = start_ready(watched, workers, tmp_path)
        hang()
        feed(watched, make_tweets(50, seed=12))
        busy = f'barometer_batches_in_flight{{topic="{topics.tweets}"}} 1.0'
        wait_until(lambda: busy in scrape(watched), 30, "a batch is at work")
        process = workers.running[1]
        os.kill(process.pid, signal.SIGTERM)
        wait_until(lambda: "finishing what is in flight" in workers.log(), 10, "the first signal is heard")
        started = time.monotonic()
        assert workers.stop(1) == 130
        assert time.monotonic() - started < 15, "and not after the drain's limit"
    assert committed(watched, topics.tweets) == 0


def test_health_tells_ready_from_live_and_a_stall_from_a_start(watched: Settings, tmp_path: Path) -> None:
    with Workers(watched, tmp_path) as workers:
        hang = start_ready(watched, workers, tmp_path)
        hang()
        feed(watched, make_tweets(50, seed=13))
        code, checks = wait_until(
            lambda: found if (found := health(watched, "live"))[0] == 503 else None, 30, "the worker counts as stuck"
        )
        assert code == 503
        assert "records behind, and none worked on for" in checks["progress"]
        assert health(watched, "ready")[0] == 200


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[LocalBroker]:
    """One that a test may freeze."""
    with LocalBroker(CACHE, directory=tmp_path / "kafka") as broker:
        yield broker


def freeze(broker: LocalBroker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)


def wake(broker: LocalBroker) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGCONT)


def test_a_kafka_that_goes_away_is_waited_for_and_a_worker_can_be_stopped_meanwhile(
    own_kafka: LocalBroker, make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(
        kafka_bootstrap_servers=own_kafka.bootstrap_servers,
        metrics_port=free_port(),
        session_timeout_s=6,
        stalled_after_s=3,
        shutdown_timeout_s=2,
        batch_size=32,
    )
    ensure_topics(settings, topic_specs(settings), timeout=30)
    fed = feed(settings, make_tweets(1_500, seed=14))
    with Workers(settings, tmp_path, delay_s=0.1) as workers:
        workers.start(1)
        wait_for_labels(settings, 300)
        freeze(own_kafka)
        away_until = time.monotonic() + 1.5 * settings.session_timeout_s
        while time.monotonic() < away_until:
            assert health(settings, "live")[0] == 200, "it is Kafka that is away"
            time.sleep(0.5)
        wake(own_kafka)
        result = settled(settings, fed, workers)
        assert_exact(result, fed)

        freeze(own_kafka)
        started = time.monotonic()
        assert workers.stop(1) == 0, workers.log()
        assert time.monotonic() - started < 25
        wake(own_kafka)


def test_what_a_producer_aborted_never_was_and_its_marks_hold_nothing_up(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(partitions=1, idle_after_s=1)
    ensure_topics(settings, topic_specs(settings), timeout=30)
    topics = Topics.of(settings)
    producer = Producer(transactional_producer_config(settings, f"{settings.topic_prefix}somebody"))
    producer.init_transactions(30)

    def transaction(tweets: list[Tweet], end: str) -> None:
        producer.begin_transaction()
        for tweet in tweets:
            producer.produce(topics.tweets, key=tweet.id.encode(), value=tweet.encode())
        producer.flush(30)
        getattr(producer, end)(30)

    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        transaction(list(make_tweets(20, seed=15)), "commit_transaction")
        transaction(list(make_tweets(20, seed=16)), "abort_transaction")
        wait_until(lambda: (now := outcome(settings)).windows and now.all_closed, 30, "all windows closed")
        found = outcome(settings)
    assert {tweet_id.split("-")[0] for tweet_id, _brand in found.pairs} == {"15"}
    assert not found.dead
    assert not found.difference()
