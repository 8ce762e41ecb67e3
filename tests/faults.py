"""Breaking the flow, and proving that nothing came of it."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.records import END_OF_REPLAY, TYPE_HEADER, EndOfReplay, Tweet
from stream.topics import Topics
from tests.kafka_tools import environment, wait_until
from tests.outcome import Observer, Outcome

ROOT = Path(__file__).parents[1]
PATIENCE_S = 120


class Workers:
    """Fixed workers as processes of their own. A context manager; logs go to ``folder``."""

    def __init__(self, settings: Settings, folder: Path, *, delay_s: float = 0.0) -> None:
        self._settings = settings
        self._folder = folder
        self._delay_s = delay_s
        self.running: dict[int, GuardedProcess] = {}

    def start(self, number: int, *options: str, settings: Settings | None = None) -> None:
        """Start worker ``number`` with options of ``tests.fixed_worker``."""
        command = [sys.executable, "-m", "tests.fixed_worker", str(self._delay_s), *options]
        log = _pipe_to(self._folder / f"worker-{number}.log")
        try:
            self.running[number] = spawn_guarded(
                command, env=environment(settings or self._settings), cwd=ROOT, stdout=log, stderr=log
            )
        finally:
            os.close(log)

    def kill(self, number: int) -> None:
        """As a crash: kill -9."""
        self.running.pop(number).kill()

    def stop(self, number: int) -> int:
        """SIGTERM; the exit code."""
        return self.running.pop(number).terminate(30)

    def freeze(self, number: int) -> None:
        os.kill(self.running[number].pid, signal.SIGSTOP)

    def wake(self, number: int) -> None:
        os.kill(self.running[number].pid, signal.SIGCONT)

    def log(self) -> str:
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in self._folder.glob("worker-*.log"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self.running.values():
            process.kill()


@dataclass
class Fed:
    """What was published: distinct tweets, and the source records they came in."""

    tweets: dict[str, Tweet] = field(default_factory=dict)
    records: int = 0

    @property
    def pairs(self) -> int:
        return sum(len(tweet.brands or []) for tweet in self.tweets.values())


def make_tweets(count: int, seed: int, *, per_minute: int = 60) -> Iterator[Tweet]:
    """Tweets in publication order: 20 brands, some about two, some late by minutes, 1% twice."""
    rng = random.Random(seed)
    begin = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
    brands = [f"brand {number}" for number in range(20)]
    for number in range(count):
        late = rng.uniform(0, 600) if rng.random() < 0.05 else 0.0
        tweet = Tweet(
            id=f"{seed}-{number}",
            text=f"tweet {number} of {seed}",
            created_at=begin + dt.timedelta(seconds=number * 60 / per_minute - late),
            brands=rng.sample(brands, 2 if rng.random() < 0.1 else 1),
        )
        for _ in range(2 if rng.random() < 0.01 else 1):
            yield tweet


class BrokenPromiseError(AssertionError):
    """Lost, or counted twice: no busy machine excuses that, so such a test is not tried again (tests/conftest.py)."""


def feed(settings: Settings, tweets: Iterator[Tweet]) -> Fed:
    """Publish, then end the replay in every partition."""
    topics = Topics.of(settings)
    fed = Fed()
    publisher = ConfirmedPublisher(settings)
    records = []
    for tweet in tweets:
        fed.tweets[tweet.id] = tweet
        fed.records += 1
        records.append(Outgoing(topics.tweets, tweet.id.encode(), tweet.encode()))
    publisher.publish(records)
    end, kind = EndOfReplay(latest=dt.datetime.now(dt.UTC)).encode(), ((TYPE_HEADER, END_OF_REPLAY.encode()),)
    publisher.publish(Outgoing(topics.tweets, None, end, kind, partition) for partition in range(settings.partitions))
    return fed


def outcome(settings: Settings) -> Outcome:
    """What the topics say now, from their beginnings."""
    with Observer(settings) as observer:
        return observer.look()


def settled(settings: Settings, fed: Fed, workers: Workers) -> Outcome:
    """The outcome once every tweet is labelled and every window closed; fails when that does not come."""
    with Observer(settings) as observer:

        def done() -> Outcome | None:
            now = observer.look()
            complete = len(now.pairs) >= fed.pairs and now.windows and now.all_closed and not now.difference()
            return now if complete else None

        try:
            return wait_until(done, PATIENCE_S, "all tweets labelled and all windows closed")
        except AssertionError:
            now = observer.look()
            lost = fed.pairs - len(now.pairs)
            raise BrokenPromiseError(
                f"{lost} of {fed.pairs} pairs not labelled; windows differ in {list(now.difference().items())[:5]}; "
                f"all closed: {now.all_closed}\n{workers.log()}"
            ) from None


def assert_exact(result: Outcome, fed: Fed) -> None:
    """Nothing lost, nothing counted twice, nothing dead, and windows that say what the labels say."""
    try:
        assert len(result.sources) == fed.records, "every source record is labelled"
        assert {tweet_id for tweet_id, _brand in result.pairs} == set(fed.tweets)
        assert len(result.pairs) == fed.pairs
        assert not result.difference()
        assert sum(result.counted.values()) == fed.pairs
        assert not result.dead
    except AssertionError as error:
        raise BrokenPromiseError(str(error)) from error


def _pipe_to(path: Path) -> int:
    """A descriptor whose input ends up at the end of a file: a worker without a disk can still log to it."""
    read, write = os.pipe()

    def copy() -> None:
        with os.fdopen(read, "rb", buffering=0) as source, path.open("ab", buffering=0) as target:
            shutil.copyfileobj(source, target, 4_096)

    threading.Thread(target=copy, name=f"log-{path.name}", daemon=True).start()
    return write
