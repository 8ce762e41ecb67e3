"""Kafka, topics, observer and replay, brought up in a thread so that the view can show how they come up."""

from __future__ import annotations

import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from infra.errors import BarometerError, BrokerStartError
from infra.kafka.admin import ensure_topics
from infra.kafka.local import LocalBroker
from infra.settings import Settings
from stream.demo.observer import Observer
from stream.demo.summary import Published
from stream.demo.view import Step, StepState
from stream.replay import Rejected, ReplayOptions, ReplayProgress, ReplayResult, replay_file
from stream.topics import topic_specs

KAFKA, WORKER, REPLAY, PAGE = "Kafka", "Worker", "Replay", "Live page"
"""The steps."""
TOPICS_S = 60.0
"""For making the topics: a Kafka that has just started, on a busy machine, takes its time."""
_STOP_S = 3.0

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What to bring up. ``broker`` None: an existing Kafka, where ``settings`` say. ``make_file`` writes what is
    replayed, if that has to be made first.
    """

    settings: Settings
    replay: ReplayOptions
    broker: LocalBroker | None = None

    @property
    def kafka(self) -> str:
        return self.settings.kafka_bootstrap_servers

    @property
    def kafka_version(self) -> str:
        """Kafka does not tell its version to clients, so that of another one is 'external'."""
        return self.broker.version if self.broker is not None else "external"


class Steps:
    """What must come up, by name, and how far it is; written by several threads."""

    def __init__(self, *names: str) -> None:
        self._steps = {name: Step(name, "waiting", "") for name in names}

    def set(self, name: str, state: StepState, detail: str) -> None:
        self._steps[name] = Step(name, state, detail)

    def is_done(self, name: str) -> bool:
        return self._steps[name].state == "done"

    def all(self) -> tuple[Step, ...]:
        return tuple(self._steps.values())


class Pipeline:
    """Runs a plan. Everything that is read from other threads is replaced whole, never changed."""

    def __init__(self, plan: Plan, steps: Steps, clock: Callable[[], float] = time.monotonic) -> None:
        self.plan = plan
        self.steps = steps
        self.observer = Observer(plan.settings, clock)
        self.progress: ReplayProgress | None = None
        self.result: ReplayResult | None = None
        self.last_rejected: Rejected | None = None
        self.error: BaseException | None = None
        self.kafka_coming = threading.Event()
        """Set when Kafka is about to come up: whoever waits for it need not wait long."""
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pipeline", daemon=True)

    @property
    def published(self) -> Published:
        """What the replay has done so far."""
        if self.result is not None:
            finished = not self.result.stopped
            return Published(self.result.published, self.result.rejected, self.result.repaired, finished)
        if self.progress is not None:
            return Published(self.progress.published, self.progress.rejected, self.progress.repaired, finished=False)
        return Published(0, 0, 0, finished=False)

    def start(self) -> None:
        self._thread.start()

    def check(self) -> None:
        """Raise what has gone wrong in the thread, or in Kafka since."""
        if self.error is not None:
            raise self.error
        broker = self.plan.broker
        if broker is not None and self.steps.is_done(KAFKA) and not broker.running:
            raise BrokerStartError("Kafka ended while the demo ran; its log is kafka.log in the demo's folder")

    def stop_replay(self) -> None:
        """End the replay and the observer, but not Kafka, which the worker still needs to leave its group."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_S)
        self.observer.stop()
        gc.collect()  # librdkafka's clients close when they are freed, and would complain once Kafka is gone

    def stop_kafka(self, *, keep_data: bool) -> None:
        """End Kafka: cleanly if its data is to be used again, else at once."""
        broker = self.plan.broker
        if broker is not None and keep_data:
            broker.stop()
        elif broker is not None:
            broker.kill()

    def _run(self) -> None:
        try:
            self._bring_up_kafka()
            if not self._stopping.is_set():
                self.observer.start()
                self._replay()
        except BarometerError as error:
            self.error = error
        except BaseException as error:
            log.exception("the demo's pipeline failed")
            self.error = error

    def _bring_up_kafka(self) -> None:
        started = self._clock()
        if self.plan.broker is not None:
            self.steps.set(KAFKA, "running", f"Apache Kafka {self.plan.kafka_version}")
            self.plan.broker.install()
            self.kafka_coming.set()
            self.plan.broker.start()
        else:
            self.steps.set(KAFKA, "running", f"connecting to {self.plan.kafka}")
            self.kafka_coming.set()
        ensure_topics(self.plan.settings, topic_specs(self.plan.settings), timeout=TOPICS_S)
        self.steps.set(KAFKA, "done", f"{self.plan.kafka}, with its topics, in {self._clock() - started:.1f} s")

    def _replay(self) -> None:
        self.steps.set(REPLAY, "running", "reading the file")
        self.result = replay_file(
            self.plan.settings,
            self.plan.replay,
            on_progress=self._on_progress,
            on_rejected=self._on_rejected,
            stop=self._stopping,
        )
        self.steps.set(REPLAY, "done", f"{self.result.published:,} tweets published")

    def _on_progress(self, progress: ReplayProgress) -> None:
        self.progress = progress
        if progress.published:
            self.steps.set(REPLAY, "running", "publishing")

    def _on_rejected(self, rejected: Rejected) -> None:
        self.last_rejected = rejected
