"""One stream worker: settings to model to app. The composition root."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, NoReturn

import faust
import uvloop

from infra import metrics
from infra.attempts import attempt
from infra.dead_share import DeadShare
from infra.endpoint import Endpoint
from infra.errors import BarometerError, KafkaUnavailableError, Step, TopicError
from infra.health import Health, Watch
from infra.heap import giving_back, keep_small
from infra.kafka.admin import check_topics, topic_id
from infra.kafka.membership import Membership
from infra.kafka.offsets import OffsetProbe
from infra.kafka.outage import OutageWatch
from infra.kafka.publish import ConfirmedPublisher
from infra.process import tell_process
from infra.settings import Settings
from model.measured import Measured
from model.prediction import Classifier, ModelInfo
from stream.aggregate.agent import AggregateStage
from stream.aggregate.gauges import ReputationCollector, registered
from stream.aggregate.store import PaneStore, rules_of
from stream.brands import BrandRules
from stream.classify.agent import ClassifyStage, SourceTopic
from stream.classify.batch_size import BatchSize
from stream.classify.outcome import FuturePolicy
from stream.classify.progress import SourceTracker
from stream.topics import Topics, topic_specs
from stream.topology import Loop, Stage, build_app, connect, source_of, stages_of

log = logging.getLogger(__name__)

FIRST_TEXT = "a first text, to see that the model works"
KAFKA_PATIENCE_S = 60.0
"""A worker started together with its Kafka waits this long for it and its topics."""
LEAVE_S = 10.0
"""Time to commit and leave the group once the work is finished or given up."""


class StreamError(BarometerError):
    """Faust gave up; nothing that was not confirmed has been acknowledged."""


def work(settings: Settings, load: Callable[[], Classifier]) -> NoReturn:
    """Be a worker process: ``run_worker``, then leave at once, with the exit code of what happened.

    At once, because threads may be waiting for a Kafka that is away. Nothing
    that they hold counts: a worker may be killed at any time.
    """
    code = 0
    keep_small()
    try:
        uvloop.run(run_worker(settings, load))
    except BarometerError as error:
        sys.stderr.write(f"barometer: {error}\n")
        code = error.exit_code
    except BaseException:
        log.exception("stopping because of an error nobody expected")
        code = 1
    leave(code)


def leave(code: int) -> NoReturn:
    """End this process without waiting for its threads."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
        self._stages = stages_of(settings)
        self._sources = [source_of(stage, self._topics) for stage in self._stages]
        self._stopping = asyncio.Event()
        self._failure: BaseException | None = None
        self._loaded = False

    def stop_soon(self) -> None:
        """Finish what is in flight and stop; called again, stop at once."""
        if self._stopping.is_set():
            log.warning("stopping at once")
            leave(130)
        log.info("stopping: finishing what is in flight")
        self._stopping.set()

    async def run(self) -> None:
        settings = self._settings
        probe = OffsetProbe(settings)
        rules = rules_of(settings)
        store = PaneStore(settings, self._topics, rules, probe.bounds)
        tracker = SourceTracker(settings.idle_after_s, time.monotonic)

        def revoked() -> None:
            store.release()
            tracker.forget()

        app = build_app(settings)
        membership = Membership(app, probe, self._sources, {self._topics.labeled: store.own}, revoked)
        with giving_back(), ExitStack() as served:
            self._serve(served, membership, ReputationCollector(store.owned, settings.metrics_brands, rules.detector))
            model, source_id = await asyncio.gather(
                asyncio.to_thread(self._load_model), asyncio.to_thread(_wait_for_topics, settings, self._stopping)
            )
            self._loaded = True
            if source_id is None:
                return
            served.enter_context(OutageWatch(settings, self._sources[0]))
            loops: dict[Stage, Loop] = {}
            at_once, free = BatchSize(settings.batch_size), asyncio.Event()
            beat: Callable[[], Awaitable[object]] = membership.refresh
            with ExitStack() as over, ExitStack() as left:
                if model is not None:
                    publisher = ConfirmedPublisher(settings)
                    source = SourceTopic(source_id, settings.partitions)
                    classify = self._classify_stage(source, membership, publisher, model, tracker, at_once, free)
                    loops["classify"], beat = self._or_stop(classify.run), classify.beat
                    membership.read_ahead(self._topics.tweets, at_once)
                    over.callback(publisher.close)
                    left.callback(model.close)
                    left.callback(classify.close)
                if "aggregate" in self._stages:
                    aggregate = AggregateStage(membership, store)
                    loops["aggregate"] = self._or_stop(aggregate.run)
                    left.callback(aggregate.close)
                connect(app, settings, self._topics, loops, at_once, free)
                beating = asyncio.create_task(self._beat(app, membership, beat))
                try:
                    await self._work(app, membership, model)
                finally:
                    beating.cancel()
                    over.close()
                    with suppress(asyncio.CancelledError):
                        await beating
                    await _leave_group(app)
                    await membership.close()
        if self._failure is not None:
            raise self._failure

    async def _work(self, app: faust.App, membership: Membership, model: Classifier | None) -> None:
        """From joining the group until told to stop, or until something fails."""
        settings = self._settings
        if await self._start(app):
            labels = _in_words(model.info) if model else "no model"
            log.info("working: %s, %s, group %s", settings.stages, labels, settings.group)
            await self._stopping.wait()
        if self._failure is None and not await membership.drain(settings.shutdown_timeout_s):
            log.warning("not finished within %.0f s; what is left will be done again", settings.shutdown_timeout_s)

    def _load_model(self) -> Classifier | None:
        """The model, measured; none where nothing is to be labelled."""
        return Measured(_working(self._load)) if "classify" in self._stages else None

    def _classify_stage(
        self,
        source: SourceTopic,
        membership: Membership,
        publisher: ConfirmedPublisher,
        classifier: Classifier,
        tracker: SourceTracker,
        at_once: BatchSize,
        free: asyncio.Event,
    ) -> ClassifyStage:
        settings = self._settings
        find_brands = BrandRules.load(settings.brands_file).find
        future = FuturePolicy(settings.future_timestamps == "clamp", dt.timedelta(seconds=settings.future_tolerance_s))
        fuse = DeadShare(settings.dead_share_limit, settings.dead_share_window)
        return ClassifyStage(
            self._topics,
            source,
            membership,
            publisher,
            classifier,
            find_brands,
            future,
            tracker,
            dead_share=fuse,
            at_once=at_once,
            free=free,
        )

    def _serve(self, served: ExitStack, membership: Membership, reputation: ReputationCollector) -> None:
        """Health and metrics, also while Kafka is waited for."""
        settings = self._settings
        watch = served.enter_context(Watch(membership.standing, settings.stalled_after_s))
        if not settings.metrics_port:
            return
        sections, ready = [metrics.DELIVERY, metrics.FLOW], {"partitions": membership.not_ready}
        if "classify" in self._stages:
            sections.append(metrics.MODEL)
            ready["model"] = self._not_loaded
        if "aggregate" in self._stages:
            sections.append(metrics.REPUTATION)
            served.enter_context(registered(reputation))
        for section in sections:
            section.begin()
        for topic in self._sources:
            metrics.TOPIC_PARTITIONS.labels(topic).set(settings.partitions)
        tell_process()
        health = Health(live={"progress": watch.check}, ready=ready)
        served.enter_context(Endpoint(settings.metrics_host, settings.metrics_port, health))

    async def _start(self, app: faust.App) -> bool:
        """Join the group; False when told to stop before Kafka has let us in."""
        starting, stopping = asyncio.create_task(app.start()), asyncio.create_task(self._stopping.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            await starting
            return True
        starting.cancel()
        return False

    def _not_loaded(self) -> str | None:
        return None if self._loaded else "still loading"

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

    async def _beat(self, app: faust.App, membership: Membership, beat: Callable[[], Awaitable[object]]) -> None:
        interval_s = self._settings.watermark_interval_s
        while not self._stopping.is_set():
            due = time.monotonic() + interval_s
            await asyncio.sleep(interval_s)
            metrics.LOOP_DELAY.set(max(0.0, time.monotonic() - due))
            try:
                if membership.failure is not None:
                    raise membership.failure
                if app.crashed:
                    raise StreamError(f"the Kafka consumer failed: {app.crash_reason!r}; start the worker again")
                await membership.check()
                await beat()
            except Exception as error:  # noqa: BLE001  reported by run()
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        if self._failure is None and not self._stopping.is_set():
            log.error("stopping because of an error: %s", error, exc_info=not isinstance(error, BarometerError))
            self._failure = error
            self._stopping.set()


def _in_words(model: ModelInfo) -> str:
    return f"model {model.name} {model.version} on {model.engine}{f' ({model.tuning})' if model.tuning else ''}"


async def _leave_group(app: faust.App) -> None:
    try:
        async with asyncio.timeout(LEAVE_S):
            await app.stop()
    except TimeoutError:
        log.warning("Kafka does not answer; its group will notice that this worker is gone")


def _working(load: Callable[[], Classifier]) -> Classifier:
    """A classifier that has labelled a text: one that cannot label at all must not get to see a tweet."""
    classifier = load()
    try:
        attempt(lambda: classifier.classify([FIRST_TEXT]), Step.COMPUTE)
    except Exception as error:
        info = classifier.info
        raise StreamError(
            f"model {info.name} {info.version} on {info.engine} cannot label a text: {error!r}; nothing was read"
        ) from error
    return classifier


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
