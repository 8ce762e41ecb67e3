"""The pane store: state in a compacted topic, each partition fenced by its own transactional producer.

To take a partition over is: fence the previous owner (``init_transactions``
with the id that names the partition), read its state, continue from the offset
stored in it. To save a batch is one transaction with state, windows, dead
letters and the next input offset. So a worker that was frozen and wakes can
overwrite nothing, and no window that was published can go missing.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from confluent_kafka import KafkaError, KafkaException, Producer

from infra import metrics
from infra.errors import BarometerError
from infra.kafka.clients import transactional_producer_config
from infra.kafka.incoming import Incoming
from infra.kafka.publish import Outgoing, send
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import Changes, PartitionState, Rules, apply, fold
from stream.dead import dead_letter
from stream.topics import Topics

log = logging.getLogger(__name__)

STAGE = "aggregate"
CALL_TIMEOUT_S = 30.0
ABORTS_BEFORE_GIVING_UP = 5
SAVE_AT_LEAST_EVERY_MS = 10_000
"""Batches that change nothing (watermarks while idle) are saved only this often."""


class FencedError(Exception):
    """Another worker has taken the partition over; the batch must be dropped."""


class StoreError(BarometerError):
    """Kafka refuses to save the state; going on would lose it."""


@dataclass
class _Owned:
    producer: Producer
    state: PartitionState
    lock: threading.Lock = field(default_factory=threading.Lock)


class PaneStore:
    """State of the owned partitions. Blocking; different partitions may be used from different threads.

    ``begin`` gives the oldest offset of an input partition: where to start when
    no state was ever saved, since the state is a function of the input.
    """

    def __init__(self, settings: Settings, topics: Topics, rules: Rules, begin: Callable[[int], int]) -> None:
        self._settings = settings
        self._topics = topics
        self._rules = rules
        self._begin = begin
        self._owned: dict[int, _Owned] = {}

    def own(self, partition: int) -> int:
        """Fence the previous owner, recover, and return the input offset to continue at. Raises KafkaException."""
        transactional_id = f"{self._settings.group}-{STAGE}-{partition}"
        producer = Producer(transactional_producer_config(self._settings, transactional_id))
        producer.init_transactions(CALL_TIMEOUT_S)
        state = codec.decode(self._saved_records(partition))
        if state is None:
            state = PartitionState(next_offset=self._begin(partition))
        self._owned[partition] = _Owned(producer, state)
        return state.next_offset

    def release(self) -> None:
        """Own nothing any more. A save under way fails or finishes; either is right."""
        self._owned = {}

    def fold_and_save(self, partition: int, records: Sequence[Incoming]) -> Changes:
        """Fold ``records`` into the partition's state, save and apply the changes.

        Records that the state already holds are passed over: a batch admitted
        before a rebalance may meet the state recovered after it. Raises
        FencedError when the partition is another's, StoreError when Kafka
        refuses the records for good.
        """
        owned = self._owned.get(partition)
        if owned is None:
            raise FencedError(f"partition {partition} is not owned")
        with owned.lock:
            due = [record for record in records if record.offset >= owned.state.next_offset]
            changes = fold(owned.state, due, self._rules)
            saved_ms = owned.state.saved_ms
            if changes.material or changes.appended_ms - saved_ms >= SAVE_AT_LEAST_EVERY_MS:
                _transact(owned.producer, list(self._outgoing(partition, changes)))
                saved_ms = changes.appended_ms
            apply(owned.state, changes)
            owned.state.saved_ms = saved_ms
        return changes

    def _outgoing(self, partition: int, changes: Changes) -> Iterator[Outgoing]:
        yield from codec.encode(changes, self._topics.panes, partition)
        for window in changes.windows.values():
            yield Outgoing(self._topics.windows, window.key(), window.encode(), partition=partition)
        now = dt.datetime.now(dt.UTC)
        for record, reason, message in changes.dead:
            yield dead_letter(self._topics.dead, record, stage=STAGE, reason=reason, message=message, died_at=now)

    def _saved_records(self, partition: int) -> list[tuple[bytes, bytes]]:
        """The newest value of every key in the state partition, tombstones gone."""
        newest: dict[bytes, bytes] = {}
        for message in read_to_end(self._settings, self._topics.panes, partition):
            key, value = message.key() or b"", message.value()
            if value is None:
                newest.pop(key, None)
            else:
                newest[key] = value
        return list(newest.items())


def _transact(producer: Producer, records: Sequence[Outgoing]) -> None:
    """Publish all of ``records`` or none. Waits for a broker that is away."""
    refusals: list[KafkaError] = []

    def delivered(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            refusals.append(error)

    for _attempt in range(ABORTS_BEFORE_GIVING_UP):
        try:
            producer.begin_transaction()
            for record in records:
                send(producer, record, delivered)
            _until_done(producer.commit_transaction)
        except KafkaException as failure:
            error = failure.args[0]
            if error.fatal() or error.code() in (KafkaError._FENCED, KafkaError._STATE):  # noqa: SLF001
                raise FencedError(error.str()) from failure
            if not error.txn_requires_abort():
                raise
            log.warning("transaction aborted, trying again: %s", error.str())
            _until_done(producer.abort_transaction)
        else:
            return
    why = refusals[0].str() if refusals else "unknown reason"
    raise StoreError(f"Kafka refused to save {len(records)} state records {ABORTS_BEFORE_GIVING_UP} times: {why}")


def _until_done(call: Callable[[float], None]) -> None:
    """Repeat a transactional call that may be repeated, for as long as the broker is away."""
    while True:
        try:
            return call(CALL_TIMEOUT_S)
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise
            log.warning("Kafka does not answer, waiting: %s", failure.args[0].str())


def count(changes: Changes) -> None:
    """Put what a batch did into the metrics."""
    metrics.RECORDS_OUT.labels(STAGE).inc(len(changes.windows))
    metrics.REPEATED.labels("redelivered").inc(changes.redelivered)
    metrics.REPEATED.labels("duplicate").inc(changes.duplicates)
    for _record, reason, _message in changes.dead:
        metrics.DEAD.labels(STAGE, reason).inc()
