"""One line when Kafka goes away, one a minute while it is, one when it is back.

Left to themselves, the clients of one worker write 150 lines a second while
Kafka is away, and none of them says when it is over. So librdkafka's clients are
mute (``infra.kafka.clients``), what aiokafka and our own retries complain about is held back
here, and one client of the watch asks Kafka itself.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from infra import metrics
from infra.errors import BarometerError
from infra.kafka.access import refused
from infra.kafka.clients import common_config
from infra.settings import Settings

AGAIN_S = 60.0
"""Time between two lines that say the same."""
ECHO_S = 20.0
"""Clients find their way back some seconds after Kafka: that much longer their complaints say nothing new."""
_COMPLAINERS = ("aiokafka", "mode.timers", "infra.kafka.membership", "infra.kafka.transactions")
_LOOK_EVERY_S = 10.0
_LOOK_AT_MOST_EVERY_S = 1.0
_ANSWER_S = 5.0
_MOST_HELD = 200

log = logging.getLogger(__name__)


class Outage:
    """What there is to say, and when. Pure: times are given, in seconds."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._since: float | None = None
        self._said_at = 0.0
        self._over_at = float("-inf")

    def is_news(self, now: float) -> bool:
        """Whether ``away`` would be said now: the reason need not be looked for otherwise."""
        return self._since is None or now - self._said_at >= AGAIN_S

    def away(self, now: float, why: str) -> str | None:
        """Kafka does not answer: the line to write, if one is due."""
        if not self.is_news(now):
            return None
        self._said_at = now
        if self._since is None:
            self._since = now
            return f"{why}; waiting for it"
        return f"{why}, for {_duration(now - self._since)} now; still waiting"

    def back(self, now: float) -> str | None:
        """Kafka answers: the line to write, if it has been away."""
        since, self._since = self._since, None
        if since is None:
            return None
        self._over_at = now
        return f"Kafka at {self._address} answers again, after {_duration(now - since)}"

    def explains(self, then: float) -> bool:
        """Whether what a client complained about at that time is no wonder."""
        return self._since is not None or then - self._over_at < ECHO_S


class Repeats:
    """Which of many lines have not been said lately. Lines that differ in numbers alone are the same."""

    def __init__(self) -> None:
        self._said_at: dict[tuple[str, str], float] = {}
        self._unsaid: dict[tuple[str, str], int] = {}

    def worth_saying(self, source: str, line: str, now: float) -> str | None:
        """The line, with how often it came since it was last said; None when that was less than a minute ago."""
        kind = (source, re.sub(r"\d+", "0", line))
        said_at = self._said_at.get(kind)
        if said_at is not None and now - said_at < AGAIN_S:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return None
        if len(self._said_at) > _MOST_HELD:
            self._said_at.clear()
        self._said_at[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        return f"{line} (and {unsaid} times since this was last said)" if unsaid else line


class OutageWatch:
    """Asks Kafka for ``topic`` from time to time, and at once when a client complains.

    A context manager with a thread of its own.
    """

    def __init__(self, settings: Settings, topic: str, complainers: Sequence[str] = _COMPLAINERS) -> None:
        self._settings = settings
        self._topic = topic
        self._outage = Outage(settings.kafka_bootstrap_servers)
        self._repeats = Repeats()
        self._complaints = _Complaints()
        self._loggers = [logging.getLogger(name) for name in complainers]
        self._stopping = threading.Event()
        self._trouble: KafkaError | None = None
        self._reason = ""
        config: dict[str, Any] = {"error_cb": self._note, "reconnect.backoff.max.ms": 1_000}
        self._admin = AdminClient({**common_config(settings), **config})
        self._thread = threading.Thread(target=self._run, name="outage-watch", daemon=True)

    def __enter__(self) -> Self:
        for logger in self._loggers:
            logger.addHandler(self._complaints)
            logger.propagate = False
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._complaints.heard.set()
        self._thread.join(_ANSWER_S + 1)
        for logger in self._loggers:
            logger.removeHandler(self._complaints)
            logger.propagate = True

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._look()
            if not self._stopping.wait(_LOOK_AT_MOST_EVERY_S):
                away = self._outage.explains(time.monotonic())
                self._complaints.heard.wait(_LOOK_AT_MOST_EVERY_S if away else _LOOK_EVERY_S)

    def _look(self) -> None:
        held = self._complaints.take()
        answers = self._answers()
        metrics.KAFKA_UP.set(answers)
        if answers:
            line = self._outage.back(time.monotonic())
        elif self._stopping.is_set():
            return
        else:
            now = time.monotonic()
            line = self._outage.away(now, self._why()) if self._outage.is_news(now) else None
        if line:
            log.warning("%s", line)
        for record, then in held:
            self._pass_on(record, then)

    def _answers(self) -> bool:
        # Metadata of one topic: admin requests can end the process when a broker dies while they are out.
        try:
            self._admin.list_topics(self._topic, timeout=_ANSWER_S)
        except KafkaException:
            return False
        finally:
            self._admin.poll(0)  # hear why not
        return True

    def _why(self) -> str:
        try:
            no_entry = refused(self._settings, self._trouble)
        except BarometerError as error:  # a file of ours has gone bad
            return str(error)
        if no_entry is not None:
            return str(no_entry)
        reason, self._reason = self._reason, ""
        return f"Kafka at {self._settings.kafka_bootstrap_servers} does not answer{f' ({reason})' if reason else ''}"

    def _note(self, error: KafkaError) -> None:
        """Such as: host:port/bootstrap: Connect to ... failed: Connection refused (after 0ms in state CONNECT)."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001  librdkafka's name
            self._trouble = error
            self._reason = error.str().partition(": ")[2].partition(" (after ")[0]

    def _pass_on(self, record: logging.LogRecord, then: float) -> None:
        if self._outage.explains(then):
            return
        line = self._repeats.worth_saying(record.name, record.getMessage(), then)
        if line is not None:
            record.msg, record.args = line, ()
            logging.getLogger().handle(record)


class _Complaints(logging.Handler):
    """Holds warnings back until it is known what they are worth; passes other lines on."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Event()
        self._held: deque[tuple[logging.LogRecord, float]] = deque(maxlen=_MOST_HELD)

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING:
            logging.getLogger().handle(record)
            return
        self._held.append((record, time.monotonic()))
        self.heard.set()

    def take(self) -> list[tuple[logging.LogRecord, float]]:
        """What was held back, to be judged after Kafka has been asked."""
        self.heard.clear()
        taken = []
        while self._held:
            taken.append(self._held.popleft())
        return taken


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
