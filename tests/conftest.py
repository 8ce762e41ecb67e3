"""Fixtures for all tests: a real Kafka, settings of their own, topics.

Where Kafka comes from: ``KAFKA_BOOTSTRAP_SERVERS`` when it is set, else the
local broker (extra ``local``; nothing to install by hand), else a container.
``BAROMETER_TEST_KAFKA=local|container|external`` forces one of them.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from infra.errors import BarometerError
from infra.kafka.admin import ensure_topics
from infra.kafka.local import LocalBroker
from infra.settings import ENV_PREFIX, Settings
from stream.topics import Topics, topic_specs

# The same examples every time, and no failure because the machine is busy.
hypothesis_settings.register_profile(
    "barometer", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("barometer")

_DEVELOPER = Settings()
CACHE = _DEVELOPER.cache
"""The developer's own: a test run must not fetch Kafka again."""
PARTITIONS = 2
_SESSION = f"test-{uuid.uuid4().hex[:8]}"
_numbers = itertools.count(1)

MakeSettings = Callable[..., Settings]
OF_DELIVERY = {
    "test_backtest",
    "test_dead_letters",
    "test_delivery",
    "test_gauges",
    "test_hostile_input",
    "test_lifecycle",
    "test_rebuild",
    "test_stages",
    "test_store",
    "test_transactions",
}


def pytest_configure(config: pytest.Config) -> None:
    """Where tests run side by side, each process ignores Ctrl-C, and what it starts would too."""
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of whole programs wait for a machine that others use too: one that fails is tried once more, and the
    summary names it (RERUN). Not in pure code, not more than three in a run, and where delivery is at stake only what
    came too late: neither what was lost nor what was counted twice.
    """
    again = pytest.mark.flaky(reruns=1, rerun_except=["BrokenPromiseError"])
    if_late = pytest.mark.flaky(reruns=1, only_rerun=["TooSlowError"])
    for item in items:
        if item.path.parent.name in {"flow", "e2e"}:
            item.add_marker(if_late if item.path.stem in OF_DELIVERY else again)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of a real Kafka, one for the whole test session."""
    wanted = os.environ.get("BAROMETER_TEST_KAFKA", "")
    external = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
    if wanted not in {"", "local", "container", "external"}:
        pytest.fail(f"BAROMETER_TEST_KAFKA is {wanted!r}; take local, container or external")
    if wanted == "external" and not external:
        pytest.fail("BAROMETER_TEST_KAFKA is external; set KAFKA_BOOTSTRAP_SERVERS too")
    with contextlib.ExitStack() as running:
        if external and wanted in {"", "external"}:
            yield external
            _delete_topics(external)
        elif wanted == "local":
            yield running.enter_context(_local_broker()).bootstrap_servers
        elif wanted == "container":
            yield _container(running)
        else:
            yield _local_or_container(running)


def _local_or_container(running: contextlib.ExitStack) -> str:
    try:
        return running.enter_context(_local_broker()).bootstrap_servers
    except BarometerError as no_local:
        try:
            return _container(running)
        except Exception as no_container:  # noqa: BLE001 - whatever Docker's client raises, both reasons are told
            pytest.fail(
                "these tests need a real Kafka: install the extra 'local', start Docker, or set "
                f"KAFKA_BOOTSTRAP_SERVERS (local broker: {no_local}; container: {no_container})"
            )


def _local_broker() -> LocalBroker:
    return LocalBroker(CACHE, repository=_DEVELOPER.maven_repository)


def _container(running: contextlib.ExitStack) -> str:
    from tests.kafka_container import KafkaContainer

    return running.enter_context(KafkaContainer()).bootstrap_servers


def _delete_topics(bootstrap_servers: str) -> None:
    """Leave somebody else's Kafka as it was."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    ours = [name for name in admin.list_topics(timeout=10).topics if name.startswith(_SESSION)]
    if ours:
        for deleted in admin.delete_topics(ours).values():
            deleted.result(30)


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """A command, or a library, that sets up logging in one test must not silence the next."""
    root = logging.getLogger()
    level, disabled = root.level, root.manager.disable
    yield
    root.setLevel(level)
    logging.disable(disabled)
    for logger in root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.fixture(autouse=True)
def _no_settings_of_the_developer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither ``BAROMETER_*`` variables nor a ``.env`` file may change what a test sees."""
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def make_settings(kafka: str) -> MakeSettings:
    """A factory: ``make_settings(partitions=3)`` is settings on the test Kafka with topics and a group of their own."""

    def make(**overrides: Any) -> Settings:
        own = {
            "kafka_bootstrap_servers": kafka,
            "topic_prefix": f"{_SESSION}-{next(_numbers)}.",
            "partitions": PARTITIONS,
            "cache_dir": CACHE,
        }
        return Settings(**{**own, **overrides})

    return make


@pytest.fixture
def settings(make_settings: MakeSettings) -> Settings:
    """Settings on the test Kafka with 2 partitions, and with topics and a group of this test's own."""
    return make_settings()


@pytest.fixture
def topics(settings: Settings) -> Topics:
    """The names of the topics of ``settings``, which exist."""
    ensure_topics(settings, topic_specs(settings), timeout=30)
    return Topics.of(settings)
