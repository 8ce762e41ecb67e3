"""The demo from its first second to its summary: starts everything, watches it, ends it."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from infra.errors import BarometerError, UsageError
from infra.kafka.admin import describe_topics, record_counts
from infra.kafka.local import LocalBroker, free_port
from infra.settings import ENV_PREFIX, Settings, load_settings
from stream.demo.display import Display
from stream.demo.layout import Layout
from stream.demo.page import LivePage, open_browser
from stream.demo.pipeline import KAFKA, PAGE, REPLAY, WORKER, Pipeline, Plan, Steps
from stream.demo.pulse import Latency
from stream.demo.stop import StopSignals
from stream.demo.summary import Circumstances, Summary, find_problems, is_over, summarise
from stream.demo.supervisor import WorkerSupervisor, worker_command
from stream.demo.view import Frame
from stream.replay import ReplayOptions
from stream.topics import Topics

STALL_S = 120.0
"""With work left, or windows that differ from the labels, and no change for so long, something is broken."""
SESSION_TIMEOUT_S = 6
"""The least that Kafka allows by default: after a kill -9 the next worker takes over that much sooner."""
WORKER_LOG = "worker.log"
KAFKA_LOG = "kafka.log"
PAGE_LOG = "serve.log"

log = logging.getLogger(__name__)


class StalledError(BarometerError):
    """Work is left, and nothing gets done."""


@dataclass(frozen=True)
class DemoOptions:
    """What the command was asked for. ``title`` says what is replayed."""

    replay: ReplayOptions
    title: str
    exit_when_done: bool = False
    kafka_dir: Path | None = None
    browser: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``error``: what ended it early, if anything did."""

    summary: Summary
    error: BarometerError | None = None


class Demo:
    """One run: worker and pipeline, and the loop that looks after them."""

    def __init__(self, options: DemoOptions, folder: Path, started: float) -> None:
        self._options = options
        self._started = started
        self._steps = Steps(KAFKA, WORKER, REPLAY, PAGE)
        plan = make_plan(options, folder, partial(self._steps.set, KAFKA, "running"))
        self._pipeline = Pipeline(plan, self._steps)
        self._worker = WorkerSupervisor(worker_command(), _environment(plan.settings), folder / WORKER_LOG)
        self._page = LivePage(plan.settings.serve_port, _environment(plan.settings), folder / PAGE_LOG)
        self._worker_started = False
        self._kafka_up = False
        self._first_label_s: float | None = None
        self._moved = (0, 0)
        self._moved_at = started
        self._quiet: str | None = None
        self._done: str | None = None
        self._whole: tuple[float, Latency | None] | None = None

    def run(self, display: Display, stop: StopSignals, say: Callable[[str], None]) -> Outcome:
        """Everything, until it is done or somebody wants it to end. Whatever was started is stopped again.

        ``say`` writes a line where the display does not stand any more.
        """
        error: BarometerError | None = None
        try:
            self._pipeline.start()
            with display:
                while not stop.requested.is_set():
                    self._look_after()
                    layout = display.layout(len(self._commands()), len(self._notes()))
                    display.show(self._frame(layout), layout)
                    if self._done and self._options.exit_when_done:
                        break
                    stop.requested.wait(display.pause_s)
        except BarometerError as problem:
            error = problem
        finally:
            say("Stopping the worker and Kafka" if self._pipeline.plan.broker else "Stopping the worker")
            self._pipeline.stop_replay()
            summary = self._summarise(error)
            self._page.stop()
            self._worker.stop()
            self._pipeline.stop_kafka(keep_data=self._options.kafka_dir is not None)
        return Outcome(summary, error)

    def _look_after(self) -> None:
        """Start what may start, restart what died, see whether it is over. Raises BarometerError."""
        self._pipeline.check()
        if not self._worker_started and self._pipeline.kafka_coming.is_set():
            self._worker.start()
            self._worker_started = True
            self._steps.set(WORKER, "running", "loading the model")
        self._worker.check()
        if not self._kafka_up and self._steps.is_done(KAFKA):
            self._kafka_up = True
            self._worker.forgive()  # on a slow machine it has not waited long enough for Kafka
        published = self._pipeline.published
        over = False
        with self._pipeline.observer.reading() as tally:
            if tally.worker_seen and not self._steps.is_done(WORKER):
                self._steps.set(WORKER, "done", f"process {self._worker.pid}")
            if tally.first_label_at is not None and self._first_label_s is None:
                self._first_label_s = tally.first_label_at - self._started
                self._page.start()  # not before: the first label comes first
                self._steps.set(PAGE, "running", "starting")
            if self._done is None and is_over(tally, published):
                self._done = (
                    f"done: {published.tweets:,} tweets labelled or dead; "
                    f"windows: {len(tally.windows):,}, all closed and equal to the labels"
                )
                over = True
            moved = (tally.progress, published.tweets)
            idle = not published.finished and tally.settled >= published.tweets
        if over:
            self._pipeline.observer.catch_up()
        self._look_after_page()
        now = time.monotonic()
        if moved != self._moved or idle or self._done:
            self._moved, self._moved_at, self._quiet = moved, now, None
        elif now - self._moved_at > STALL_S:
            self._stalled()

    def _look_after_page(self) -> None:
        if self._page.check():
            self._steps.set(PAGE, "done", self._page.url)
            if self._options.browser:
                open_browser(self._page.url)

    def _stalled(self) -> None:
        """Say so; when nobody watches, end it."""
        with self._pipeline.observer.reading() as tally:
            missing = next(find_problems(tally, self._pipeline.published), "the replay does not go on")
        what = f"no progress for {STALL_S:.0f} s: {missing}"
        if self._options.exit_when_done:
            raise StalledError(f"{what}; the end of {self._worker.log_file}:\n{self._worker.last_words()}")
        self._quiet = f"{what}; see {self._worker.log_file}"

    def _frame(self, layout: Layout) -> Frame:
        pipeline, published = self._pipeline, self._pipeline.published
        progress = pipeline.progress
        with pipeline.observer.reading() as tally:
            snapshot = tally.snapshot(layout.wanted, time.monotonic())
            if self._done and self._whole is None:
                self._whole = (tally.rate_of_all, tally.pulse.latency_of_all())
        if self._whole is not None:  # it is over: what it was like, not that nothing happens now
            snapshot = replace(snapshot, rate=self._whole[0], latency=self._whole[1])
        return Frame(
            source=self._options.title,
            kafka=self._where(),
            elapsed_s=time.monotonic() - self._started,
            steps=self._steps.all(),
            snapshot=snapshot,
            published=published.tweets,
            rows_read=progress.rows_read if progress else 0,
            total=published.tweets if published.finished else progress.total if progress else None,
            eta_s=progress.eta_s if progress else None,
            rejected=published.rejected,
            repaired=published.repaired,
            last_rejected=(
                f"line {pipeline.last_rejected.line:,}: {pipeline.last_rejected.reason}"
                if pipeline.last_rejected
                else None
            ),
            notes=self._notes(),
            commands=self._commands(),
            done=self._done,
        )

    def _where(self) -> str:
        plan = self._pipeline.plan
        page = f"Live page: {self._page.url} · " if self._page.up else ""
        return f"{page}Kafka {plan.kafka_version} at {plan.kafka}"

    def _notes(self) -> tuple[str, ...]:
        """What is out of the ordinary."""
        notes = []
        if self._worker.deaths:
            state = f"started again as process {self._worker.pid}" if self._worker.pid else "starting it again"
            times = f" ({self._worker.deaths} times so far)" if self._worker.deaths > 1 else ""
            notes.append(f"the worker {self._worker.last_death}; {state}{times}")
        if self._page.trouble:
            notes.append(self._page.trouble)
        if self._quiet:
            notes.append(self._quiet)
        return tuple(notes)

    def _commands(self) -> tuple[str, ...]:
        """What to try in another terminal."""
        settings = self._pipeline.plan.settings
        exports = [f"export {ENV_PREFIX}KAFKA_BOOTSTRAP_SERVERS={settings.kafka_bootstrap_servers}"]
        if settings.topic_prefix:
            exports.append(f"export {ENV_PREFIX}TOPIC_PREFIX={settings.topic_prefix}")
        return (*exports, f"{_own_name()} tail reputation.windows")

    def _summarise(self, error: BarometerError | None) -> Summary:
        plan = self._pipeline.plan
        around = Circumstances(
            kafka=plan.kafka,
            kafka_version=plan.kafka_version,
            topic_prefix=plan.settings.topic_prefix,
            worker_restarts=self._worker.deaths,
            first_label_s=self._first_label_s,
            over=self._done is not None,
            error=str(error).partition("\n")[0] if error else None,
        )
        with self._pipeline.observer.reading() as tally:
            return summarise(tally, self._pipeline.published, around, time.monotonic())


