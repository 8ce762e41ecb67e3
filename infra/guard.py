"""Child processes that cannot outlive us, even when we are killed with -9.

Between us and the child stands a small guard process in a session of its own.
We share a socket with it, and it alone starts and reaps the child. When our
end closes, however we died, it stops the child's process group (SIGTERM, then
SIGKILL after a grace period) and removes what was left in its care. On Linux
the kernel also kills the child should the guard itself be killed; elsewhere we
do that as soon as we notice.

The same file is both sides: imported, it gives ``spawn_guarded``; run as a
script, it is the guard. That is why it imports nothing but the standard
library: ``python -I -S`` starts it in about 20 ms with 8 MB.

Since the guard leads a session of its own, Ctrl-C in a terminal reaches only
us, and we decide how each child stops.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

GRACE_S = 10.0
"""Time a child gets between SIGTERM and SIGKILL, unless told otherwise."""
_SPAWN_TIMEOUT_S = 60.0
_PARENT_CHECK_S = 1.0
_PR_SET_PDEATHSIG = 1


class GuardedProcess:
    """A running child, and the only handle on it. Made by ``spawn_guarded``; usable from any thread.

    Dropping the last reference, like dying, stops the child.
    """

    def __init__(self, guard: subprocess.Popen[bytes], channel: socket.socket, pid: int) -> None:
        self.pid = pid
        self._guard = guard
        self._channel = channel
        self._lock = threading.Lock()
        self._received = b""
        self._returncode: int | None = None

    def poll(self) -> int | None:
        """The child's exit code (negative: the signal that ended it), or None while it runs."""
        return self._wait_until(time.monotonic())

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the child to end by itself and return its exit code.

        Raises TimeoutError after ``timeout`` seconds.
        """
        code = self._wait_until(None if timeout is None else time.monotonic() + timeout)
        if code is None:
            raise TimeoutError(f"process {self.pid} still runs after {timeout} s")
        return code

    def terminate(self, timeout: float = GRACE_S) -> int:
        """Ask the child's process group to stop (SIGTERM), kill it after ``timeout`` seconds; return its exit code."""
        self._order(stop=timeout)
        return self._wait_until(None) or 0

    def kill(self) -> int:
        """End the child's process group at once (SIGKILL); return its exit code."""
        self._order(stop=0)
        return self._wait_until(None) or 0

    def _order(self, **order: Any) -> None:
        # A guard that is gone has nothing left to stop: the wait that follows settles it.
        with contextlib.suppress(OSError):
            self._channel.sendall(_line(order))

    def _wait_until(self, deadline: float | None) -> int | None:
        # Another thread may be waiting already, for longer than we want to: it will tell.
        if not self._lock.acquire(timeout=-1 if deadline is None else max(0.0, deadline - time.monotonic())):
            return self._returncode
        try:
            while self._returncode is None:
                left = None if deadline is None else max(0.0, deadline - time.monotonic())
                if not _readable(self._channel, left):
                    return None
                try:
                    data = self._channel.recv(4096)
                except OSError:
                    data = b""
                self._received += data
                if not data:
                    self._lost_guard()
                elif b"\n" in self._received:
                    self._returncode = int(json.loads(self._received)["exit"])
                    self._settle()
            return self._returncode
        finally:
            self._lock.release()

    def _lost_guard(self) -> None:
        """The guard was killed. On Linux the kernel has killed the child with it; make sure of it anywhere."""
        _signal_group(self.pid, signal.SIGKILL)
        self._returncode = -signal.SIGKILL
        self._settle()

    def _settle(self) -> None:
        self._guard.wait()
        self._channel.close()


def spawn_guarded(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdout: int | IO[Any] | None = None,
    stderr: int | IO[Any] | None = None,
    remove: Path | None = None,
    hold: Sequence[int] = (),
    grace_s: float = GRACE_S,
) -> GuardedProcess:
    """Start ``command`` so that it cannot outlive this process.

    ``stdout`` and ``stderr`` are as for subprocess.Popen (no PIPE); standard
    input is empty. ``remove`` is a file or folder that the guard removes once
    the child has ended. ``hold`` are file descriptors, such as that of a lock,
    which the guard keeps open as long as the child may run. ``grace_s`` is how
    long the child gets to stop when this process dies.

    Raises OSError when the command cannot be started.
    """
    ours, theirs = socket.socketpair()  # neither is inheritable: no other child of ours can keep our end open
    try:
        plan = {"command": list(command), "remove": str(remove) if remove else None, "grace_s": grace_s}
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(theirs.fileno()), json.dumps(plan)],
            env=None if env is None else dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(theirs.fileno(), *hold),
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    try:
        report = _first_report(ours)
    except BaseException:
        ours.close()
        guard.wait()
        raise
    if "pid" not in report:
        ours.close()
        guard.wait()
        raise OSError(report["errno"], report["error"], command[0])
    return GuardedProcess(guard, ours, report["pid"])


