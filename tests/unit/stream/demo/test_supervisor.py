"""The supervised worker: started again when it dies, given up when that does not help, never left behind."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.demo.supervisor import MOST_DEATHS, WorkerFailedError, WorkerSupervisor, how_it_ended, worker_command

FOREVER = "import signal, time; print('up', flush=True); time.sleep(1000)"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


Make = Callable[[str], WorkerSupervisor]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(tmp_path: Path, clock: Clock) -> Iterator[Make]:
    made: list[WorkerSupervisor] = []

    def make_one(code: str) -> WorkerSupervisor:
        command = [sys.executable, "-c", code]
        made.append(WorkerSupervisor(command, {**os.environ, "WHO": "me"}, tmp_path / "worker.log", clock))
        return made[-1]

    yield make_one
    for supervisor in made:
        supervisor.kill()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def died(supervisor: WorkerSupervisor, deaths: int) -> Callable[[], bool]:
    def look() -> bool:
        supervisor.check()
        return supervisor.deaths == deaths

    return look


def test_a_killed_worker_is_started_again_after_a_pause(make: Make, clock: Clock) -> None:
    supervisor = make(FOREVER)
    supervisor.start()
    first = supervisor.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(died(supervisor, 1))
    assert (supervisor.pid, supervisor.last_death) == (None, "was ended by SIGKILL")
    supervisor.check()
    assert supervisor.pid is None
    clock.now += 1
    supervisor.check()
    assert supervisor.pid not in {None, first}


def test_a_worker_that_keeps_dying_is_given_up_with_its_last_words(make: Make, clock: Clock) -> None:
    supervisor = make("import os, sys; print('who:', os.environ['WHO'], file=sys.stderr); sys.exit(3)")
    supervisor.start()
    for death in range(1, MOST_DEATHS):
        until(died(supervisor, death))
        clock.now += 6
        supervisor.check()
    with pytest.raises(WorkerFailedError, match=r"(?s)ended 5 times within 60 s.*exit code 3.*who: me"):
        until(died(supervisor, MOST_DEATHS))


def test_deaths_far_apart_are_no_reason_to_give_up(make: Make, clock: Clock) -> None:
    supervisor = make("pass")
    supervisor.start()
    for death in range(1, MOST_DEATHS + 3):
        until(died(supervisor, death))
        clock.now += 30
        supervisor.check()
    assert supervisor.pid is not None


def test_deaths_that_are_forgiven_neither_show_nor_count(make: Make, clock: Clock) -> None:
    supervisor = make("pass")
    supervisor.start()
    for _ in range(3):
        for death in range(1, MOST_DEATHS):
            until(died(supervisor, death))
            clock.now += 6
            supervisor.check()
        supervisor.forgive()
        assert (supervisor.deaths, supervisor.last_death) == (0, None)


def test_a_worker_whose_settings_are_wrong_is_not_started_again(make: Make) -> None:
    supervisor = make("import sys; print('BAROMETER_PARTITIONS is 0', file=sys.stderr); sys.exit(2)")
    supervisor.start()
    with pytest.raises(WorkerFailedError, match=r"(?s)refuses to start.*BAROMETER_PARTITIONS is 0"):
        until(died(supervisor, 9))


def test_a_stopped_worker_is_asked_first_and_stays_stopped(make: Make) -> None:
    supervisor = make(
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('good bye', flush=True), sys.exit(0)))\n"
        "print('up', flush=True)\n"
        "time.sleep(1000)"
    )
    supervisor.start()
    until(lambda: "up" in supervisor.last_words())
    supervisor.stop()
    assert "good bye" in supervisor.last_words()
    supervisor.check()
    assert (supervisor.pid, supervisor.deaths) == (None, 0)


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    supervisor = WorkerSupervisor([str(tmp_path / "nothing")], {}, tmp_path / "worker.log")
    with pytest.raises(WorkerFailedError, match=r"nothing cannot be started: No such file"):
        supervisor.start()


def test_the_worker_is_found_by_the_words_barometer_worker() -> None:
    command = worker_command()
    assert command[-1] == "worker"
    assert Path(command[0]).exists()
    assert " ".join(command).endswith("barometer worker") or command[1:] == ["-m", "stream", "worker"]


def test_how_a_process_ended_is_told_in_words() -> None:
    assert how_it_ended(0) == "ended with exit code 0"
    assert how_it_ended(-9) == "was ended by SIGKILL"
    assert how_it_ended(-200) == "was ended by signal 200"


def test_a_log_that_is_not_there_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert WorkerSupervisor(["true"], {}, tmp_path / "none").last_words() == "  (nothing)"
