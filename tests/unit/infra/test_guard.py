"""Guarded processes: stopped as asked, and never left behind, however their owner or their guard dies."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.guard import GuardedProcess, is_alive, spawn_guarded
from tests.kafka_tools import wait_until
from tests.processes import PATIENCE_S, wait_until_gone

ROOT = Path(__file__).resolve().parents[3]


def read_soon(path: Path) -> str:
    return wait_until(lambda: path.read_text() if path.exists() else "", PATIENCE_S, f"{path.name} is written")


def shell(script: str, **options: object) -> GuardedProcess:
    return spawn_guarded(["sh", "-c", script], **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", -15)])
def test_the_exit_code_of_a_child_is_reported(script: str, code: int) -> None:
    child = shell(script)
    assert child.wait(PATIENCE_S) == code
    assert child.poll() == code
    assert child.terminate() == code


def test_a_running_child_has_no_exit_code_and_waiting_for_it_times_out() -> None:
    child = shell("sleep 1000")
    assert child.poll() is None
    with pytest.raises(TimeoutError, match=f"process {child.pid} still runs after 0.1 s"):
        child.wait(0.1)
    assert is_alive(child.pid)
    child.kill()
    assert not is_alive(child.pid)


def test_a_command_that_does_not_exist_is_an_error_that_names_it() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-command"):
        spawn_guarded(["no-such-command"])


def test_terminate_lets_the_child_finish_its_work(tmp_path: Path) -> None:
    script = f"trap 'echo done > {tmp_path}/done; exit 5' TERM; echo up > {tmp_path}/up; while :; do sleep 0.05; done"
    child = shell(script)
    read_soon(tmp_path / "up")
    assert child.terminate(PATIENCE_S) == 5
    assert (tmp_path / "done").exists()


def test_terminate_kills_a_child_that_does_not_listen(tmp_path: Path) -> None:
    child = shell(f"trap '' TERM; echo up > {tmp_path}/up; while :; do sleep 0.05; done")
    read_soon(tmp_path / "up")
    assert child.terminate(0.2) == -signal.SIGKILL


def test_a_frozen_child_can_be_killed() -> None:
    child = shell("sleep 1000")
    os.kill(child.pid, signal.SIGSTOP)
    assert child.kill() == -signal.SIGKILL


@pytest.mark.parametrize("end", ["terminate", "kill", "exit"])
def test_what_a_child_started_ends_with_it(tmp_path: Path, end: str) -> None:
    last = "exit 0" if end == "exit" else "wait"
    child = shell(f"sleep 1000 & echo $! > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/pid; {last}")
    grandchild = int(read_soon(tmp_path / "pid"))
    child.wait(PATIENCE_S) if end == "exit" else getattr(child, end)()
    wait_until_gone(grandchild)


def test_a_child_is_out_of_reach_of_ctrl_c_in_our_terminal() -> None:
    child = shell("sleep 1000")
    assert os.getsid(child.pid) != os.getsid(0)
    assert os.getpgid(child.pid) == child.pid
    child.kill()


def test_poll_answers_while_another_thread_waits() -> None:
    child = shell("sleep 1000")
    codes: list[int] = []
    waiter = threading.Thread(target=lambda: codes.append(child.wait()))
    waiter.start()
    assert child.poll() is None
    with pytest.raises(TimeoutError):
        child.wait(0.05)
    assert child.terminate() == -signal.SIGTERM
    waiter.join(PATIENCE_S)
    assert codes == [-signal.SIGTERM]


def test_output_environment_and_working_directory_are_the_childs(tmp_path: Path) -> None:
    with (tmp_path / "output").open("wb") as output:
        shell("echo $WORD; pwd -P; cat", env={"WORD": "hello"}, cwd=tmp_path, stdout=output).wait(PATIENCE_S)
    assert (tmp_path / "output").read_text() == f"hello\n{tmp_path.resolve()}\n"


def test_what_is_to_be_removed_is_gone_when_the_end_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    child = shell("touch inside; sleep 1000", cwd=folder, remove=folder)
    wait_until((folder / "inside").exists, PATIENCE_S, "the child runs")
    child.terminate()
    assert not folder.exists()


def test_a_lock_is_held_until_the_child_is_gone(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as ours:
        fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child = shell("sleep 1000", hold=[ours.fileno()])
    with (tmp_path / "lock").open("w") as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        child.kill()
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_killing_the_guard_kills_the_child() -> None:
    child = shell("sleep 1000")
    os.kill(_guard_of(child), signal.SIGKILL)
    if sys.platform == "linux":  # elsewhere not by the kernel, but by us, as soon as we look
        wait_until_gone(child.pid)
    assert child.wait(PATIENCE_S) == -signal.SIGKILL
    wait_until_gone(child.pid)


def test_a_terminated_guard_takes_the_child_with_it() -> None:
    child = shell("sleep 1000")
    os.kill(_guard_of(child), signal.SIGTERM)
    assert child.wait(PATIENCE_S) == -signal.SIGTERM


OWNER = """
import os, subprocess, sys, time
from pathlib import Path
from infra.guard import spawn_guarded

folder = Path(sys.argv[1])
(folder / "data").mkdir()
child = spawn_guarded(
    ["sh", "-c", f"trap 'echo stopped > {folder}/stopped; exit' TERM; sleep 1000 & wait"], remove=folder / "data"
)
# None of these may keep the child alive: a process with our descriptors, and a fork of us.
others = [child.pid, subprocess.Popen(["sleep", "1000"], close_fds=False).pid]
fork = os.fork()
if fork == 0:
    time.sleep(1000)
(folder / "new").write_text(" ".join(map(str, [*others, fork])))
(folder / "new").rename(folder / "pids")
time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_is_stopped_gracefully_when_its_owner_dies(tmp_path: Path, number: int) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT)
    child, other, fork = map(int, read_soon(tmp_path / "pids").split())
    try:
        assert is_alive(child)
        owner.send_signal(number)
        owner.wait()
        wait_until_gone(child)
        assert read_soon(tmp_path / "stopped") == "stopped\n"
        wait_until(lambda: not (tmp_path / "data").exists(), PATIENCE_S, "its folder is removed")
        assert is_alive(fork), "the test needs a fork that outlives its parent"
    finally:
        for pid in (other, fork):
            os.kill(pid, signal.SIGKILL)


def test_nothing_of_ours_is_left_in_a_child(tmp_path: Path) -> None:
    """No descriptor of ours reaches the child, the socket to its guard least of all."""
    with (tmp_path / "ours").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)  # noqa: FBT003 - its only form
        script = "import os; print(*(fd for fd in range(256) if os.path.exists(f'/dev/fd/{fd}')))"
        with (tmp_path / "output").open("wb") as output:
            spawn_guarded([sys.executable, "-c", script], stdout=output).wait(PATIENCE_S)
    assert {int(fd) for fd in (tmp_path / "output").read_text().split()} <= {0, 1, 2, 3}  # 3: the look at /dev/fd


def _guard_of(child: GuardedProcess) -> int:
    return child._guard.pid


def test_a_dead_process_is_not_alive_even_before_it_is_reaped() -> None:
    process = subprocess.Popen(["sleep", "1000"])
    assert is_alive(process.pid)
    process.kill()
    wait_until_gone(process.pid)
    process.wait()
    assert not is_alive(process.pid)