def is_alive(pid: int) -> bool:
    """Whether a process with this id runs. A zombie, dead but not reaped by its parent, does not."""
    if sys.platform == "linux":
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        state = stat.rpartition(")")[2].split()[0]
    else:
        asked = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, stdout=subprocess.PIPE, text=True)
        state = asked.stdout.strip()
    return state != "" and not state.startswith("Z")


def _first_report(channel: socket.socket) -> dict[str, Any]:
    """Read one line, byte by byte so that none of the next one is taken."""
    channel.settimeout(_SPAWN_TIMEOUT_S)
    line = b""
    while not line.endswith(b"\n"):
        byte = channel.recv(1)
        if not byte:
            raise ChildProcessError("the guard process ended before it could start its child")
        line += byte
    channel.settimeout(None)
    report: dict[str, Any] = json.loads(line)
    return report


# --- the guard's side ---


class _Guard:
    """Starts one child, watches it and its owner, and leaves when the child is gone."""

    def __init__(self, channel: socket.socket, plan: Mapping[str, Any]) -> None:
        self._channel = channel
        self._command: list[str] = plan["command"]
        self._grace_s: float = plan["grace_s"]
        self._owner = os.getppid()
        self._kill_at: float | None = None
        self._child: subprocess.Popen[bytes]

    def run(self) -> None:
        wake = _wake_on_signals()
        try:
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                process_group=0,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - the guard has no threads
            )
        except OSError as error:
            self._tell(errno=error.errno, error=error.strerror)
            return
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._stop(self._grace_s))
        self._tell(pid=self._child.pid)
        # The output belongs to the child: whoever reads it must see its end when the child ends.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        self._watch(wake)
        _signal_group(self._child.pid, signal.SIGKILL)  # what the child itself left behind

    def report_exit(self) -> None:
        self._tell(exit=self._child.returncode)

    @property
    def started(self) -> bool:
        return hasattr(self, "_child")

    def _watch(self, wake: int) -> None:
        listening: list[Any] = [self._channel, wake]
        while self._child.poll() is None:
            until_kill = None if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
            ready, _, _ = select.select(
                listening, [], [], _PARENT_CHECK_S if until_kill is None else min(until_kill, _PARENT_CHECK_S)
            )
            if wake in ready:
                os.read(wake, 512)
            if self._channel in ready and not self._obey():
                listening.remove(self._channel)
            # A fork of our owner may hold its end of the socket open; then only this tells of the owner's death.
            if os.getppid() != self._owner:
                self._stop(self._grace_s)
            if self._kill_at is not None and time.monotonic() >= self._kill_at:
                _signal_group(self._child.pid, signal.SIGKILL)
                self._kill_at = time.monotonic() + _PARENT_CHECK_S

    def _obey(self) -> bool:
        """Carry out the owner's order; False when there will be none any more."""
        try:
            data = self._channel.recv(4096)
        except OSError:
            data = b""
        if not data:
            self._stop(self._grace_s)
            return False
        for line in data.splitlines():
            self._stop(float(json.loads(line)["stop"]))
        return True

    def _stop(self, grace_s: float) -> None:
        """Begin to stop the child; called again, it can only bring the end nearer."""
        deadline = time.monotonic() + grace_s
        if self._kill_at is None and grace_s > 0:
            _signal_group(self._child.pid, signal.SIGTERM)
        self._kill_at = deadline if self._kill_at is None else min(self._kill_at, deadline)

    def _tell(self, **report: Any) -> None:
        with contextlib.suppress(OSError):  # the owner is gone: nobody to tell
            self._channel.sendall(_line(report))


def _wake_on_signals() -> int:
    """Turn every handled signal into a byte on a descriptor that select() can wait on."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return read


def _die_with(parent: int) -> Callable[[], None] | None:
    """What the child does before it becomes the command: ask Linux to kill it when the guard dies."""
    if sys.platform == "linux":
        import ctypes

        prctl = ctypes.CDLL(None, use_errno=True).prctl

        def ask() -> None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:  # it died before we could ask
                os._exit(1)

        return ask
    else:
        return None


def _signal_group(group: int, number: int) -> None:
    # macOS answers EPERM, not ESRCH, for a group of which only a zombie is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _line(message: Mapping[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def _readable(channel: socket.socket, timeout: float | None) -> bool:
    """True when there is something to read or it is closed. poll() and not select(): descriptors may pass 1024."""
    poller = select.poll()
    poller.register(channel, select.POLLIN)
    return bool(poller.poll(None if timeout is None else timeout * 1000))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _main() -> None:
    plan = json.loads(sys.argv[2])
    guard = _Guard(socket.socket(fileno=int(sys.argv[1])), plan)
    try:
        guard.run()
    finally:
        if plan["remove"]:
            _remove(Path(plan["remove"]))
    if guard.started:
        guard.report_exit()


if __name__ == "__main__":
    _main()
