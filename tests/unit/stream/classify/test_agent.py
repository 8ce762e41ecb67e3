"""The classify loop: how many batches are at work, in which order they are settled, what a failure leaves undone."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from infra.dead_share import DeadShare, DeadShareError
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import Batch, TopicPartition
from infra.settings import Settings
from model.prediction import ModelInfo, Predictions
from stream.classify.agent import AT_WORK, ClassifyStage, SourceTopic
from stream.classify.batch_size import BatchSize
from stream.classify.outcome import FuturePolicy
from stream.classify.progress import SourceTracker
from stream.records import Tweet
from stream.topics import Topics

NOW = dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
PATIENCE_S = 20.0
Story = list[tuple[str, int]]
"""What happened, in order: what, and to which batch."""


def message(offset: int, text: str = "") -> Incoming:
    value = Tweet(id=str(offset), text=text or str(offset), created_at=NOW).encode() if text != "bad" else b"bad"
    return Incoming(TopicPartition("tweets", 0), offset, None, value, (), round(NOW.timestamp() * 1_000))


class Site:
    """A stage between a ledger and a Kafka that write down what is asked of them. Each batch is one record."""

    def __init__(self, dead_limit: float = 1.0) -> None:
        self.story: Story = []
        self.labelling: set[str] = set()
        self.most = 0
        self.go: dict[str, threading.Event] = {}
        self.free = asyncio.Event()
        self.publishing = threading.Event()
        self.publishing.set()
        self.info = ModelInfo("stub", "1", "none")
        settings = Settings()
        self.stage = ClassifyStage(
            Topics.of(settings),
            SourceTopic("id", 1),
            self,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            self,
            lambda _text, _author: ["Acme"],
            FuturePolicy(clamp=False, tolerance=dt.timedelta(days=1)),
            SourceTracker(60, lambda: 0.0),
            dead_share=DeadShare(dead_limit, 100),
            at_once=BatchSize(64),
            free=self.free,
        )

    async def admit(self, messages: Sequence[Incoming]) -> Batch[Incoming]:
        self.story.append(("taken", messages[0].offset))
        return Batch(list(messages), 1, {})

    def settle(self, batch: Batch[Incoming]) -> bool:
        self.story.append(("settled", batch.records[0].offset))
        return True

    def publish(self, records: Any) -> int:
        assert self.publishing.wait(PATIENCE_S)
        return len(list(records))

    def classify(self, texts: Sequence[str]) -> Predictions:
        self.labelling.update(texts)
        self.most = max(self.most, len(self.labelling))
        for text in texts:
            assert self.go.setdefault(text, threading.Event()).wait(PATIENCE_S)
        self.labelling.difference_update(texts)
        if "wrong" in texts:
            raise MemoryError
        return Predictions(np.full((len(texts), 3), 1 / 3, np.float32), np.zeros(len(texts), np.bool_))

    def close(self) -> None:
        pass

    def finish(self, *texts: str) -> None:
        for text in texts:
            self.go.setdefault(text, threading.Event()).set()

    def settled(self) -> list[int]:
        return [offset for what, offset in self.story if what == "settled"]

    def taken(self) -> list[int]:
        return [offset for what, offset in self.story if what == "taken"]


async def given(messages: Sequence[Incoming]) -> AsyncIterator[Sequence[Incoming]]:
    for one in messages:
        yield [one]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  it changes in other threads
            await asyncio.sleep(0.001)


async def settle_down() -> None:
    """Let everything happen that is about to."""
    for _ in range(20):
        await asyncio.sleep(0.002)


def test_the_first_batch_goes_alone_and_then_two_are_at_work_and_all_are_settled_in_order() -> None:
    async def scenario() -> None:
        site = Site()
        running = asyncio.create_task(site.stage.run(given([message(number) for number in range(8)])))
        await until(lambda: site.labelling == {"0"})
        await settle_down()
        assert site.taken() == [0], "nothing is known of the model's speed yet"
        assert not site.free.is_set()
        site.finish("0")
        await until(lambda: site.labelling == {"1", "2"})
        await settle_down()
        assert site.taken() == [0, 1, 2]
        site.finish("2")
        await settle_down()
        assert site.settled() == [0], "the second waits for the first"
        assert site.taken() == [0, 1, 2], "and holds its place until then"
        site.finish(*map(str, range(8)))
        async with asyncio.timeout(PATIENCE_S):
            await running
        assert site.settled() == list(range(8))
        assert site.most == AT_WORK
        assert site.free.is_set()

    asyncio.run(scenario())


def test_while_kafka_confirms_nothing_no_more_than_one_batch_beyond_those_at_work_is_taken() -> None:
    async def scenario() -> None:
        site = Site()
        site.publishing.clear()
        site.finish(*map(str, range(9)))
        running = asyncio.create_task(site.stage.run(given([message(number) for number in range(9)])))
        await until(lambda: len(site.taken()) == 1 + AT_WORK)
        await settle_down()
        assert site.taken() == list(range(1 + AT_WORK))
        assert site.settled() == []
        site.publishing.set()
        async with asyncio.timeout(PATIENCE_S):
            await running
        assert site.settled() == list(range(9))

    asyncio.run(scenario())


def test_what_comes_after_a_batch_that_cannot_be_done_is_not_settled_although_it_was_labelled() -> None:
    async def scenario() -> None:
        site = Site()
        site.finish("0", "2")
        messages = [message(0), message(1, "wrong"), message(2), message(3)]
        running = asyncio.create_task(site.stage.run(given(messages)))
        await until(lambda: site.taken() == [0, 1, 2] and site.labelling == {"wrong"})
        site.finish("wrong")
        with pytest.raises(MemoryError):
            async with asyncio.timeout(PATIENCE_S):
                await running
        assert site.settled() == [0]

    asyncio.run(scenario())


def test_too_many_dead_stop_it_before_their_batch_is_settled() -> None:
    async def scenario() -> None:
        site = Site(dead_limit=0.3)
        site.finish(*map(str, range(40)))
        messages = [message(number, "bad" if number > 18 else "") for number in range(40)]
        with pytest.raises(DeadShareError):
            await site.stage.run(given(messages))
        good = 19
        assert site.settled() == list(range(good + round(good * 0.3 / 0.7)))

    asyncio.run(scenario())


def test_a_loop_that_is_cancelled_can_be_run_again() -> None:
    async def scenario() -> None:
        site = Site()
        running = asyncio.create_task(site.stage.run(given([message(0)])))
        await until(lambda: site.labelling == {"0"})
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        site.finish("0", "1", "2", "3")
        async with asyncio.timeout(PATIENCE_S):
            await site.stage.run(given([message(number) for number in range(1, 4)]))
        assert site.settled() == [1, 2, 3]

    asyncio.run(scenario())
