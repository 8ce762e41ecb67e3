"""Shows that plain Faust commits past messages that no agent saw: the reproduction for docs/faust-offsets.md.

    python tools/faust_offset_loss.py [--messages 150000] [--faults 20] [--seed 1] [--table]

Nothing of Barometer takes part but its local Kafka. Three Faust workers copy a
topic to a second one and that to a third, and with --table count keys. The
agents that copy acknowledge a message only after the broker has confirmed its copy,
while workers are killed (-9), frozen and restarted. In the end every message
should have been copied twice. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from infra.kafka.local import LocalBroker
from infra.kafka.reading import read_to_end
from infra.settings import Settings

if TYPE_CHECKING:
    import faust

PARTITIONS = 6
WORKERS = 3
TOPICS = ("source", "copied", "copied-again")
SESSION_S = 10
BATCH_S = 0.15
"""What the work on a batch takes, so that a backlog lasts through the faults."""
QUIET_S = 60
"""When the group has read all and nothing more was copied for this long, what is missing is lost."""


def copy(bootstrap: str, *, table: bool) -> None:
    """One worker: what Faust's documentation suggests for batches with manual acknowledgement."""
    import faust

    app = faust.App(
        "copy",
        broker=f"kafka://{bootstrap}",
        store="memory://",
        web_enabled=False,
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=0.5,
        broker_session_timeout=SESSION_S,
        broker_heartbeat_interval=3,
        broker_max_poll_interval=60,
        stream_buffer_maxsize=2048,
        stream_wait_empty=False,
        datadir=tempfile.mkdtemp(),
    )
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "message.timeout.ms": 0})

    def publish(events: Sequence[Any], topic: str) -> None:
        for event in events:
            producer.produce(topic, key=event.key, value=event.value)
        producer.flush()

    async def copy_all(stream: Any, topic: str) -> None:
        async for events in stream.noack_take(128, within=0.05):
            await asyncio.sleep(BATCH_S)
            await asyncio.get_running_loop().run_in_executor(None, publish, events, topic)
            for event in events:
                await stream.ack(event)

    @app.agent(app.topic(TOPICS[0], value_serializer="raw", key_serializer="raw"))
    async def first(stream: Any) -> None:
        await copy_all(stream, TOPICS[1])

    @app.agent(app.topic(TOPICS[1], value_serializer="raw", key_serializer="raw"))
    async def second(stream: Any) -> None:
        await copy_all(stream, TOPICS[2])

    if table:
        _count_keys(app)
    sys.argv = ["faust", "worker", "--without-web", "-l", "warn"]
    app.main()


def _count_keys(app: faust.App) -> None:
    counts = app.Table("counts", default=int, partitions=PARTITIONS)

    @app.agent(app.topic(TOPICS[1], value_serializer="raw", key_serializer="raw"))
    async def count(stream: Any) -> None:
        async for event in stream.events():
            counts[event.key] += 1


def drive(messages: int, faults: int, seed: int, folder: Path, *, table: bool) -> dict[str, int]:
    """Break a group of workers while it copies, and count what is missing."""
    rng = random.Random(seed)
    with LocalBroker(Settings().cache) as broker:
        settings = Settings(kafka_bootstrap_servers=broker.bootstrap_servers)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        for made in admin.create_topics([NewTopic(name, PARTITIONS, 1) for name in TOPICS]).values():
            made.result(60)
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 20})
        for number in range(messages):
            producer.produce(TOPICS[0], key=str(number), value=str(number))
            producer.poll(0)
        producer.flush()
        workers = [_start(number, broker.bootstrap_servers, folder, table=table) for number in range(WORKERS)]
        try:
            time.sleep(8)
            for fault in range(faults):
                time.sleep(rng.uniform(2, 9))
                victim = rng.randrange(WORKERS)
                kind = rng.choice(["kill", "stop", "freeze"])
                print(f"{fault + 1:3} {kind} worker {victim}, {_copied(settings, TOPICS[1])} copied", flush=True)  # noqa: T201
                if kind != "freeze":
                    os.killpg(workers[victim].pid, signal.SIGKILL if kind == "kill" else signal.SIGTERM)
                    workers[victim].wait()
                    time.sleep(rng.uniform(0, 3))
                    workers[victim] = _start(victim, broker.bootstrap_servers, folder, table=table)
                else:
                    os.killpg(workers[victim].pid, signal.SIGSTOP)
                    time.sleep(SESSION_S + 4)
                    os.killpg(workers[victim].pid, signal.SIGCONT)
            copied, since = [-1, -1], time.monotonic()
            while min(copied) < messages and time.monotonic() - since < QUIET_S:
                if (now := [_copied(settings, topic) for topic in TOPICS[1:]]) != copied:
                    copied, since = now, time.monotonic()
                time.sleep(2)
        finally:
            for worker in workers:
                os.killpg(worker.pid, signal.SIGKILL)
    return {
        "seed": seed,
        "faults": faults,
        "messages": messages,
        "lost": messages - copied[0],
        "lost_again": copied[0] - copied[1],
    }


def _start(number: int, bootstrap: str, folder: Path, *, table: bool) -> subprocess.Popen[bytes]:
    with (folder / f"worker-{number}.log").open("ab") as log:
        command = [sys.executable, __file__, "--worker", bootstrap, *(["--table"] if table else [])]
        return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def _copied(settings: Settings, topic: str) -> int:
    """Distinct messages in ``topic``."""
    return len({message.value() for message in read_to_end(settings, topic)})


def main() -> None:
    """Read the options; drive, or be one of the workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=150_000)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="let the workers keep a Faust table too")
    parser.add_argument("--worker", metavar="BOOTSTRAP", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        copy(options.worker, table=options.table)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(drive(options.messages, options.faults, options.seed, Path(folder), table=options.table)))  # noqa: T201


if __name__ == "__main__":
    main()
