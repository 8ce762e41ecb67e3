"""What ``infra.kafka.membership`` takes for granted of Faust and aiokafka: fails when a new version changes it."""

from __future__ import annotations

import inspect

import aiokafka
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.app.base import App
from faust.tables.manager import TableManager
from faust.topics import Topic
from faust.transport.conductor import Conductor, ConductorCompiler
from faust.transport.consumer import Consumer, ConsumerThread
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Transport
from faust.transport.drivers.aiokafka import Consumer as AioConsumer
from mode import Service


def test_the_transport_creates_consumers_from_its_class_attribute() -> None:
    assert "self.Consumer(" in inspect.getsource(Transport.create_consumer)
    assert "self._transport = transport" in inspect.getsource(App.transport.fset)  # type: ignore[attr-defined]


def test_commits_are_made_by_timer_and_before_revocation_through_commit_alone() -> None:
    assert "await self.commit()" in inspect.getsource(Consumer._commit_handler.fun)
    assert "await self.commit(" in inspect.getsource(Consumer.commit_and_end_transactions)
    assert "commit_and_end_transactions" in inspect.getsource(Consumer.on_stop)
    assert "commit" not in AioConsumer.__dict__, "the driver does not commit past us"


def test_dropping_of_old_messages_and_gaps_hang_on_read_offsets_that_are_none() -> None:
    source = inspect.getsource(Consumer._drain_messages)
    assert "self._read_offset.__getitem__" in source
    assert "if r_offset is None or offset >= r_offset:" in source
    assert "if gap > 1 and r_offset:" in source


def test_aiokafka_lives_in_a_thread_that_calls_are_sent_to() -> None:
    assert issubclass(AIOKafkaConsumerThread, ConsumerThread)
    assert inspect.iscoroutinefunction(ConsumerThread.call_thread)
    assert "_consumer" in inspect.getsource(AIOKafkaConsumerThread._ensure_consumer)
    for name in ("seek", "commit", "assignment"):
        assert callable(getattr(aiokafka.AIOKafkaConsumer, name))


def test_errors_that_end_a_membership_are_kept_until_somebody_asks() -> None:
    assert AIOKafkaConsumerThread._consumer is None
    assert "self._coordinator.check_errors()" in inspect.getsource(aiokafka.AIOKafkaConsumer.getmany)
    assert "raise exc" in inspect.getsource(GroupCoordinator.check_errors)


def test_every_poll_asks_one_method_of_the_thread_for_records_of_given_partitions() -> None:
    assert "return AIOKafkaConsumerThread(self, loop=self.loop, beacon=self.beacon)" in inspect.getsource(
        AioConsumer._new_consumer_thread
    )
    assert "self._fetch_records," in inspect.getsource(AIOKafkaConsumerThread.getmany)
    assert list(inspect.signature(AIOKafkaConsumerThread._fetch_records).parameters) == [
        "self",
        "consumer",
        "active_partitions",
        "timeout",
        "max_records",
    ]
    assert "fetcher.fetched_records(" in inspect.getsource(AIOKafkaConsumerThread._fetch_records)


def test_assignments_are_told_with_the_generation_already_set() -> None:
    source = inspect.getsource(AioConsumer.RebalanceListener.on_partitions_assigned)
    assert source.index("consumer_generation_id = generation") < source.index("on_partitions_assigned(ensure_TPset")
    assert "self.on_partitions_assigned.send" in inspect.getsource(App._on_partitions_assigned)
    assert "self.on_partitions_revoked.send" in inspect.getsource(App._on_partitions_revoked)


def test_a_crash_can_be_seen() -> None:
    assert isinstance(inspect.getattr_static(Service, "crashed"), property)
    assert isinstance(inspect.getattr_static(Service, "crash_reason"), property)


def test_folders_are_made_in_one_place_that_is_overridden() -> None:
    assert "self._create_directories()" in inspect.getsource(App)
    assert inspect.getsource(App).count(".mkdir(") == inspect.getsource(App._create_directories).count(".mkdir(")


def test_the_conductor_holds_the_channels_whose_queues_the_streams_read() -> None:
    assert "self.app.topics.add(cast(TopicT, channel))" in inspect.getsource(Topic.__aiter__)
    assert "return iter(self._topics)" in inspect.getsource(Conductor.__iter__)
    assert "queue = chan.queue" in inspect.getsource(ConductorCompiler.build)


def test_tables_are_waited_for_a_second_and_then_registered_and_recovered() -> None:
    source = inspect.getsource(TableManager.on_start)
    assert "await self.sleep(1.0)" in source, "if this is gone, stream.topology needs no manager of its own"
    assert "await self._update_channels()" in source
    assert "await self.recovery.start()" in source
