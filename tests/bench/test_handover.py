"""How long a partition stands still when workers come, go, crash and restart.

The gap is the longest time that any record waited, from being appended to
``tweets`` to its label being appended to ``tweets.labeled``, both by the
broker's clock.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.kafka.admin import ensure_topics
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.records import TYPE_HEADER, LabeledTweet
from stream.topics import Topics, topic_specs
from tests.conftest import MakeSettings
from tests.faults import Workers, make_tweets
from tests.kafka_tools import read_all, wait_until

PARTITIONS = 12
TWEETS_PER_S = 120
CALM_S = 5.0
"""Before each event, time for the last one to be over."""
EVENTS = ("kill -9, a new one joins", "kill -9 and restart at once", "SIGTERM and restart at once", "one more joins")
PATIENCE_S = 60


@contextmanager
def steady(settings: Settings) -> Iterator[None]:
    """Publish at a steady rate from another thread."""
    ended = threading.Event()

    def publish() -> None:
        publisher, topics = ConfirmedPublisher(settings), Topics.of(settings)
        source = make_tweets(1_000_000, seed=1)
        while tweets := list(itertools.islice(source, TWEETS_PER_S // 10)):
            publisher.publish(Outgoing(topics.tweets, tweet.id.encode(), tweet.encode()) for tweet in tweets)
            if ended.wait(0.1):
                return

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def waits(settings: Settings) -> dict[int, list[tuple[int, int]]]:
    """By partition: when each record was appended and when its label was, in ms."""
    topics = Topics.of(settings)
    labelled = read_all(settings, topics.labeled)  # first: what is labelled has come
    came = {(m.partition(), m.offset()): m.timestamp()[1] for m in read_all(settings, topics.tweets)}
    found: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for message in labelled:
        if TYPE_HEADER in dict(message.headers() or []):
            continue
        origin = LabeledTweet.model_validate_json(message.value() or b"").origin
        found[origin.partition].append((came[origin.partition, origin.offset], message.timestamp()[1]))
    return found


def longest_wait(settings: Settings, since_ms: float) -> float:
    """In seconds, of records appended at ``since_ms`` or later; waits until all of these are labelled."""
    until_ms = time.time() * 1000

    def all_labelled() -> float | None:
        found = waits(settings)
        if len(found) < PARTITIONS or any(max(came for came, _ in pairs) < until_ms - 500 for pairs in found.values()):
            return None
        first: dict[tuple[int, int], int] = {}
        for partition, pairs in found.items():
            for came, labelled in pairs:
                first[partition, came] = min(labelled, first.get((partition, came), labelled))
        return max(labelled - came for (_, came), labelled in first.items() if came >= since_ms - 500) / 1000

    return wait_until(all_labelled, PATIENCE_S, "all tweets labelled")


@pytest.mark.bench
@pytest.mark.timeout(900)
@pytest.mark.parametrize("static", [False, True], ids=["dynamic", "static"])
def test_gaps(static: bool, make_settings: MakeSettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = make_settings(partitions=PARTITIONS, session_timeout_s=10)
    ensure_topics(settings, topic_specs(settings), timeout=60)

    with Workers(settings, tmp_path) as workers, steady(settings):

        def start(number: int) -> None:
            name = f"worker-{number}" if static else ""
            workers.start(number, settings=settings.model_copy(update={"worker_id": name}))

        def kill_and_restart() -> None:
            workers.kill(1)
            start(1)

        def kill_and_replace() -> None:
            workers.kill(2)
            start(4)

        def stop_and_restart() -> None:
            workers.stop(3)
            start(3)

        for number in (1, 2, 3):
            start(number)
        wait_until(lambda: len(waits(settings)) == PARTITIONS, PATIENCE_S, "every partition is worked on")
        events: list[Callable[[], None]] = [kill_and_replace, kill_and_restart, stop_and_restart, lambda: start(5)]
        gaps = {}
        for name, event in zip(EVENTS, events, strict=True):
            time.sleep(CALM_S)
            since = time.time() * 1000
            event()
            time.sleep(settings.session_timeout_s + CALM_S)
            gaps[name] = longest_wait(settings, since)
    with capsys.disabled():
        print(f"\n{'static' if static else 'dynamic'} membership, session timeout {settings.session_timeout_s:.0f} s")  # noqa: T201
        for name, gap in gaps.items():
            print(f"  {name:30} {gap:6.1f} s")  # noqa: T201
    assert gaps[EVENTS[0]] <= 15, "after kill -9 the partitions move again within 15 s"
