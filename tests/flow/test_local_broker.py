"""The local broker: a real Kafka that keeps what it should, leaves nothing behind, and says why it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.errors import BrokerStartError
from infra.guard import is_alive
from infra.kafka.admin import describe_topics, ensure_topics, topic_id
from infra.kafka.cli import broker as broker_command
from infra.kafka.jars import KAFKA_VERSION
from infra.kafka.local import LocalBroker, free_port
from infra.settings import Settings
from stream.topics import Topics, topic_specs
from tests.conftest import CACHE
from tests.kafka_tools import environment, publish, read_all, wait_until
from tests.processes import wait_until_gone

PATIENCE_S = 200
"""A JVM starts in 3 s, on a busy machine in a minute."""
RECORDS = [(str(number).encode(), f"value {number}".encode()) for number in range(50)]


def settings_of(broker: LocalBroker) -> Settings:
    return Settings(kafka_bootstrap_servers=broker.bootstrap_servers, partitions=2, cache_dir=CACHE)


def values(settings: Settings, topic: str) -> set[bytes | None]:
    return {message.value() for message in read_all(settings, topic)}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go, in this process and in those it starts."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture
def command(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Started commands, ended after the test whatever happened."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=PATIENCE_S)


def run_broker(started: list[subprocess.Popen[str]], *arguments: str) -> tuple[subprocess.Popen[str], str]:
    """Start ``barometer broker`` and return it with the address it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stream", "broker", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(Settings(cache_dir=CACHE)) | {"PYTHONUNBUFFERED": "1"},
    )
    started.append(process)
    assert process.stdout is not None
    for line in process.stdout:
        if "export BAROMETER_KAFKA_BOOTSTRAP_SERVERS=" in line:
            return process, line.strip().partition("=")[2]
    raise AssertionError(f"barometer broker ended with {process.wait()}: {process.communicate()[1]}")


def test_a_crash_loses_nothing_that_was_confirmed_and_a_restart_keeps_port_and_topics(tmp_path: Path) -> None:
    directory = tmp_path / "kept"
    with LocalBroker(CACHE, directory=directory) as broker:
        settings, port, pid = settings_of(broker), broker.port, broker.pid
        topics = Topics.of(settings)
        assert broker.version == KAFKA_VERSION
        assert len(ensure_topics(settings, topic_specs(settings), timeout=60)) == 6
        before = topic_id(settings, topics.tweets)
        publish(settings, topics.tweets, RECORDS)

        broker.kill()
        assert not broker.running
        assert broker.pid is None
        broker.start()

        assert broker.port == port
        assert broker.pid != pid
        assert topic_id(settings, topics.tweets, timeout=60) == before
        assert values(settings, topics.tweets) == {value for _, value in RECORDS}
    with LocalBroker(CACHE, directory=directory) as again:  # a clean stop, another object, another port
        settings = settings_of(again)
        assert topic_id(settings, topics.tweets, timeout=60) == before
        assert values(settings, topics.tweets) == {value for _, value in RECORDS}
        with pytest.raises(BrokerStartError, match=rf"{directory} is in use by another broker \(process {os.getpid()}"):
            LocalBroker(CACHE, directory=directory).start()
        assert again.running


OWNER = """
import sys, time
from pathlib import Path
from infra.kafka.local import LocalBroker

broker = LocalBroker(Path(sys.argv[1]))
broker.start()
print(broker.pid, broker.bootstrap_servers, flush=True)
time.sleep(1000)
"""


def test_nothing_is_left_when_the_owner_is_killed(temporary: Path, command: list[subprocess.Popen[str]]) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(CACHE)], stdout=subprocess.PIPE, text=True)
    command.append(owner)
    assert owner.stdout is not None
    pid, address = owner.stdout.readline().split()
    assert is_alive(int(pid))
    assert list(temporary.iterdir())

    owner.kill()
    owner.wait()

    wait_until_gone(int(pid))
    wait_until(lambda: not list(temporary.iterdir()), PATIENCE_S, "the temporary folder is removed")
    with socket.socket() as probe:
        assert probe.connect_ex(_split(address)) != 0


def test_a_directory_can_be_taken_over_from_an_owner_that_was_killed(
    tmp_path: Path, command: list[subprocess.Popen[str]]
) -> None:
    first, address = run_broker(command, "--port", "0", "--dir", str(tmp_path / "kept"))
    settings = Settings(kafka_bootstrap_servers=address, partitions=2)
    ensure_topics(settings, topic_specs(settings), timeout=60)
    first.kill()
    first.wait()
    with LocalBroker(CACHE, directory=tmp_path / "kept") as second:  # at once: it waits for the other JVM to end
        assert len(describe_topics(settings_of(second), ["tweets", "tweets.labeled"], timeout=60)) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_stops_cleanly_when_asked(
    temporary: Path, command: list[subprocess.Popen[str]], number: int
) -> None:
    process, address = run_broker(command, "--port", "0")
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (0, "")
    assert not list(temporary.iterdir())
    with socket.socket() as probe:
        assert probe.connect_ex(_split(address)) != 0


def test_the_command_ends_with_an_error_when_kafka_does(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = LocalBroker.wait

    def wait_for_a_crash(broker: LocalBroker, timeout: float | None = None) -> int:
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        return wait(broker, timeout)

    monkeypatch.setattr(LocalBroker, "wait", wait_for_a_crash)
    monkeypatch.setenv("BAROMETER_CACHE_DIR", str(CACHE))
    with pytest.raises(BrokerStartError, match="Kafka ended by itself with exit code -9"):
        broker_command.main(["--port", "0"], standalone_mode=False)


def test_a_port_that_is_taken_is_refused_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerStartError, match=rf"port {port} on 127.0.0.1 cannot be used .*0 for any free one"):
            LocalBroker(CACHE, port=port).start()


def test_another_port_is_taken_when_one_was_lost_while_kafka_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        offered = iter([free_port(), taken.getsockname()[1]])  # Kafka finds its second port, the controller's, taken
        monkeypatch.setattr("infra.kafka.local.free_port", lambda: next(offered, None) or free_port())
        with LocalBroker(CACHE) as broker:
            assert broker.running
        assert next(offered, None) is None


def test_kafkas_own_words_are_in_the_error_when_it_cannot_start(tmp_path: Path) -> None:
    (tmp_path / "kept" / "data").mkdir(parents=True)
    (tmp_path / "kept" / "data" / "meta.properties").write_text("version=1\nnode.id=7\ncluster.id=x\n")
    with pytest.raises(BrokerStartError, match=r"Kafka ended with exit code 1 while it started: .*node.id"):
        LocalBroker(CACHE, directory=tmp_path / "kept").start()


def test_without_network_and_cache_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BrokerStartError, match=r"set BAROMETER_KAFKA_BOOTSTRAP_SERVERS, or run docker compose up"):
        LocalBroker(tmp_path / "empty", repository="http://127.0.0.1:1").start()


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
