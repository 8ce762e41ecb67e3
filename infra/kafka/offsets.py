"""Questions to the broker about offsets, asked outside Faust's consumer."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from infra.kafka import ledger
from infra.kafka.access import denied
from infra.kafka.clients import reader_config
from infra.settings import Settings

_TIMEOUT_S = 10.0
_FORGETFUL = {"topic.metadata.refresh.interval.ms": 5_000, "metadata.max.age.ms": 5_000}


class OffsetProbe:
    """Blocking look-ups; call them from a thread. Raise KafkaException when the broker does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Committed records alone, as Faust's consumer reads them.
        self._consumer = Consumer(reader_config(settings, **{"group.id": settings.group, "enable.partition.eof": True}))
        # Not the admin client's list_offsets: when a broker dies at the wrong moment, librdkafka ends the process
        # ("Assertion eonce->refcnt > 0"), and after a restart it goes on asking for a leader that is gone.
        self._asking = Consumer(reader_config(settings, **{"group.id": settings.group, **_FORGETFUL}))
        self._lock, self._asking_lock = threading.Lock(), threading.Lock()

    def committed(self, tp: ledger.TopicPartition) -> int:
        """The group's committed offset, or where the partition begins when there is none.

        Raises KafkaAccessError when we may not ask.
        """
        with self._lock:
            try:
                found = self._consumer.committed([TopicPartition(*tp)], timeout=_TIMEOUT_S)[0]
            except KafkaException as error:
                raise denied(self._settings, error.args[0]) or error from error
            if found.error is not None:
                raise denied(self._settings, found.error) or KafkaException(found.error)
            begin: int = self._consumer.get_watermark_offsets(TopicPartition(*tp), timeout=_TIMEOUT_S)[0]
        return max(found.offset, begin)

    def bounds(self, tp: ledger.TopicPartition) -> tuple[int, int]:
        """Offset of the oldest record still there, and the one that the next record will get."""
        with self._lock:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(*tp), timeout=_TIMEOUT_S)
        return low, high

    def ends(self, tps: Iterable[ledger.TopicPartition]) -> dict[ledger.TopicPartition, int]:
        """For each partition the offset that its next record will get; one request for all."""
        asked = [TopicPartition(tp.topic, tp.partition, OFFSET_END) for tp in tps]
        if not asked:
            return {}
        with self._asking_lock:
            found = self._asking.offsets_for_times(asked, timeout=_TIMEOUT_S)
        for answer in found:
            if answer.error is not None:
                raise KafkaException(answer.error)
        return {ledger.TopicPartition(answer.topic, answer.partition): answer.offset for answer in found}

    def first_from(self, tp: ledger.TopicPartition, offset: int) -> int | None:
        """Offset of the first record at or after ``offset``, or of the next one to come; None without an answer.

        The next one lies beyond ``offset`` where the partition ends in offsets that hold no record,
        such as the marker of a transaction.
        """
        with self._lock:
            self._consumer.assign([TopicPartition(tp.topic, tp.partition, offset)])
            try:
                message = self._consumer.poll(_TIMEOUT_S)
            finally:
                self._consumer.unassign()
        if message is None:
            return None
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  the library names it so
            return None
        found: int | None = message.offset()
        return found

    def close(self) -> None:
        with self._lock:
            self._consumer.close()
        with self._asking_lock:
            self._asking.close()
