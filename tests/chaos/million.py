"""``python -m tests.chaos.million``: one worker, a backlog of a million tweets, and its memory on the way.

Its last line on stdout is one JSON object. Passes when the worker holds at the
end at most 15% more than when it had done 10,000, and all tweets are counted.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import click
import orjson
from confluent_kafka import OFFSET_END, Consumer, Producer
from confluent_kafka import TopicPartition as KafkaPartition

from infra.kafka.admin import ensure_topics
from infra.kafka.clients import producer_config, reader_config
from infra.kafka.local import LocalBroker
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from stream.records import END_OF_REPLAY, TYPE_HEADER
from stream.topics import Topics, topic_specs
from tests.chaos.site import rss_mb
from tests.faults import Workers

EARLY = 10_000
GROWTH = 1.15
BEGIN = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
_WORKER = 0
_LOOK_EVERY_S = 0.5
_TELL_EVERY = 20
_STUCK_S = 120


@click.command()
@click.option("--tweets", type=int, default=1_000_000, show_default=True)
@click.option("--hours", type=float, default=24, show_default=True, help="Event time from the first to the last.")
@click.option("--brands", type=int, default=20, show_default=True, help="A day of each brand is state: some MB.")
@click.option("--partitions", type=int, default=12, show_default=True)
def main(tweets: int, hours: float, brands: int, partitions: int) -> None:
    """Measure the memory of a worker over a long backlog."""
    developer = Settings()
    with (
        tempfile.TemporaryDirectory(prefix="barometer-million-") as folder,
        LocalBroker(developer.cache, repository=developer.maven_repository) as broker,
    ):
        settings = Settings(
            kafka_bootstrap_servers=broker.bootstrap_servers, partitions=partitions, cache_dir=developer.cache
        )
        ensure_topics(settings, topic_specs(settings), timeout=60)
        _publish(settings, tweets, hours, brands)
        report = _measure(settings, tweets, Path(folder))
    click.echo(json.dumps(report))
    sys.exit(0 if report["passed"] else 1)


def _tweets(count: int, hours: float, brands: int) -> Iterator[tuple[bytes, bytes]]:
    step = dt.timedelta(hours=hours) / count
    for number in range(count):
        tweet = {
            "id": f"{number}",
            "text": f"tweet {number} says what a tweet of the usual length says, with a word or two more",
            "created_at": BEGIN + step * number,
            "author": f"author {number * 31 % 50_021}",
            "brands": [f"brand {number * 7_919 % brands}"],
        }
        yield f"{number}".encode(), orjson.dumps(tweet)


def _publish(settings: Settings, count: int, hours: float, brands: int) -> None:
    topic = Topics.of(settings).tweets
    producer = Producer(producer_config(settings))
    for key, value in _tweets(count, hours, brands):
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(120) == 0, "Kafka did not confirm the backlog"
    ends: list[tuple[str, str | bytes | None]] = [(TYPE_HEADER, END_OF_REPLAY.encode())]
    for number in range(settings.partitions):
        producer.produce(topic, b"{}", partition=number, headers=ends)
    assert producer.flush(120) == 0, "Kafka did not confirm the ends of the replay"


def _measure(settings: Settings, tweets: int, folder: Path) -> dict[str, Any]:
    sizes: list[tuple[int, float]] = []
    begin = moved_at = time.monotonic()
    with Workers(settings, folder) as workers, _Progress(settings) as progress:
        workers.start(_WORKER)
        while not progress.finished():
            process = workers.running[_WORKER]
            assert process.poll() is None, f"the worker ended\n{workers.log()}"
            sizes.append((progress.done(), rss_mb(process.pid)))
            if len(sizes) == 1 or sizes[-1][0] != sizes[-2][0]:
                moved_at = time.monotonic()
            assert time.monotonic() - moved_at < _STUCK_S, f"no progress at {sizes[-1][0]}\n{workers.log()}"
            if len(sizes) % _TELL_EVERY == 1:
                click.echo(f"{time.monotonic() - begin:6.1f} s: {sizes[-1][0]} tweets, {sizes[-1][1]:.1f} MB", err=True)
            time.sleep(_LOOK_EVERY_S)
        took_s = time.monotonic() - begin
        counted = _counted_in_the_end(settings, tweets)
        sizes.append((tweets, rss_mb(process.pid)))
        assert workers.stop(_WORKER) == 0, workers.log()
    early = next(size for done, size in sizes if done >= EARLY)
    last = sizes[-1][1]
    return {
        "passed": counted == tweets and last <= GROWTH * early,
        "tweets": tweets,
        "counted": counted,
        "rss_mb_10k": round(early, 1),
        "rss_mb_1m": round(last, 1),
        "rss_mb_max": round(max(size for _done, size in sizes), 1),
        "ratio": round(last / early, 3),
        "tweets_per_s": round(tweets / took_s),
        "duration_s": round(took_s, 1),
        "rss_mb_by_tweets": {str(done): round(size, 1) for done, size in sizes[:: max(1, len(sizes) // 20)]},
    }


class _Progress:
    """How far the worker has come, by what its group has committed. A context manager."""

    def __init__(self, settings: Settings) -> None:
        topics = Topics.of(settings)
        self._consumer = Consumer(reader_config(settings, **{"group.id": settings.group}))
        self._tweets = [KafkaPartition(topics.tweets, number) for number in range(settings.partitions)]
        self._labelled = [KafkaPartition(topics.labeled, number) for number in range(settings.partitions)]
        self._ends = self._end_of(self._tweets)

    def done(self) -> int:
        """Records of ``tweets`` that are labelled."""
        return sum(self._committed(self._tweets).values())

    def finished(self) -> bool:
        """Whether all tweets are labelled and counted, but for the watermarks of the last few seconds."""
        if self._committed(self._tweets) != self._ends:
            return False
        committed, ends = self._committed(self._labelled), self._end_of(self._labelled)
        return all(committed[number] >= end - 10 for number, end in ends.items())

    def _committed(self, wanted: list[KafkaPartition]) -> dict[int, int]:
        return {tp.partition: max(0, tp.offset) for tp in self._consumer.committed(wanted, timeout=30)}

    def _end_of(self, wanted: list[KafkaPartition]) -> dict[int, int]:
        asked = [KafkaPartition(tp.topic, tp.partition, OFFSET_END) for tp in wanted]
        return {tp.partition: tp.offset for tp in self._consumer.offsets_for_times(asked, timeout=30)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._consumer.close()


def _counted_in_the_end(settings: Settings, tweets: int) -> int:
    """What the windows count once they count all, or when that takes too long: the last close after the last tweet."""
    deadline = time.monotonic() + _STUCK_S
    while (counted := _counted(settings)) < tweets and time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY_S)
    return counted


def _counted(settings: Settings) -> int:
    """Tweets in the newest version of every window."""
    newest: dict[bytes, int] = {}
    for message in read_to_end(settings, Topics.of(settings).windows):
        newest[message.key() or b""] = orjson.loads(message.value() or b"{}")["revision"]
    return sum(newest.values())


if __name__ == "__main__":
    main()
