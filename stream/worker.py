"""One stream worker: settings to model to app. The composition root."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import faust

from infra.errors import BarometerError, KafkaUnavailableError, TopicError
from infra.kafka.admin import check_topics, topic_id
from infra.kafka.ledger import TopicPartition
from infra.kafka.membership import Membership
from infra.kafka.offsets import OffsetProbe
from infra.kafka.publish import ConfirmedPublisher
from infra.settings import Settings
from model.prediction import Classifier
from stream.aggregate.agent import AggregateStage
from stream.aggregate.fold import Rules
from stream.aggregate.store import PaneStore
from stream.brands import BrandRules
from stream.classify.agent import ClassifyStage, SourceTopic
from stream.classify.outcome import FuturePolicy
from stream.classify.progress import SourceTracker
from stream.topics import Topics, topic_specs
from stream.topology import build_app, connect

log = logging.getLogger(__name__)

KAFKA_PATIENCE_S = 60.0
"""A worker started together with its Kafka waits this long for it and its topics."""
DRAIN_S = 20.0
"""After SIGTERM, time to finish what is in flight. A second signal stops at once."""


class StreamError(BarometerError):
    """Faust gave up; nothing that was not confirmed has been acknowledged."""


async def run_worker(settings: Settings, load: Callable[[], Classifier]) -> None:
    """Work until SIGTERM or SIGINT. Raises BarometerError when going on would lose something.

    ``load`` gives the classifier; it is called in a thread, while Kafka is waited for.
    """
    worker = Worker(settings, load)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, worker.stop_soon)
    await worker.run()


class Worker:
    """Everything one process of the flow needs, built in ``run`` and taken down again."""

    def __init__(self, settings: Settings, load: Callable[[], Classifier]) -> None:
        self._settings = settings
        self._load = load
        self._topics = Topics.of(settings)
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None

    def stop_soon(self) -> None:
        """Finish what is in flight and stop; called again, stop at once."""
        if self._stopping.is_set():
            raise SystemExit(130)
        log.info("stopping: finishing what is in flight")
        self._stopping.set()

    async def run(self) -> None:
        settings, topics = self._settings, self._topics
        classifier, source_id = await asyncio.gather(
            asyncio.to_thread(self._load), asyncio.to_thread(_wait_for_topics, settings, self._stopping)
        )
        if source_id is None:
            return
        app = build_app(settings)
        probe = OffsetProbe(settings)
        publisher = ConfirmedPublisher(settings)
        store = PaneStore(settings, topics, _rules(settings), lambda p: probe.begin(TopicPartition(topics.labeled, p)))
        tracker = SourceTracker(settings.idle_after_s, time.monotonic)

        def revoked() -> None:
            store.release()
            tracker.forget()

        membership = Membership(app, probe, (topics.tweets, topics.labeled), {topics.labeled: store.own}, revoked)
        classify = ClassifyStage(
            topics,
            SourceTopic(source_id, settings.partitions),
            membership,
            publisher,
            classifier,
            BrandRules.load(settings.brands_file).find,
            FuturePolicy(settings.future_timestamps == "clamp", dt.timedelta(seconds=settings.future_tolerance_s)),
            tracker,
        )
        aggregate = AggregateStage(membership, store)
        connect(app, settings, topics, classify=self._or_stop(classify.run), aggregate=self._or_stop(aggregate.run))
        beat = asyncio.create_task(self._beat(app, membership, classify.beat))
        try:
            await app.start()
            info = classifier.info
            log.info("working: model %s %s on %s, group %s", info.name, info.version, info.engine, settings.group)
            await self._stopping.wait()
            if self._failure is None and not await membership.drain(DRAIN_S):
                log.warning("not finished within %.0f s; what is left will be done again", DRAIN_S)
        finally:
            beat.cancel()
            publisher.close()
            with suppress(asyncio.CancelledError):
                await beat
            await app.stop()
            await membership.close()
            classify.close()
            aggregate.close()
            classifier.close()
        if self._failure is not None:
            raise self._failure

    def _or_stop(
        self, run: Callable[[AsyncIterator[Sequence[Any]]], Awaitable[None]]
    ) -> Callable[[AsyncIterator[Sequence[Any]]], Awaitable[None]]:
        """A loop that fails takes the worker down with nothing acknowledged; Faust would go on without its batch."""

        async def guarded(batches: AsyncIterator[Sequence[Any]]) -> None:
            try:
                await run(batches)
            except Exception as error:  # noqa: BLE001  reported by run()
                self._fail(error)
                await asyncio.Event().wait()  # until the app is stopped

        return guarded

    async def _beat(self, app: faust.App, membership: Membership, beat: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            await asyncio.sleep(self._settings.watermark_interval_s)
            try:
                if membership.failure is not None:
                    raise membership.failure
                if app.crashed:
                    raise StreamError(f"the Kafka consumer failed: {app.crash_reason!r}; start the worker again")
                await beat()
            except Exception as error:  # noqa: BLE001  reported by run()
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failure is None and not self._stopping.is_set():
            log.error("stopping because of an error: %s", error, exc_info=not isinstance(error, BarometerError))
            self._failure = error
            self._stopping.set()


def _rules(settings: Settings) -> Rules:
    return Rules(
        allowed_lateness_s=settings.allowed_lateness_s,
        grace_s=settings.window_grace_s,
        late_retention_s=settings.late_retention_s,
        duplicate_horizon_s=settings.duplicate_horizon_s,
        update_interval_s=settings.window_update_interval_s,
    )


def _wait_for_topics(settings: Settings, stopping: asyncio.Event) -> str | None:
    """Wait until Kafka answers and the topics are right; the id of ``tweets``, None when stopped meanwhile."""
    deadline = time.monotonic() + KAFKA_PATIENCE_S
    said = False
    while not stopping.is_set():
        try:
            check_topics(settings, topic_specs(settings))
            return topic_id(settings, Topics.of(settings).tweets)
        except (KafkaUnavailableError, TopicError) as error:
            if time.monotonic() > deadline:
                raise
            if not said:
                log.info("waiting: %s", error)
                said = True
            time.sleep(0.25)
    return None
