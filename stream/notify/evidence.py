"""The newest spikes of every brand, kept current from ``reputation.spikes``, and the minutes of a brand when asked.

Both see committed records only, and belong to no group. Spikes are few and
small, so that all that matter are kept; minutes are many, so that they are
read when a plot needs them, from the one partition that holds the brand.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import NamedTuple, Self

import orjson
from aiokafka.partitioner import murmur2
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from pydantic import ValidationError

from infra.errors import BarometerError
from infra.kafka.admin import partition_count
from infra.kafka.clients import reader_config
from infra.kafka.reading import read_to_end
from infra.settings import Settings
from stream.notify.webhook import Alert
from stream.records import Spike
from stream.topics import Topics

KEPT = 20
"""Spikes of one brand and kind that are remembered: the newest to open."""
LOOK_BACK = dt.timedelta(hours=26)
"""How long ago, by Kafka's clock, a minute that is drawn may have been written."""
READ_S = 20.0
"""A plot waits no longer than this for its minutes."""
_POLL_S = 0.1
_TOGETHER = 500
_STOP_S = 5.0
_AGAIN_S = 5.0

_PARTITION_EOF = KafkaError._PARTITION_EOF  # noqa: SLF001  the library names it so

log = logging.getLogger(__name__)


class SpikeBook:
    """Follows ``reputation.spikes`` in a thread while it is entered; any thread may ask."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topic = Topics.of(settings).spikes
        self._spikes: dict[tuple[str, str], dict[str, Spike]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="spikes", daemon=True)
        self._partitions = 0

    def __enter__(self) -> Self:
        """Read what there is, then follow. Raises what reading raises."""
        for message in read_to_end(self._settings, self._topic):
            self._take(message)
        self._partitions = partition_count(self._settings, self._topic)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(_STOP_S)

    def check(self) -> str | None:
        """For health."""
        return None if self._thread.is_alive() else "not reading spikes"

    def spike(self, alert: Alert, known: str | None = None) -> Spike | None:
        """What an alert is about: the spike ``known`` from when it began, else the newest of its brand and kind.

        Of an alert that fires, one that is open; there may be none (yet).
        """
        with self._lock:
            spikes = list(self._spikes.get((alert.brand, alert.kind), {}).values())
        same = [spike for spike in spikes if spike.id == known]
        if same:
            return same[0]
        if alert.status == "firing" and any(spike.status == "open" for spike in spikes):
            spikes = [spike for spike in spikes if spike.status == "open"]
        return max(spikes, key=lambda spike: spike.opened_at, default=None)

    def _follow(self) -> None:
        consumer = Consumer(reader_config(self._settings))
        try:
            # From the beginning once more: what was written since the first reading is in it, and it is little.
            consumer.assign([TopicPartition(self._topic, number, 0) for number in range(self._partitions)])
            while not self._stopping.is_set():
                for message in consumer.consume(_TOGETHER, _POLL_S):
                    error = message.error()
                    if error is None:
                        self._take(message)
                    else:
                        log.warning("reading %s failed, trying again: %s", self._topic, error.str())
                        self._stopping.wait(_AGAIN_S)
        finally:
            consumer.close()

    def _take(self, message: Message) -> None:
        value = message.value()
        if value is None:
            return
        try:
            spike = Spike.model_validate_json(value)
        except ValidationError as error:
            log.warning("%s-%s@%s: %s", message.topic(), message.partition(), message.offset(), error)
            return
        with self._lock:
            spikes = self._spikes.setdefault((spike.brand, spike.kind), {})
            spikes[spike.id] = spike
            if len(spikes) > KEPT:
                del spikes[min(spikes, key=lambda one: spikes[one].opened_at)]


class Minute(NamedTuple):
    """Tweets of a brand in one minute that begins at ``start`` (seconds since 1970).

    ``expected``: negative share that the detector expected then; None while it was learning.
    """

    start: int
    tweets: int
    negative: int
    positive: int
    expected: float | None = None


def minutes_of(settings: Settings, brand: str, since: dt.datetime, until: dt.datetime) -> list[Minute]:
    """The minutes of a brand between two event times, in order, as far as they were written within LOOK_BACK.

    Blocking, READ_S at most: what was read by then is what there is. Raises
    BarometerError when Kafka cannot be read.
    """
    topic = Topics.of(settings).windows
    number = partition_of(brand, partition_count(settings, topic))
    found: dict[int, Minute] = {}
    begin = orjson.dumps([brand])[:-1] + b","
    deadline = time.monotonic() + READ_S
    for key, value in _newest(settings, topic, number, begin, deadline).items():
        _brand, start, size_s = orjson.loads(key)
        at = dt.datetime.fromisoformat(start)
        if size_s == 60 and since <= at < until:
            window = orjson.loads(value)
            counts, baseline = window["counts"], window.get("baseline") or {}
            second, total = int(at.timestamp()), sum(counts.values())
            expected = baseline.get("negative_share")
            found[second] = Minute(second, total, counts.get("negative", 0), counts.get("positive", 0), expected)
    return [found[start] for start in sorted(found)]


def partition_of(brand: str, partitions: int) -> int:
    """Where a brand's records are: every producer hashes keys as Java clients do."""
    hashed: int = murmur2(brand.encode())
    return (hashed & 0x7FFFFFFF) % partitions


def _newest(settings: Settings, topic: str, number: int, begin: bytes, deadline: float) -> Mapping[bytes, bytes]:
    """The newest value of each key that begins so, of what was written within LOOK_BACK."""
    newest: dict[bytes, bytes] = {}
    consumer = Consumer(reader_config(settings, **{"enable.partition.eof": True}))
    since_ms = round((dt.datetime.now(dt.UTC) - LOOK_BACK).timestamp() * 1_000)
    try:
        (first,) = consumer.offsets_for_times([TopicPartition(topic, number, since_ms)], READ_S)
        if first.offset < 0:  # nothing is that new
            return newest
        consumer.assign([TopicPartition(topic, number, first.offset)])
        while time.monotonic() < deadline:
            for message in consumer.consume(_TOGETHER, _POLL_S):
                error, key, value = message.error(), message.key() or b"", message.value()
                if error is not None and error.code() == _PARTITION_EOF:
                    return newest
                if error is None and key.startswith(begin) and value is not None:
                    newest[key] = value
        log.warning("%s-%d is not read to its end within %.0f s: the plot lacks the newest", topic, number, READ_S)
        return newest
    except KafkaException as error:
        raise BarometerError(f"{topic} cannot be read for a plot: {error.args[0].str()}") from error
    finally:
        consumer.close()
