"""Which stage reads which topic: the one place where the stages meet Faust."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, cast, get_args

import faust
from faust.app.base import BootStrategy as FaustBootStrategy
from faust.tables.manager import TableManager
from faust.types import Message

from infra.kafka.security import faust_credentials
from infra.kafka.straight import batches
from infra.settings import Settings
from stream.topics import Topics

Stage = Literal["classify", "aggregate"]
Loop = Callable[[AsyncIterator[Sequence[Any]]], Awaitable[None]]
AGGREGATE_BATCH = 1_000
AGGREGATE_WAIT_S = 0.2
"""A transaction costs the same for one record as for hundreds: the aggregate waits longer than classify does."""
STREAM_BUFFER = 512
"""Records that wait before a stage; half of it is full enough for a stage that is at work. More brought nothing, but
memory: over a million tweets a worker grew by 4% with 512, 13% and 21% with 768, 17% with 1,024, 26% with 2,048."""
POLL_RECORDS = 500
FETCH_BYTES = 64 * 1024
"""Small helpings: Faust hands out all of one poll before it asks for the next, so a large one of tweets
would keep labelled tweets waiting until all of it is classified, and one partition ahead of the others."""
METADATA_AGE_MS = 5_000
"""A group leader that asked a broker while it was starting knows of no topic, and gives nobody any partition until
it has asked again; aiokafka would do that after five minutes."""
MAX_POLL_INTERVAL_S = 600
"""A slow model must not cost us the membership; health checks notice a stuck worker sooner."""


class _NoTables(TableManager):
    """Faust waits for a second until all tables are made before it joins the group: there are none."""

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class _App(faust.App):
    """Faust's app, without folders, as nothing is kept on this machine, nor a producer: librdkafka publishes."""

    class BootStrategy(FaustBootStrategy):
        enable_kafka_producer = False

    def _create_directories(self) -> None:
        pass


def build_app(settings: Settings) -> faust.App:
    """A Faust app that fetches, balances and buffers, and keeps nothing: no tables, no web, no topics of its own."""
    return _App(
        settings.group,
        broker=[f"kafka://{server.strip()}" for server in settings.kafka_bootstrap_servers.split(",")],
        broker_credentials=faust_credentials(settings),
        store="memory://",
        TableManager=_NoTables,
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.partitions,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=METADATA_AGE_MS,
        consumer_group_instance_id=settings.worker_id or None,
        broker_commit_interval=settings.commit_interval_s,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 4,
        broker_max_poll_interval=MAX_POLL_INTERVAL_S,
        broker_max_poll_records=POLL_RECORDS,
        consumer_max_fetch_size=FETCH_BYTES,
        stream_buffer_maxsize=STREAM_BUFFER,
        stream_wait_empty=False,
        key_serializer="raw",
        value_serializer="raw",
    )


def connect(
    app: faust.App,
    settings: Settings,
    topics: Topics,
    loops: Mapping[Stage, Loop],
    at_once: Callable[[], int],
    free: asyncio.Event,
) -> None:
    """Attach the loops of the stages that this worker does to their topics.

    ``at_once``: tweets in a batch, at most; ``free``: set while none is labelled.
    """
    for stage, loop in loops.items():
        batches_of = {
            "classify": partial(batches, most=at_once, wait_s=settings.batch_wait_s, free=free),
            "aggregate": partial(batches, most=lambda: AGGREGATE_BATCH, wait_s=AGGREGATE_WAIT_S),
        }[stage]
        topic = app.topic(source_of(stage, topics), value_serializer="raw", key_serializer="raw")
        app.agent(topic, name=stage)(_agent(loop, batches_of))


def stages_of(settings: Settings) -> list[Stage]:
    """The stages that a worker does, in the order of the flow."""
    return [stage for stage in get_args(Stage) if stage in settings.stages.split(",")]


def source_of(stage: Stage, topics: Topics) -> str:
    """The topic that a stage reads."""
    return {"classify": topics.tweets, "aggregate": topics.labeled}[stage]


def _agent(
    loop: Loop, batches: Callable[[asyncio.Queue[Message]], AsyncIterator[Sequence[Message]]]
) -> Callable[[faust.StreamT[Any]], Awaitable[None]]:
    """An agent that takes batches from the queue of its topic, past Faust's stream; the ledger acknowledges."""

    async def agent(stream: faust.StreamT[Any]) -> None:
        await loop(batches(cast("Any", aiter(stream.channel)).queue))

    return agent
