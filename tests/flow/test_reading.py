"""Reading a topic to its end shows all that was confirmed, and nothing else."""

from __future__ import annotations

import threading

from infra.kafka.publish import Outgoing, send
from infra.kafka.reading import newest_values, read_to_end
from infra.kafka.transactions import fenced_producer, transact
from infra.settings import Settings
from stream.topics import Topics
from tests.kafka_tools import wait_until
from tests.labelled import cut


def test_what_a_transaction_has_confirmed_is_seen_at_once(settings: Settings, topics: Topics) -> None:
    producer = fenced_producer(settings, "one")
    for number in range(20):
        key = b"%d" % number
        transact(producer, [Outgoing(topics.panes, key, b"v", partition=0)])
        assert key in newest_values(settings, topics.panes, 0)


def test_an_open_transaction_is_waited_for_and_an_aborted_one_never_was(settings: Settings, topics: Topics) -> None:
    producer = fenced_producer(settings, "two")
    for finish, seen in ((producer.commit_transaction, [b"a"]), (producer.abort_transaction, [b"a"])):
        producer.begin_transaction()
        send(producer, Outgoing(topics.panes, b"a", b"v", partition=0))
        producer.flush()
        found: list[bytes | None] = []
        done = threading.Event()

        def read(found: list[bytes | None] = found, done: threading.Event = done) -> None:
            found += [message.key() for message in read_to_end(settings, topics.panes, 0)]
            done.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert not done.wait(0.5)
        finish(30)
        reader.join(30)
        assert found == seen


def test_a_partition_is_read_from_what_retention_has_left(settings: Settings, topics: Topics) -> None:
    producer = fenced_producer(settings, "three")
    for number in range(5):
        transact(producer, [Outgoing(topics.labeled, b"k", b"%d" % number, partition=0)])
    wait_until(lambda: len(list(read_to_end(settings, topics.labeled, 0))) == 5, 30, "all are there")
    cut(settings, topics.labeled, 4)
    assert [message.value() for message in read_to_end(settings, topics.labeled, 0)] == [b"2", b"3", b"4"]
    assert list(read_to_end(settings, topics.labeled, 1)) == []
