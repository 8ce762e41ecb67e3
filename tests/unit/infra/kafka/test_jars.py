"""The broker's jars: what the lock says is what is used, and nothing else."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import BrokerStartError
from infra.kafka import jars
from infra.kafka.jars import KAFKA_VERSION, Jar, ensure_jars, missing_jars, read_lock, sha256_of

_NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-_", min_size=1, max_size=30)
FILES = {"alpha-1.jar": b"alpha" * 1000, "beta-2.jar": b"beta" * 10}


@given(_NAMES, _NAMES, _NAMES, st.integers(0, 2**40), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_a_jar_reads_back_as_it_was_written(group: str, artifact: str, version: str, size: int, digest: str) -> None:
    jar = Jar(group, artifact, version, size, digest)
    assert Jar.parse(str(jar)) == jar


def test_the_lock_names_the_broker_of_this_version_once_each() -> None:
    lock = read_lock()
    names = [jar.file_name for jar in lock]
    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in names
    assert len(set(names)) == len(names) > 40
    assert all(jar.version == KAFKA_VERSION for jar in lock if jar.group == "org.apache.kafka")
    assert all(jar.size > 0 and len(jar.sha256) == 64 for jar in lock)


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[str]:
    """A Maven repository on this machine with two artifacts of the group ``g``."""
    root = tmp_path / "repository"
    for name, content in FILES.items():
        artifact, version = name.removesuffix(".jar").split("-")
        folder = root / "g" / artifact / version
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(root))  # type: ignore[arg-type]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Jar]:
    """A lock of the two artifacts in place of Kafka's."""
    entries = []
    for name, content in FILES.items():
        artifact, version = name.removesuffix(".jar").split("-")
        (tmp_path / name).write_bytes(content)
        entries.append(Jar("g", artifact, version, len(content), sha256_of(tmp_path / name)))
    monkeypatch.setattr(jars, "read_lock", lambda: entries)
    return entries


def test_jars_are_fetched_once_and_in_the_order_of_the_lock(repository: str, lock: list[Jar], tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "cache" / "jars"
    paths = ensure_jars(folder, repository=repository, on_progress=said.append)
    assert [path.read_bytes() for path in paths] == list(FILES.values())
    assert said[0] == f"Fetching Apache Kafka {KAFKA_VERSION} (first time only)"
    assert said[-1].endswith("2 of 2 files")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES), "nothing else is left in the cache"

    said.clear()
    assert ensure_jars(folder, repository="http://127.0.0.1:1", on_progress=said.append) == paths
    assert said == []


def test_a_jar_that_was_cut_is_noticed_and_fetched_again(repository: str, lock: list[Jar], tmp_path: Path) -> None:
    paths = ensure_jars(tmp_path / "jars", repository=repository)
    paths[0].write_bytes(paths[0].read_bytes()[:-1])
    assert missing_jars(lock, tmp_path / "jars") == lock[:1]
    ensure_jars(tmp_path / "jars", repository=repository)
    assert paths[0].read_bytes() == FILES["alpha-1.jar"]


def test_a_jar_with_other_content_is_refused(repository: str, lock: list[Jar], tmp_path: Path) -> None:
    served = tmp_path / "repository" / "g" / "beta" / "2" / "beta-2.jar"
    served.write_bytes(b"evil" * 10)
    with pytest.raises(BrokerStartError, match=r"beta-2.jar was fetched with SHA-256 .* expects"):
        ensure_jars(tmp_path / "jars", repository=repository)
    assert not (tmp_path / "jars" / "beta-2.jar").exists()


@pytest.mark.usefixtures("lock")
def test_without_a_network_the_error_says_what_to_do_instead(tmp_path: Path) -> None:
    with pytest.raises(
        BrokerStartError,
        match=r"could not be fetched from http://127.0.0.1:1 .*; set BAROMETER_KAFKA_BOOTSTRAP_SERVERS, or run docker",
    ):
        ensure_jars(tmp_path / "jars", repository="http://127.0.0.1:1")


def test_a_repository_without_kafka_is_an_error_that_names_the_file(
    repository: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jars, "read_lock", lambda: [Jar("g", "gamma", "3", 1, "0" * 64)])
    with pytest.raises(BrokerStartError, match=r"could not be fetched .*gamma-3.jar"):
        ensure_jars(tmp_path / "jars", repository=repository)


@pytest.mark.usefixtures("lock")
def test_a_cache_that_cannot_be_written_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BrokerStartError, match=r"cannot be written .* set BAROMETER_CACHE_DIR"):
        ensure_jars(tmp_path / "file" / "jars", repository="http://127.0.0.1:1")


@pytest.mark.usefixtures("lock")
def test_a_filled_cache_needs_neither_the_network_nor_its_client(repository: str, tmp_path: Path) -> None:
    ensure_jars(tmp_path / "jars", repository=repository)
    script = (
        "import sys; from pathlib import Path; from infra.kafka import jars\n"
        f"jars.read_lock = lambda: [jars.Jar('g', 'alpha', '1', {len(FILES['alpha-1.jar'])}, '')]\n"
        f"jars.ensure_jars(Path({str(tmp_path / 'jars')!r}))\n"
        "assert not {'jgo', 'requests'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[4])
