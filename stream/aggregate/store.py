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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from confluent_kafka import Producer

from infra import metrics
from infra.dead_share import DeadShare, in_words
from infra.errors import KafkaUnavailableError
from infra.garbage import building_state
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import Outgoing
from infra.kafka.reading import OpenTransactionError, newest_values
from infra.kafka.transactions import FencedError, end_forgotten, fenced_producer, transact
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import LATE, Changes, PartitionState, Rules, apply, fold
from stream.aggregate.newest import Newest
from stream.aggregate.totals import Totals, TotalsChange
from stream.brands import BrandRules
from stream.dead import dead_letter
from stream.spikes.rules import rules_of as spike_rules
from stream.topics import Topics

log = logging.getLogger(__name__)

STAGE = "aggregate"
FORGOTTEN_AFTER_S = 10.0
"""A transaction that is still open so long after all its producers were fenced is one that Kafka has forgotten."""
SAVE_AT_LEAST_EVERY_MS = 10_000
"""Batches that change nothing (watermarks while idle) are saved only this often."""
SPAN_S = 900
"""Event time that the gauges of brands look back on, from the last minute that closed."""
REBUILD = "stop the workers and run: barometer rebuild"


@dataclass
class Owned:
    """A partition that is ours. ``state`` and ``totals`` are changed by one thread at a time, and read by any."""

    producer: Producer
    state: PartitionState
    totals: Totals
    dead_share: DeadShare
    newest: Newest = field(default_factory=partial(Newest, SPAN_S))
    lock: threading.Lock = field(default_factory=threading.Lock)


def transactional_id(settings: Settings, partition: int) -> str:
    """Who has a producer with this id has the partition."""
    return f"{settings.group}-{STAGE}-{partition}"


def rules_of(settings: Settings) -> Rules:
    """What the settings say of the fold: event time, spikes, and what brands are called."""
    return Rules(
        allowed_lateness_s=settings.allowed_lateness_s,
        grace_s=settings.window_grace_s,
        late_retention_s=settings.late_retention_s,
        duplicate_horizon_s=settings.duplicate_horizon_s,
        update_interval_s=settings.window_update_interval_s,
        spikes=spike_rules(settings),
        names=BrandRules.load(settings.brands_file).called,
    )


