"""A node's files: formatted once, configured for one machine, and last words in one line."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import BrokerStartError
from infra.kafka.node import Jvm, Listener, Security, last_words, prepare, server_properties


def read(properties: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in properties.splitlines() if not line.startswith("#"))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "bootstrap.checkpoint"
    path.write_bytes(b"features")
    return path


@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_a_broker_listens_on_this_machine_only_and_on_the_ports_it_was_given(port: int, controller: int) -> None:
    properties = read(server_properties(port, controller))
    assert properties["listeners"] == f"PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}"
    assert properties["advertised.listeners"] == f"PLAINTEXT://127.0.0.1:{port}"
    assert properties["controller.quorum.voters"] == f"1@127.0.0.1:{controller}"


def test_secured_listeners_stand_beside_the_plain_one_with_properties_of_their_own() -> None:
    listener = Listener("MTLS", "SSL", {"ssl.client.auth": "required"})
    security = Security((listener,), {"super.users": "User:ANONYMOUS"})
    properties = read(server_properties(1, 2, security=security, secured={"MTLS": 3}))
    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:1,MTLS://127.0.0.1:3,CONTROLLER://127.0.0.1:2"
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1,MTLS://127.0.0.1:3"
    assert properties["listener.security.protocol.map"] == "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,MTLS:SSL"
    assert properties["listener.name.mtls.ssl.client.auth"] == "required"
    assert properties["super.users"] == "User:ANONYMOUS"


def test_nothing_on_one_node_wants_a_second_copy() -> None:
    properties = read(server_properties(1, 2))
    copies = {name: value for name, value in properties.items() if name.endswith(("replication.factor", "min.isr"))}
    assert len(copies) == 6
    assert set(copies.values()) == {"1"}
    assert properties["auto.create.topics.enable"] == "false"


def test_a_new_directory_is_formatted_with_ids_of_its_own(tmp_path: Path, checkpoint: Path) -> None:
    ids = set()
    for name in ("one", "two"):
        prepare(tmp_path / name, checkpoint)
        data = tmp_path / name / "data"
        assert (data / checkpoint.name).read_bytes() == b"features"
        meta = read((data / "meta.properties").read_text())
        assert (meta["version"], meta["node.id"]) == ("1", "1")
        for key in ("cluster.id", "directory.id"):
            assert len(base64.urlsafe_b64decode(meta[key] + "==")) == 16
            assert not meta[key].startswith("-")
            ids.add(meta[key])
    assert len(ids) == 4


def test_a_formatted_directory_is_left_as_it_is(tmp_path: Path, checkpoint: Path) -> None:
    prepare(tmp_path / "node", checkpoint)
    before = (tmp_path / "node" / "data" / "meta.properties").read_text()
    prepare(tmp_path / "node", checkpoint)
    assert (tmp_path / "node" / "data" / "meta.properties").read_text() == before


def test_a_directory_whose_formatting_was_cut_short_is_formatted_again(tmp_path: Path, checkpoint: Path) -> None:
    data = tmp_path / "node" / "data"
    data.mkdir(parents=True)
    (data / checkpoint.name).write_bytes(b"feat")
    prepare(tmp_path / "node", checkpoint)
    assert (data / checkpoint.name).read_bytes() == b"features"
    assert (data / "meta.properties").exists()


def test_a_directory_with_somebody_elses_files_is_refused(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "node" / "data" / "holiday-photos").mkdir(parents=True)
    with pytest.raises(BrokerStartError, match="not Kafka's; choose another directory"):
        prepare(tmp_path / "node", checkpoint)


def test_foreign_java_options_do_not_reach_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx8m")
    monkeypatch.setenv("CLASSPATH", "elsewhere.jar")
    environment = Jvm(Path("java"), [Path("/jars/a.jar"), Path("/jars/b.jar")]).environment()
    assert "JAVA_TOOL_OPTIONS" not in environment
    assert environment["CLASSPATH"] == "/jars/a.jar:/jars/b.jar"


def test_last_words_are_the_last_error_and_its_cause_without_the_stack() -> None:
    output = b"""\
2026-01-01T00:00:00 [main] ERROR kafka.Something - an older error
2026-01-01T00:00:01 [main] INFO kafka.Something - fine again
2026-01-01T00:00:02 [main] ERROR kafka.Kafka$ - Exiting Kafka due to fatal exception
org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:9092
\tat kafka.network.Acceptor.openServerSocket(SocketServer.scala:1)
\t... 3 more
Caused by: java.net.BindException: Address already in use
"""
    assert last_words(output) == (
        "2026-01-01T00:00:02 [main] ERROR kafka.Kafka$ - Exiting Kafka due to fatal exception"
        " | org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:9092"
        " | Caused by: java.net.BindException: Address already in use"
    )


def test_without_an_error_the_last_lines_are_the_last_words() -> None:
    assert last_words(b"a\nb\nc\nd\n\n") == "b | c | d"
    assert last_words(b"") == "it said nothing"


@given(st.binary(max_size=2000))
def test_last_words_are_one_line_whatever_was_said(output: bytes) -> None:
    assert "\n" not in last_words(output)
