"""Ties the offset ledger to Faust's consumer group membership.

What Barometer depends on of Faust's internals is in this file and in straight,
eager and lenient beside it, each with its reason; tests/unit/infra/kafka/test_faust_internals.py
fails when a new Faust version changes one. Faust fetches, balances and buffers; what is worked on and
what is committed is the ledger's decision alone.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic
from typing import Any, ClassVar, cast

import faust
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from aiokafka.structs import TopicPartition as AioTopicPartition
from confluent_kafka import KafkaException
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread as FaustConsumerThread
from faust.transport.drivers.aiokafka import Consumer as FaustConsumer
from faust.transport.drivers.aiokafka import Transport as FaustTransport
from faust.types import TP, Message

from infra import metrics
from infra.errors import BarometerError, KafkaUnavailableError
from infra.health import Standing
from infra.kafka.access import KafkaAccessError
from infra.kafka.eager import EagerWait
from infra.kafka.even import Evenly
from infra.kafka.gauges import PartitionGauges
from infra.kafka.incoming import Headers, Incoming
from infra.kafka.ledger import Batch, OffsetLedger, TopicPartition
from infra.kafka.lenient import read_leniently
from infra.kafka.offsets import OffsetProbe
from infra.kafka.straight import StraightConductor

log = logging.getLogger(__name__)

TAKE_OVERS_AT_ONCE = 16
RETRY_S = 1.0
READ_AHEAD_BATCHES = 2
READ_AHEAD_BYTES = 64 * 1024 * 1024
MEAN_OF = 64
"""Records that the mean of their sizes is taken over, roughly."""
ENOUGH_S = 0.02
"""So long until it is looked again whether a stage has made room."""
STUCK_AFTER_S = 5.0
"""A partition with records but no progress for this long, while its stage has nothing to do,
is sought again: Faust can drop its first records between assignment and take-over."""
STUCK_BUSY_S = 60.0
"""The same where the stage is busy with other partitions, and so slow that what Faust holds may not have come by."""

TakeOver = Callable[[int], int]
"""Makes one partition ours; blocking, called in a thread. Returns the offset to continue at."""


class _NoReadOffsets(dict[TP, int | None]):
    """Stands in for ``Consumer._read_offset``: remembers nothing.

    With it Faust drops messages it takes for old and commits across jumps that
    it takes for compaction gaps; the ledger does both, checked.
    """

    def __missing__(self, key: TP) -> None:
        return None

    def __setitem__(self, key: TP, value: Any) -> None:
        return

    def update(self, *args: Any, **kwargs: Any) -> None:
        return


class LedgerConsumerThread(FaustConsumerThread):
    """Hands out what has come furthest down the flow first.

    aiokafka gives the partitions in the order in which they were fetched, each
    until it is empty, so a backlog upstream would hold back what is made of it
    until all of it is done. Downstream there is never more than what upstream
    has just made: nothing starves. With polls of ``broker_max_poll_records``,
    nothing downstream waits for more than that many records. Upstream, partitions
    are read evenly (see ``even``).

    Reads what is committed: a tweet of a producer's aborted transaction never was.

    A Kafka that goes away while this starts is waited for, as it is before and after.

    Touches: ``_fetch_records`` (called for each poll, in this thread), ``on_start`` (in this thread, too),
    ``_create_worker_consumer`` and the isolation level of what it makes, which
    Faust ties to its own transactions.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.evenly = Evenly()
        self._record_bytes = 1.0
        """Size of the records that were read last, in the mean of some dozens."""

    async def on_start(self) -> None:
        while True:
            try:
                return await super().on_start()
            except KafkaError as error:
                if not error.retriable or self.should_stop:
                    raise
                log.warning("cannot join the consumer group yet: %s", error)
                await self._ensure_consumer().stop()  # it is made anew
                await asyncio.sleep(RETRY_S)

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # noqa: SLF001  handed on when the consumer starts
        return consumer

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109  Faust's signature
        max_records: int | None = None,
    ) -> Any:
        first = cast(LedgerTransport, self.consumer.transport).first_topic
        active = {TopicPartition(*tp) for tp in tuple(active_partitions or ())}  # at once: the other thread changes it
        downstream = {tp for tp in active if tp.topic == first}
        if downstream and (
            records := await super()._fetch_records(consumer, cast("set[TP]", downstream), 0, max_records)
        ):
            return self._noted(records)
        room = cast(LedgerTransport, self.consumer.transport).room(self._record_bytes)
        if room <= 0:
            return await self._nothing_upstream(consumer, downstream, max_records)
        most = min(room, max_records or room)
        if records := await self._side_by_side(consumer, active - downstream, most):
            return self._noted(records)
        if cast(LedgerConsumer, self.consumer).held_back:  # they may be read again long before the others have anything
            timeout = ENOUGH_S
        return self._noted(await super()._fetch_records(consumer, active_partitions, timeout, most))

    async def _nothing_upstream(self, consumer: Any, downstream: set[TopicPartition], most: int | None) -> Any:
        """What comes downstream in a moment; enough of the other topic waits in memory already."""
        if downstream:
            found = await super()._fetch_records(consumer, cast("set[TP]", downstream), ENOUGH_S, most)
            return self._noted(found)
        await asyncio.sleep(ENOUGH_S)
        return {}

    async def _side_by_side(self, consumer: Any, partitions: set[TopicPartition], most: int) -> dict[TP, Any]:
        """A helping of each partition, which Faust hands on by turns; none of one that is ahead of another's."""
        found: dict[TP, Any] = {}
        first: TopicPartition | None = None
        helping = max(1, most // max(1, len(partitions)))
        for tp in self.evenly.order(partitions):
            if first is not None and self.evenly.is_ahead(tp, first, helping):
                continue
            if records := await super()._fetch_records(consumer, {cast("TP", tp)}, 0, helping):
                first = first or tp
                found |= records
        return found

    def _noted(self, records: Any) -> Any:
        for tp, of_partition in records.items():
            self.evenly.note(TopicPartition(*tp), of_partition[-1].timestamp, len(of_partition))
            mean = sum(len(record.value or b"") for record in of_partition) / len(of_partition)
            self._record_bytes += (mean - self._record_bytes) * min(1.0, len(of_partition) / MEAN_OF)
            cast(LedgerConsumer, self.consumer).handed_out[TopicPartition(*tp)] = of_partition[-1].offset
        return records


class LedgerConsumer(EagerWait, FaustConsumer):
    """Faust's consumer, with commits decided by the ledger.

    Touches: ``_read_offset`` (above), ``commit`` (called by Faust's commit timer
    and before partitions are revoked), ``verify_event_path`` (called by a timer),
    ``_thread`` (aiokafka lives in another
    thread, and is safe to touch only there), ``_buffered_partitions`` (those held
    back, looked at from that thread), aiokafka's ``_coordinator`` (see ``check``).
    """

    transport: LedgerTransport
    logger = logging.getLogger(FaustConsumer.__module__)  # mode would name it after this module

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _NoReadOffsets()
        self.handed_out: dict[TopicPartition, int] = {}
        """Of each partition the last offset that Faust was given, since it was last sought."""

    @property
    def held_back(self) -> bool:
        """Whether some partitions are not read, because the queue of their stage was full."""
        return bool(self._buffered_partitions)

    def _new_consumer_thread(self) -> FaustConsumerThread:
        return LedgerConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Commit what the ledger has settled. A failure is logged and left to the next call."""
        ledger = self.transport.ledger
        offsets, epoch = ledger.committable(), ledger.epoch
        if not offsets:
            return False
        try:
            await self._thread.call_thread(self._commit_in_thread, offsets)
        except KafkaError as error:
            log.warning("offsets not committed, will try again: %s", error)
            return False
        ledger.committed(offsets, epoch)
        return True

    def verify_event_path(self, _now: float, _tp: TP) -> None:
        """Faust would look at its streams, which nothing goes through here; ``infra.health`` tells who stands still."""

    async def seek(self, partition: TP, offset: int) -> None:
        """Continue ``partition`` at ``offset``.

        Faust seeks from the main thread while aiokafka may be fetching, which
        ends in a KeyError there.
        """
        await self._thread.call_thread(self._seek_in_thread, partition, offset)

    def begin_anew(self) -> None:
        """Forget what was read: partitions come and go. One that was read much before would wait for all others."""
        self.handed_out.clear()
        cast(LedgerConsumerThread, self._thread).evenly = Evenly()

    async def check(self) -> None:
        """Raise what aiokafka cannot go on from, such as a group that we may not join.

        aiokafka tells it to who asks for records, which Faust does not before it
        has partitions: without this it would wait for them in silence.
        """
        await self._thread.call_thread(self._check_in_thread)

    async def _check_in_thread(self) -> None:
        consumer = self._thread._consumer  # noqa: SLF001  None before it has started
        if consumer is not None:
            consumer._coordinator.check_errors()  # noqa: SLF001

    async def _commit_in_thread(self, offsets: Mapping[TopicPartition, int]) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001  the one way to aiokafka
        owned = consumer.assignment()
        ours = {AioTopicPartition(*tp): OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        if ours := {tp: offset for tp, offset in ours.items() if tp in owned}:
            await consumer.commit(ours)

    async def _seek_in_thread(self, partition: TP, offset: int) -> None:
        consumer = self._thread._ensure_consumer()  # noqa: SLF001
        tp = AioTopicPartition(*partition)
        if tp in consumer.assignment():
            consumer.seek(tp, offset)
            self.handed_out.pop(TopicPartition(*partition), None)


class LedgerTransport(FaustTransport):
    """Creates LedgerConsumers that share one ledger."""

    Consumer: ClassVar[type[FaustConsumer]] = LedgerConsumer
    Conductor: ClassVar[type[StraightConductor]] = StraightConductor
    ledger: OffsetLedger[Incoming]
    first_topic: str
    room: Callable[[float], int] = staticmethod(lambda _record_bytes: sys.maxsize)
    """How many more records, of so many bytes each, may be handed out that do not come first."""


class Membership:
    """What this worker owns, and the only way for a stage to get and settle records.

    ``topics`` are in the order of the flow: of the last one of several, records come first.
    ``take_overs`` says, by topic, how a partition becomes ours; topics not named
    continue at the group's committed offset. ``on_revoked`` is called, in the
    event loop, when a rebalance has taken everything away.
    """

    def __init__(
        self,
        app: faust.App,
        probe: OffsetProbe,
        topics: Sequence[str],
        take_overs: Mapping[str, TakeOver],
        on_revoked: Callable[[], None],
    ) -> None:
        self.ledger: OffsetLedger[Incoming] = OffsetLedger()
        self.failure: BaseException | None = None
        """Why a partition could not be taken over and never will be."""
        self._app = app
        self._probe = probe
        self._topics = frozenset(topics)
        self._gauges = PartitionGauges(topics)
        self._take_overs = take_overs
        self._on_revoked = on_revoked
        self._threads = ThreadPoolExecutor(TAKE_OVERS_AT_ONCE, thread_name_prefix="take-over")
        self._tasks: set[asyncio.Task[None]] = set()
        self._assignment: frozenset[TopicPartition] | None = None
        self._dropped: set[TopicPartition] = set()
        self._sought_at: dict[TopicPartition, float] = {}
        self._moved: dict[TopicPartition, tuple[int, float, int]] = {}
        """Of each partition: where it stands, since when, and how many records of its topic had come by then."""
        self._seen: Counter[str] = Counter()
        self._at_once: dict[str, Callable[[], int]] = {}
        self._active_at: dict[str, float] = {}
        self._busy: Counter[str] = Counter()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()
        read_leniently()
        transport = LedgerTransport(app.conf.broker_consumer, app)
        transport.ledger = self.ledger
        transport.first_topic = topics[-1] if len(topics) > 1 else ""
        app.transport = transport
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_partitions_assigned.connect(self._assigned, weak=False)

    def read_ahead(self, topic: str, at_once: Callable[[], int]) -> None:
        """Of ``topic``, which is not the one that comes first, let no more than two of its stage's batches wait.

        What waits in memory is waited for by what comes after it: a partition that
        was just taken over, with a slow model, for half a minute. Nor more than
        READ_AHEAD_BYTES: tweets of a megabyte are few.
        """
        self._at_once[topic] = at_once

        def room(record_bytes: float) -> int:
            most = int(READ_AHEAD_BYTES / max(1.0, record_bytes))
            return sum(min(self._fits(topic, queue), most) - queue.qsize() for queue in self._queues(topic))

        cast(LedgerTransport, self._app.transport).room = room

    # What the stages call

    async def admit(self, messages: Sequence[Message]) -> Batch[Incoming]:
        """Turn Faust's messages into the batch that may be worked on; holes are sought back to.

        Every batch must end in ``settle``, in the order in which they were admitted.
        """
        records = [_incoming(message) for message in messages]
        if records:
            self._seen[records[0].tp.topic] += len(records)
        if self._draining:
            records = []
        for record in records:
            if record.tp not in self.ledger.next:
                self._dropped.add(record.tp)
        batch = self.ledger.admit(records, self._app.consumer_generation_id)
        for tp, found in batch.holes.items():
            await self._repair(tp, found, batch.epoch)
        if batch:
            topic = batch.records[0].tp.topic
            self._busy[topic] += 1
            self._idle.clear()
            self._active_at[topic] = float("inf")
            metrics.IN_FLIGHT.labels(topic).set(self._busy[topic])
        return batch

    def settle(self, batch: Batch[Incoming]) -> bool:
        """Say that every effect of the batch is confirmed; False when a rebalance came first."""
        self._done(batch)
        return self.ledger.settle(batch)

    async def lose(self, batch: Batch[Incoming], tp: TopicPartition) -> None:
        """Our hold on one partition of ``batch`` was fenced off: take it over again, unless a rebalance comes first."""
        if batch.epoch != self.ledger.epoch:
            return
        self.ledger.give_up(tp)
        metrics.FENCED.inc()
        # The new owner, if there is one, has had the partition since our session ran out;
        # the group's verdict reaches us well within one more session.
        self._spawn(self._take_over(tp, self.ledger.epoch, delay=float(self._app.conf.broker_session_timeout)))

    async def check(self) -> None:
        """Raise BarometerError when the consumer group will never give us partitions."""
        consumer = cast(LedgerConsumer, self._app.consumer)
        if not consumer.started:
            return
        try:
            await consumer.check()
        except GroupAuthorizationFailedError as error:
            raise KafkaAccessError(
                f"Kafka does not let us join the consumer group {self._app.conf.id}: give our user the right to Read "
                "it, as docs/security.md says"
            ) from error
        except KafkaError as error:
            raise BarometerError(f"the Kafka consumer failed: {error!r}; start the worker again") from error

    def owned(self, topic: str) -> list[int]:
        """Partitions of ``topic`` taken over by this worker."""
        return sorted(tp.partition for tp in self.ledger.next if tp.topic == topic)

    async def refresh(self) -> dict[TopicPartition, int]:
        """Ask the broker where the owned partitions end, and wake those that are stuck.

        Returns for each the offset its next record will get; nothing when the
        broker does not answer or a rebalance comes in between.
        """
        epoch = self.ledger.epoch
        self._gauges.held(self._assignment or (), self.ledger.next)
        self._gauges.passed_over(self.ledger.counts)
        self._tell_queues()
        try:
            ends: dict[TopicPartition, int] = await self._in_thread(self._probe.ends, list(self.ledger.next))
        except KafkaException as error:
            log.warning("cannot ask Kafka for end offsets: %s", error)
            return {}
        if epoch != self.ledger.epoch:
            return {}
        self._gauges.ends(ends, self.ledger.next)
        now = monotonic()
        consumer = cast(LedgerConsumer, self._app.consumer)
        for tp, end in ends.items():
            due = self.ledger.next.get(tp)
            if due is None:
                continue
            seen = self._seen[tp.topic]
            offset, since, seen_then = self._moved.get(tp, (-1, now, seen))
            if offset != due or end <= due:
                self._moved[tp] = (due, now, seen)
                continue
            idle = now - self._active_at.get(tp.topic, 0.0) > STUCK_AFTER_S
            # First in, first out: what Faust was given of it before then has come by, or never will. Ahead of it
            # may be all that waits, what a batch has gathered, and a poll on its way.
            held = 4 * self._app.conf.stream_buffer_maxsize
            passed_over = seen - seen_then > held and consumer.handed_out.get(tp, -1) >= due
            if now - since > (STUCK_AFTER_S if idle or passed_over else STUCK_BUSY_S):
                self._moved[tp] = (due, now, seen)
                await self._repair(tp, None, epoch)
        return ends

    def standing(self) -> Standing | None:
        """Where this worker stands; None while Kafka does not answer. Blocking, from any thread."""
        positions = dict(self.ledger.next)
        try:
            ends = self._probe.ends(positions)
        except KafkaException:
            return None
        return Standing(positions, ends, (self._assignment or frozenset()) - positions.keys())

    def not_ready(self) -> str | None:
        """What is missing before this worker can work: a check for ``Health.ready``."""
        if self._draining:
            return "stopping"
        if self._assignment is None:
            return "no partitions assigned yet"
        if waiting := self._assignment - self.ledger.next.keys():
            return f"{len(waiting)} of {len(self._assignment)} partitions not yet recovered"
        return None

    async def drain(self, limit_s: float) -> bool:
        """Admit nothing more and wait for what is in flight. False when that takes longer than ``limit_s``."""
        self._draining = True
        try:
            async with asyncio.timeout(limit_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self.ledger.forget()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._probe.close()

    # What Faust calls

    async def _revoked(self, *_args: Any, **_kwargs: Any) -> None:
        cast(LedgerConsumer, self._app.consumer).begin_anew()
        self._forget()

    async def _assigned(self, *args: Any, **_kwargs: Any) -> None:
        epoch = self._forget()
        metrics.REBALANCES.inc()
        ours = sorted(TopicPartition(*tp) for tp in args[1] if tp.topic in self._topics)
        self._assignment = frozenset(ours)
        log.info("assigned %d partitions", len(ours))
        for tp in ours:  # not inside the rebalance: recovery may take long
            self._spawn(self._take_over(tp, epoch))

    # Inside

    def _forget(self) -> int:
        epoch = self.ledger.forget()
        self._assignment = None
        self._gauges.forget()
        self._dropped.clear()
        self._moved.clear()
        self._sought_at.clear()
        self._on_revoked()
        return epoch

    def _tell_queues(self) -> None:
        """How full the queue before each stage is. Faust's topics are its conductor's members."""
        for topic in self._topics:
            for queue in self._queues(topic):
                metrics.QUEUE.labels(topic).set(min(1.0, queue.qsize() / self._fits(topic, queue)))

    def _queues(self, topic: str) -> list[Any]:
        """The queue before the stage that reads ``topic``; none before Faust has started."""
        return [cast("Any", channel).queue for channel in list(self._app.topics) if topic in channel.topics]

    def _fits(self, topic: str, queue: Any) -> int:
        """How many records may wait in ``queue``."""
        at_once = self._at_once.get(topic)
        return int(min(queue.maxsize, READ_AHEAD_BATCHES * at_once())) if at_once else int(queue.maxsize)

    def _done(self, batch: Batch[Incoming]) -> None:
        topic = batch.records[0].tp.topic
        self._busy[topic] -= 1
        metrics.IN_FLIGHT.labels(topic).set(self._busy[topic])
        if not self._busy[topic]:
            self._active_at[topic] = monotonic()
        if not self._busy.total():
            self._idle.set()

    async def _take_over(self, tp: TopicPartition, epoch: int, delay: float = 0) -> None:
        await asyncio.sleep(delay)
        take_over = self._take_overs.get(tp.topic)
        started = monotonic()
        while epoch == self.ledger.epoch:
            try:
                if take_over is None:
                    offset = await self._in_thread(self._probe.committed, tp)
                else:
                    offset = await self._in_thread(take_over, tp.partition)
            except (KafkaException, KafkaUnavailableError) as error:
                log.warning("cannot take over %s-%d yet: %s", tp.topic, tp.partition, error)
                await asyncio.sleep(RETRY_S)
                continue
            if self.ledger.take_over(tp, offset, epoch):
                metrics.TAKE_OVER_SECONDS.observe(monotonic() - started)
                log.debug("took over %s-%d at offset %d", tp.topic, tp.partition, offset)
                # Faust starts at the group's offset, ours may differ; what it was given before now it may have dropped.
                given = cast(LedgerConsumer, self._app.consumer).handed_out.get(tp, -1)
                if take_over is not None or tp in self._dropped or given >= offset:
                    await self._seek(tp, offset)
            return

    async def _repair(self, tp: TopicPartition, found: int | None, epoch: int) -> None:
        """Go back for missing records, or pass over offsets at which the broker has none."""
        due = self.ledger.due(tp)
        now = monotonic()
        if due is None or now - self._sought_at.get(tp, -RETRY_S) < RETRY_S:
            return
        self._sought_at[tp] = now
        try:
            exists = await self._in_thread(self._probe.first_from, tp, due)
        except KafkaException as error:
            log.warning("cannot look for offset %d of %s-%d: %s", due, tp.topic, tp.partition, error)
            return
        if exists is not None and exists > due and self.ledger.pass_gap(tp, due, exists, epoch):
            due = exists
        if epoch == self.ledger.epoch and exists is not None:
            log.debug("seeking %s-%d to %d (saw %s)", tp.topic, tp.partition, due, found)
            await self._seek(tp, due)

    async def _seek(self, tp: TopicPartition, offset: int) -> None:
        metrics.SEEKS.inc()
        self._sought_at[tp] = monotonic()
        await self._app.consumer.seek(TP(*tp), offset)

    async def _in_thread(self, call: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(call, *args))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.failure = task.exception()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)


def _incoming(message: Message) -> Incoming:
    return Incoming(
        tp=TopicPartition(message.topic, message.partition),
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple(cast("Headers", message.headers or ())),
        timestamp_ms=round((message.timestamp or 0) * 1000),
        generation=message.generation_id or 0,
    )
