"""Apache Kafka's own image as a test broker (testcontainers' KafkaContainer cannot run it)."""

from __future__ import annotations

import time
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from testcontainers.core.container import DockerContainer

from infra.kafka.jars import KAFKA_VERSION
from infra.kafka.node import server_properties

IMAGE = f"apache/kafka:{KAFKA_VERSION}"
_PORT = 9092
_START = "/tmp/start.sh"
_TIMEOUT_S = 180


class KafkaContainer(DockerContainer):
    """One node with the settings of the local broker, reachable on a port that Docker chooses.

    Clients must be told that port, and it is known only once the container
    runs: so the container waits for a script that says it. The broker talks to
    itself (transaction markers) on a listener of its own, since the clients'
    address leads nowhere inside the container.
    """

    def __init__(self, image: str = IMAGE) -> None:
        super().__init__(image)
        self.with_exposed_ports(_PORT)
        self.with_envs(**_environment())
        self.with_command(["sh", "-c", f"until [ -s {_START} ]; do sleep 0.1; done; exec sh {_START}"])

    @property
    def bootstrap_servers(self) -> str:
        """What clients on this machine connect to, host:port."""
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(_PORT)}"

    def start(self) -> Self:
        """Return when the broker answers. Raises TimeoutError with the end of its log."""
        super().start()
        advertised = f"PLAINTEXT://{self.bootstrap_servers},BROKER://127.0.0.1:9094"
        script = f"export KAFKA_ADVERTISED_LISTENERS={advertised}\nexec /etc/kafka/docker/run\n"
        self.copy_into_container(script.encode(), _START)
        self._wait_ready()
        return self

    def _wait_ready(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap_servers, "log_level": 0})
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                if admin.list_topics(timeout=2).brokers:
                    return
            except KafkaException as error:
                if time.monotonic() > deadline:
                    output = b"".join(self.get_logs())[-2000:].decode("utf-8", "replace")
                    raise TimeoutError(f"{self.image} did not answer within {_TIMEOUT_S} s:\n{output}") from error


def _environment() -> dict[str, str]:
    """The local broker's properties as the image takes them: upper case, dots as underscores."""
    properties = dict(line.split("=", 1) for line in server_properties(_PORT, 9093).splitlines())
    del properties["log.dirs"], properties["advertised.listeners"]
    properties |= {
        "listeners": f"PLAINTEXT://0.0.0.0:{_PORT},BROKER://127.0.0.1:9094,CONTROLLER://127.0.0.1:9093",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
    }
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in properties.items()}
