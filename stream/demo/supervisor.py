"""The worker as a process of its own, started again when it dies.

It cannot outlive the demo (``infra.guard``). Its log goes to a file, of which
the last lines are shown when it keeps dying.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from infra.errors import BarometerError, UsageError
from infra.guard import GuardedProcess, spawn_guarded

MOST_DEATHS = 5
DEATHS_WITHIN_S = 60.0
"""So many deaths in this time mean that starting it once more will not help."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
STOP_S = 8.0
"""Time a worker gets to finish its batch and leave its group."""
_LAST_BYTES = 20_000
_LAST_LINES = 12

log = logging.getLogger(__name__)


class WorkerFailedError(BarometerError):
    """The worker ends again and again; the message holds its last words."""


def worker_command() -> list[str]:
    """``barometer worker``, by the script beside this Python where there is one, so that ``pkill -f`` finds it."""
    return own_command("worker")


def own_command(name: str) -> list[str]:
    """``barometer NAME``, likewise."""
    script = Path(sys.executable).with_name("barometer")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "stream"]
    return [*start, name]


class WorkerSupervisor:
    """Keeps one worker running. Call ``check`` often; all of it from one thread."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log_file: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.log_file = log_file
        self.deaths = 0
        self.last_death: str | None = None
        self._command = list(command)
        self._environment = dict(environment)
        self._clock = clock
        self._process: GuardedProcess | None = None
        self._died_at: deque[float] = deque(maxlen=MOST_DEATHS)
        self._start_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Process id while a worker runs."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start a worker. Raises WorkerFailedError if there is no such command."""
        self._start_at = None
        with self.log_file.open("ab") as output:
            try:
                self._process = spawn_guarded(
                    self._command, env=self._environment, stdout=output, stderr=output, grace_s=STOP_S
                )
            except OSError as error:
                raise WorkerFailedError(f"{self._command[0]} cannot be started: {error.strerror}") from error
        log.info("worker started: pid %s", self._process.pid)

    def check(self) -> None:
        """See whether it runs; start it again after a pause that grows with every death.

        Raises WorkerFailedError after MOST_DEATHS deaths within DEATHS_WITHIN_S, and at once when it says that its
        settings are wrong.
        """
        now = self._clock()
        if self._process is None:
            if self._start_at is not None and now >= self._start_at:
                self.start()
            return
        code = self._process.poll()
        if code is None:
            return
        self._process = None
        self.deaths += 1
        self.last_death = how_it_ended(code)
        self._died_at.append(now)
        log.warning("worker %s", self.last_death)
        if code == UsageError.exit_code:
            raise WorkerFailedError(f"the worker refuses to start:\n{self.last_words()}")
        lately = [at for at in self._died_at if now - at < DEATHS_WITHIN_S]
        if len(lately) >= MOST_DEATHS:
            raise WorkerFailedError(
                f"the worker ended {len(lately)} times within {DEATHS_WITHIN_S:.0f} s, last: it {self.last_death}; "
                f"the end of {self.log_file}:\n{self.last_words()}"
            )
        self._start_at = now + min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (len(lately) - 1))

    def forgive(self) -> None:
        """Forget the deaths so far: they had a reason that is gone."""
        self.deaths, self.last_death = 0, None
        self._died_at.clear()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after STOP_S."""
        process, self._process, self._start_at = self._process, None, None
        if process is not None:
            process.terminate(STOP_S)

    def kill(self) -> None:
        """SIGKILL."""
        process, self._process, self._start_at = self._process, None, None
        if process is not None:
            process.kill()

    def last_words(self) -> str:
        """The last lines of its log, indented."""
        try:
            with self.log_file.open("rb") as file:
                file.seek(max(0, file.seek(0, 2) - _LAST_BYTES))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            lines = []
        return "\n".join(f"  {line}" for line in lines[-_LAST_LINES:] if line.strip()) or "  (nothing)"


def how_it_ended(code: int) -> str:
    """For people: what an exit code says."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}"