class PaneStore:
    """State of the owned partitions. Blocking; different partitions may be used from different threads.

    ``bounds`` gives the oldest offset of a partition and the one after its
    newest. A partition whose state was never saved is folded from its
    beginning, since the state is a function of the input.
    """

    def __init__(
        self, settings: Settings, topics: Topics, rules: Rules, bounds: Callable[[TopicPartition], tuple[int, int]]
    ) -> None:
        self._settings = settings
        self._topics = topics
        self._rules = rules
        self._bounds = bounds
        self._owned: dict[int, Owned] = {}
        self._round = 0
        self._lock = threading.Lock()

    def own(self, partition: int) -> int:
        """Fence the previous owner, recover, and return the input offset to continue at.

        Raises KafkaException, KafkaUnavailableError, and StateError when the
        state cannot be trusted.
        """
        started_in = self._round
        with metrics.TAKE_OVER_PHASE_SECONDS.labels("fence").time():
            producer = fenced_producer(self._settings, transactional_id(self._settings, partition))
        with building_state():
            with metrics.TAKE_OVER_PHASE_SECONDS.labels("read").time():
                records = self._read(partition, producer)
            with metrics.TAKE_OVER_PHASE_SECONDS.labels("decode").time():
                saved = self._decode(partition, records)
                records.clear()
        begin, end = self._bounds(TopicPartition(self._topics.labeled, partition))
        if saved is None:
            saved = self._never_saved(partition, begin)
        self._check_input(partition, saved.state.next_offset, begin, end)
        with self._lock:
            if started_in == self._round:  # else released meanwhile: it is another's, and so are its brands
                fuse = DeadShare(self._settings.dead_share_limit, self._settings.dead_share_window)
                self._owned[partition] = Owned(producer, saved.state, saved.totals, fuse)
        return max(saved.state.next_offset, begin)

    def release(self) -> None:
        """Own nothing any more. A save under way fails or finishes; either is right."""
        with self._lock:
            self._round += 1
            self._owned = {}

    def owned(self) -> Mapping[int, Owned]:
        """The partitions that are ours now; for readers in any thread."""
        return self._owned.copy()

    def fold_and_save(self, partition: int, records: Sequence[Incoming]) -> Changes:
        """Fold ``records`` into the partition's state, save and apply the changes.

        Records that the state already holds are passed over: a batch admitted
        before a rebalance may meet the state recovered after it. Raises
        FencedError when the partition is another's, DeadShareError when too many
        records cannot be read (nothing is saved then), TransactionError when Kafka
        refuses the records for good.
        """
        owned = self._owned.get(partition)
        if owned is None:
            raise FencedError(f"partition {partition} is not owned")
        with owned.lock:
            due = [record for record in records if record.offset >= owned.state.next_offset]
            changes = fold(owned.state, due, self._rules)
            bad = [letter for letter in changes.dead if letter[1] != LATE]
            fates = [True] * len(bad) + [False] * (changes.counted + changes.redelivered + changes.duplicates)
            owned.dead_share.require(fates, in_words(bad))
            totals = owned.totals.after(owned.state, changes)
            saved_ms = owned.state.saved_ms
            if changes.material or changes.appended_ms - saved_ms >= SAVE_AT_LEAST_EVERY_MS:
                transact(owned.producer, list(self._outgoing(partition, changes, totals)))
                saved_ms = changes.appended_ms
            apply(owned.state, changes)
            owned.totals.apply(totals)
            owned.newest.note(changes)
            owned.state.saved_ms = saved_ms
            owned.dead_share.note(fates)
        return changes

    def _read(self, partition: int, producer: Producer) -> dict[bytes, bytes]:
        """What was saved. The producer has fenced all others: no transaction is open, unless Kafka forgot to end it."""
        topics = self._topics
        try:
            return newest_values(self._settings, topics.panes, partition, open_s=FORGOTTEN_AFTER_S)
        except OpenTransactionError as error:
            log.warning("ending a transaction that Kafka has forgotten: %s", error)
            places = [TopicPartition(topic, partition) for topic in (topics.panes, topics.windows)]
            for number in range(self._settings.partitions):
                places += [TopicPartition(topic, number) for topic in (topics.spikes, topics.dead)]
            try:
                end_forgotten(producer, places)
            except FencedError as fenced:
                raise KafkaUnavailableError(f"another worker takes partition {partition} over: {fenced}") from fenced
            return newest_values(self._settings, topics.panes, partition)

    def _outgoing(self, partition: int, changes: Changes, totals: TotalsChange) -> Iterator[Outgoing]:
        yield from codec.encode(changes, totals, self._topics.panes, partition)
        for window in changes.windows.values():
            yield Outgoing(self._topics.windows, window.key(), window.encode(), partition=partition)
        for spike in changes.spikes:
            yield Outgoing(self._topics.spikes, spike.id.encode(), spike.encode())
        now = dt.datetime.now(dt.UTC)
        for record, reason, message in changes.dead:
            yield dead_letter(self._topics.dead, record, stage=STAGE, reason=reason, message=message, died_at=now)

    def _decode(self, partition: int, records: Mapping[bytes, bytes]) -> codec.Saved | None:
        try:
            return codec.decode(records.items())
        except codec.TruncatedError as error:
            raise codec.StateError(f"{self._topics.panes}-{partition} has lost records ({error}); {REBUILD}") from error

    def _never_saved(self, partition: int, begin: int) -> codec.Saved:
        """Start from the oldest labelled tweet, unless windows were made of older ones that are gone."""
        if begin > 0 and self._bounds(TopicPartition(self._topics.windows, partition))[1] > 0:
            raise codec.StateError(
                f"{self._topics.panes}-{partition} is empty, and {self._topics.labeled}-{partition} begins at offset "
                f"{begin}: counting from there would spoil the windows that older tweets went into; {REBUILD}"
            )
        return codec.Saved(PartitionState(next_offset=begin), Totals())

    def _check_input(self, partition: int, next_offset: int, begin: int, end: int) -> None:
        labeled = f"{self._topics.labeled}-{partition}"
        if next_offset > end:
            raise codec.StateError(
                f"{self._topics.panes}-{partition} has counted {labeled} up to offset {next_offset}, but it ends at "
                f"{end}: it was made anew or has lost records; {REBUILD}"
            )
        if next_offset < begin:
            log.error(
                "%s: offsets %d to %d were removed by retention before they were counted",
                labeled,
                next_offset,
                begin - 1,
            )


def count(changes: Changes) -> None:
    """Put what a batch did into the metrics."""
    metrics.RECORDS_OUT.labels(STAGE).inc(len(changes.windows))
    metrics.REPEATED.labels("redelivered").inc(changes.redelivered)
    metrics.REPEATED.labels("duplicate").inc(changes.duplicates)
    metrics.LATE.inc(changes.late)
    for spike in changes.spikes:
        news = "opened" if spike.updated_at == spike.opened_at else "updated"
        metrics.SPIKES.labels(spike.kind, news if spike.status == "open" else "closed").inc()
    for _record, reason, _message in changes.dead:
        metrics.DEAD.labels(STAGE, reason).inc()
