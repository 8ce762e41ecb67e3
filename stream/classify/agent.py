"""The classify loop: take, admit, work, publish, wait, settle; and the watermark beat beside it.

Two batches are at work at once while there is a backlog: one is decoded, and its texts are
made into tokens, while the network is busy with the other, which keeps all cores busy to its
end. They are published and settled one after the other, in the order in which they came.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from time import perf_counter
from typing import Any

from infra import metrics
from infra.dead_share import DeadShare, in_words
from infra.kafka.gauges import tell_batch
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import Batch
from infra.kafka.membership import Membership
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from model.prediction import Classifier
from stream.classify.batch_size import BatchSize
from stream.classify.labels import classify
from stream.classify.outcome import STAGE, Bad, BrandFinder, FuturePolicy, dead, decode, labelled
from stream.classify.progress import Position, SourceTracker
from stream.records import TYPE_HEADER, WATERMARK, Watermark
from stream.topics import Topics


@dataclass(frozen=True)
class SourceTopic:
    """What watermarks say of ``tweets``: Kafka's id of it, and how many partitions it has."""

    id: str
    partitions: int


AT_WORK = 2
"""Batches that are labelled, or wait for the one before them to be settled. The first goes alone: until it is done,
nothing is known of the model's speed."""


@dataclass(frozen=True)
class Work:
    """What a batch came to: what to publish, where the source partitions then are, and what is dead.

    ``fates``: one for each tweet, or record that should have been one; true if it is dead. ``written``:
    when those that were labelled were, in seconds since 1970.
    """

    outputs: Iterable[Outgoing]
    positions: dict[int, Position]
    bad: Sequence[Bad]
    fates: Sequence[bool]
    written: Sequence[float]


class ClassifyStage:
    """Labels admitted tweets. ``free`` is set while none are being labelled."""

    def __init__(
        self,
        topics: Topics,
        source: SourceTopic,
        membership: Membership,
        publisher: ConfirmedPublisher,
        classifier: Classifier,
        find_brands: BrandFinder,
        future: FuturePolicy,
        tracker: SourceTracker,
        *,
        dead_share: DeadShare,
        at_once: BatchSize,
        free: asyncio.Event,
    ) -> None:
        self._topics = topics
        self._source = source
        self._membership = membership
        self._publisher = publisher
        self._classifier = classifier
        self._find_brands = find_brands
        self._future = future
        self._tracker = tracker
        self._dead_share = dead_share
        self._at_once = at_once
        self._free = free
        self._room = asyncio.Semaphore(0)
        self._labelling = 0
        # The batches at work, the one being published, and the beat.
        self._threads = ThreadPoolExecutor(AT_WORK + 2, thread_name_prefix="classify")

    async def run(self, batches: AsyncIterator[Sequence[Any]]) -> None:
        """Work until ``batches`` ends. Offsets move only after every output is confirmed."""
        self._room, self._labelling = asyncio.Semaphore(0), 0
        self._free.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                before: asyncio.Task[None] | None = None
                async for messages in batches:
                    batch = await self._membership.admit(messages)
                    if not batch:
                        continue
                    self._labelling += 1
                    self._free.clear()
                    before = tasks.create_task(self._do(batch, before))
                    await self._room.acquire()  # before the next is taken: what waits stays where a rebalance finds it
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _do(self, batch: Batch[Incoming], before: asyncio.Task[None] | None) -> None:
        """Label; when the batch before is settled, publish, wait until all is confirmed, settle."""
        started = perf_counter()
        work = await self._in_thread(self._work, batch.records)
        self._at_once.took(len(batch.records), started, perf_counter())
        self._labelling -= 1
        if not self._labelling:
            self._free.set()
        if before is None:
            for _ in range(AT_WORK):
                self._room.release()
        else:
            await before
            self._room.release()
        self._dead_share.require(work.fates, in_words([(record, why.reason, why.message) for record, why in work.bad]))
        self._dead_share.note(work.fates)
        with metrics.STEP_SECONDS.labels(STAGE, "publish").time():
            published = await self._in_thread(self._publisher.publish, work.outputs)
        if self._membership.settle(batch):
            self._settled(work)
        metrics.RECORDS_OUT.labels(STAGE).inc(published)
        tell_batch(STAGE, batch.records, perf_counter() - started)

    async def beat(self) -> None:
        """Send every labelled partition the progress of the source partitions owned here."""
        source = self._topics.tweets
        next_offsets = self._membership.ledger.next
        self._tracker.own({tp.partition: offset for tp, offset in next_offsets.items() if tp.topic == source})
        snapshot = self._tracker.snapshot()
        ends = await self._membership.refresh()
        progress = self._tracker.report(snapshot, {tp.partition: end for tp, end in ends.items() if tp.topic == source})
        if not progress:
            return
        watermark = Watermark(
            source_topic_id=self._source.id,
            source_partitions=self._source.partitions,
            progress=progress,
            sent_at=dt.datetime.now(dt.UTC),
        ).encode()
        headers = ((TYPE_HEADER, WATERMARK.encode()),)
        partitions = range(self._source.partitions)
        records = [Outgoing(self._topics.labeled, None, watermark, headers, partition) for partition in partitions]
        await self._in_thread(self._publisher.publish, records)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _work(self, records: Sequence[Incoming]) -> Work:
        """What to publish of a batch. Raises what must stop the worker before anything is published; in a thread."""
        with metrics.STEP_SECONDS.labels(STAGE, "decode").time():
            batch = decode(records, self._future)
        with metrics.STEP_SECONDS.labels(STAGE, "label").time():
            done = classify(self._classifier, batch.tweets)
        now = dt.datetime.now(dt.UTC)
        bad = batch.bad + done.failed
        fates = [True] * len(bad) + [False] * len(done.tweets)
        good = labelled(self._topics.labeled, done.tweets, done.rows, self._classifier.info, self._find_brands, now)
        written = [tweet.created_at.timestamp() for _record, tweet in done.tweets]
        return Work(chain(good, dead(self._topics.dead, bad, now)), batch.positions, bad, fates, written)

    def _settled(self, work: Work) -> None:
        for partition, position in work.positions.items():
            self._tracker.advance(partition, position)
        for _record, why in work.bad:
            metrics.DEAD.labels(STAGE, why.reason).inc()
        now = time.time()
        for written in work.written:
            metrics.AGE.observe(max(0.0, now - written))

    async def _in_thread(self, call: Any, *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, *args))