def make_plan(options: DemoOptions, folder: Path, say: Callable[[str], None]) -> Plan:
    """Decide on Kafka and topics. Raises UsageError where an existing Kafka already holds tweets under the prefix."""
    settings = load_settings()
    given = settings.model_fields_set
    changes: dict[str, object] = {}
    if "session_timeout_s" not in given:
        changes["session_timeout_s"] = SESSION_TIMEOUT_S
    broker = None
    if "kafka_bootstrap_servers" not in given:
        if settings.kafka_security_protocol != "PLAINTEXT":
            raise UsageError(
                f"{ENV_PREFIX}KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}, but the demo's own Kafka "
                f"has no security: set {ENV_PREFIX}KAFKA_BOOTSTRAP_SERVERS to yours, or unset it"
            )
        port = free_port()
        log_file = None if options.kafka_dir else folder / KAFKA_LOG
        broker = LocalBroker(
            settings.cache,
            port=port,
            directory=options.kafka_dir,
            log_file=log_file,
            repository=settings.maven_repository,
            on_progress=say,
        )
        changes["kafka_bootstrap_servers"] = broker.bootstrap_servers
    used_before = broker is None or (options.kafka_dir is not None and (options.kafka_dir / "data").exists())
    if used_before and "topic_prefix" not in given:
        changes["topic_prefix"] = f"demo-{secrets.token_hex(3)}."
    settings = load_settings(**changes)
    if broker is None:
        require_fresh(settings)
    return Plan(settings, options.replay, broker)


def require_fresh(settings: Settings) -> None:
    """Refuse topics that hold tweets already: what the demo counts would not be what it replayed."""
    name = Topics.of(settings).tweets
    found = describe_topics(settings, [name])
    if name in found and record_counts(settings, found.values())[name]:
        raise UsageError(
            f"topic {name} at {settings.kafka_bootstrap_servers} holds tweets already, and the demo needs new topics; "
            f"unset {ENV_PREFIX}TOPIC_PREFIX, or choose another one"
        )


def _environment(settings: Settings) -> dict[str, str]:
    """Of the worker: ours, and where Kafka and the topics are."""
    ours = ("kafka_bootstrap_servers", "topic_prefix", "session_timeout_s")
    return {**os.environ, **{f"{ENV_PREFIX}{name.upper()}": str(getattr(settings, name)) for name in ours}}


def _own_name() -> str:
    """How this program is called from here."""
    if shutil.which("barometer"):
        return "barometer"
    script = Path(sys.executable).with_name("barometer")
    try:
        return str(script.relative_to(Path.cwd())) if script.exists() else f"{sys.executable} -m stream"
    except ValueError:
        return str(script)
