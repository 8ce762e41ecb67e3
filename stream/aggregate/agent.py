"""The aggregate loop: take, admit, fold and save each partition, settle."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

from infra import metrics
from infra.kafka.gauges import tell_batch
from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from infra.kafka.membership import Membership
from infra.kafka.transactions import FencedError
from stream.aggregate.store import STAGE, PaneStore, count

SAVES_AT_ONCE = 12
"""A transaction takes 5 ms; twelve in parallel take 24 ms."""


class AggregateStage:
    """Folds admitted records into panes, one transaction for each partition of a batch."""

    def __init__(self, membership: Membership, store: PaneStore) -> None:
        self._membership = membership
        self._store = store
        self._threads = ThreadPoolExecutor(SAVES_AT_ONCE, thread_name_prefix="aggregate")

    async def run(self, batches: AsyncIterator[Sequence[Any]]) -> None:
        """Work until ``batches`` ends. A partition that another worker has taken over is dropped, not settled."""
        async for events in batches:
            batch = await self._membership.admit(events)
            if not batch:
                continue
            started = perf_counter()
            by_partition: dict[TopicPartition, list[Incoming]] = {}
            for record in batch.records:
                by_partition.setdefault(record.tp, []).append(record)
            kept = await asyncio.gather(*(self._save(tp, records) for tp, records in by_partition.items()))
            for tp, saved in zip(by_partition, kept, strict=True):
                if not saved:
                    await self._membership.lose(batch, tp)
            self._membership.settle(batch)
            tell_batch(STAGE, batch.records, perf_counter() - started)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _save(self, tp: TopicPartition, records: Sequence[Incoming]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            with metrics.STEP_SECONDS.labels(STAGE, "save").time():
                changes = await loop.run_in_executor(self._threads, self._store.fold_and_save, tp.partition, records)
        except FencedError:
            return False
        count(changes)
        return True
