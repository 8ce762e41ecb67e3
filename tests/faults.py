"""Breaking the flow, and proving that nothing came of it."""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.guard import GuardedProcess, spawn_guarded
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.settings import Settings
from stream.records import END_OF_REPLAY, PANE_S, TYPE_HEADER, DeadHeaders, LabeledTweet, Tweet, Window
from stream.topics import Topics
from tests.kafka_tools import environment, read_all, wait_until

ROOT = Path(__file__).parents[1]
Cell = tuple[str, int, str]
"""Brand, start of the minute in seconds since 1970, label."""
PATIENCE_S = 120


class Workers:
    """Fixed workers as processes of their own. A context manager; logs go to ``folder``."""

    def __init__(self, settings: Settings, folder: Path, *, delay_s: float = 0.0) -> None:
        self._settings = settings
        self._folder = folder
        self._delay_s = delay_s
        self.running: dict[int, GuardedProcess] = {}

    def start(self, number: int) -> None:
        with (self._folder / f"worker-{number}.log").open("ab") as log:
            self.running[number] = spawn_guarded(
                [sys.executable, "-m", "tests.fixed_worker", str(self._delay_s)],
                env=environment(self._settings),
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )

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
    end = ((TYPE_HEADER, END_OF_REPLAY.encode()),)
    publisher.publish(Outgoing(topics.tweets, None, b"{}", end, partition) for partition in range(settings.partitions))
    return fed


@dataclass
class Outcome:
    """What the topics say."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    sources: set[tuple[int, int]] = field(default_factory=set)
    labelled: Counter[Cell] = field(default_factory=Counter)
    """Counted here, from the first record of each id and brand in ``tweets.labeled``."""
    late_dead: Counter[Cell] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    windows: dict[tuple[str, int], Window] = field(default_factory=dict)

    @property
    def counted(self) -> Counter[Cell]:
        """What the newest windows say."""
        cells: Counter[Cell] = Counter()
        for (brand, start), window in self.windows.items():
            for label, count in window.counts.model_dump().items():
                if count:
                    cells[brand, start, label] = count
        return cells

    @property
    def all_closed(self) -> bool:
        return all(window.status == "closed" for window in self.windows.values())

    def difference(self) -> dict[Cell, tuple[int, int]]:
        """Cells in which windows and labelled tweets disagree: (windows say, labelled tweets say)."""
        counted, labelled = self.counted, self.labelled - self.late_dead
        return {
            cell: (counted[cell], labelled[cell])
            for cell in counted.keys() | labelled.keys()
            if counted[cell] != labelled[cell]
        }


def outcome(settings: Settings) -> Outcome:
    """Read all topics to their ends and count, independently of the code under test."""
    topics = Topics.of(settings)
    result = Outcome()
    for message in read_all(settings, topics.labeled):
        if TYPE_HEADER in dict(message.headers() or []):
            continue
        record = LabeledTweet.model_validate_json(message.value() or b"")
        result.sources.add((record.origin.partition, record.origin.offset))
        if (record.tweet.id, record.brand) not in result.pairs:
            result.pairs.add((record.tweet.id, record.brand))
            result.labelled[_cell(record)] += 1
    dead: dict[bytes, tuple[str, bytes]] = {}
    for message in read_all(settings, topics.dead):
        headers = dict(message.headers() or [])
        reason = headers[DeadHeaders.REASON]
        dead[message.key() or b""] = (
            reason.decode() if isinstance(reason, bytes) else str(reason),
            message.value() or b"",
        )
    for reason, value in dead.values():
        result.dead[reason] += 1
        if reason == "late":
            result.late_dead[_cell(LabeledTweet.model_validate_json(value))] += 1
    for message in read_all(settings, topics.windows):
        window = Window.model_validate_json(message.value() or b"")
        result.windows[window.brand, int(window.start.timestamp())] = window
    return result


def settled(settings: Settings, fed: Fed, workers: Workers) -> Outcome:
    """The outcome once every tweet is labelled and every window closed; fails when that does not come."""

    def done() -> Outcome | None:
        now = outcome(settings)
        complete = len(now.pairs) >= fed.pairs and not now.difference() and now.windows and now.all_closed
        return now if complete else None

    try:
        return wait_until(done, PATIENCE_S, "all tweets labelled and all windows closed")
    except AssertionError:
        now = outcome(settings)
        lost = fed.pairs - len(now.pairs)
        raise AssertionError(
            f"{lost} of {fed.pairs} pairs not labelled; windows differ in {list(now.difference().items())[:5]}; "
            f"all closed: {now.all_closed}\n{workers.log()}"
        ) from None


def wait_for_labels(settings: Settings, more_than: int, workers: Workers) -> None:
    """Wait until more source records than that are labelled."""
    what = f"more than {more_than} tweets labelled"
    wait_until(lambda: len(outcome(settings).sources) > more_than, PATIENCE_S, f"{what}\n{workers.log()}")


def assert_exact(result: Outcome, fed: Fed) -> None:
    """Nothing lost, nothing counted twice, nothing dead, and windows that say what the labels say."""
    assert len(result.sources) == fed.records, "every source record is labelled"
    assert {tweet_id for tweet_id, _brand in result.pairs} == set(fed.tweets)
    assert len(result.pairs) == fed.pairs
    assert not result.difference()
    assert sum(result.counted.values()) == fed.pairs
    assert not result.dead


def _cell(record: LabeledTweet) -> Cell:
    return record.brand, int(record.tweet.created_at.timestamp()) // PANE_S * PANE_S, record.label
