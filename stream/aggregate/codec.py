"""The aggregate's state as records of ``reputation.panes``, and back.

Keys are JSON arrays: ``["clock"]``, ``["pane", brand, start]``,
``["ids", brand, start, chunk]``, ``["sample", brand, start]`` (tweets of an open
pane), ``["brand", brand]`` (what its evicted panes had counted) and
``["watch", brand, kind, name, number]`` (what its spikes are told from); a null
value removes. The topic is compacted, so what remains is the newest version of
each.

Every transaction ends with a clock record, which says how many panes and
tweets there are after it. Compaction keeps the newest version of every key, so
a reader of committed records finds exactly that; if not, records were lost.
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from math import isinf
from typing import Any

import orjson

from infra.errors import BarometerError
from infra.kafka.publish import Outgoing
from stream.aggregate.counted import Counted, CountedTweets
from stream.aggregate.event_clock import EventClock, SourceView
from stream.aggregate.fold import Changes, PartitionState, Seen, begin
from stream.aggregate.pane import Pane, PaneKey
from stream.aggregate.totals import NONE, ByLabel, Totals, TotalsChange
from stream.records import SCHEMA_VERSION
from stream.spikes.evidence.memory import decode_sample, encode_sample
from stream.spikes.watch import HEAD_ADDRESS, Address, BrandWatch, restore


class StateError(BarometerError):
    """The saved state cannot be understood; going on would overwrite it."""


class TruncatedError(Exception):
    """Records of the saved state are missing. The message says which, in the words of a half sentence."""


@dataclass(frozen=True)
class Saved:
    """What the records of a partition say."""

    state: PartitionState
    totals: Totals


CLOCK_KEY = orjson.dumps(["clock"])


def encode(changes: Changes, totals: TotalsChange, topic: str, partition: int) -> Iterator[Outgoing]:
    """The records that bring the saved state of ``partition`` from before ``changes`` to after them."""
    for key, chunks in (changes.forgotten | changes.evicted).items():
        for chunk in range(chunks):
            yield Outgoing(topic, _ids_key(key, chunk), None, partition=partition)
    for key in changes.evicted:
        yield Outgoing(topic, _pane_key(key), None, partition=partition)
        yield Outgoing(topic, _sample_key(key), None, partition=partition)  # it may close and go at once
    yield from _encode_watches(changes, topic, partition)
    for key, pane in changes.panes.items():
        yield from _encode_pane(key, pane, topic, partition)
    for brand, retired in totals.retired():
        yield Outgoing(topic, _brand_key(brand), _brand_value(retired), partition=partition)
    yield Outgoing(topic, CLOCK_KEY, _clock_value(changes, totals), partition=partition)


def _encode_watches(changes: Changes, topic: str, partition: int) -> Iterator[Outgoing]:
    for brand, addresses in changes.unwatched.items():
        for address in addresses:
            yield Outgoing(topic, _watch_key(brand, address), None, partition=partition)
    for brand, watch in changes.watches.items():
        for address, value in watch.changed_records():
            yield Outgoing(topic, _watch_key(brand, address), _wrapped(value), partition=partition)


def _encode_pane(key: PaneKey, pane: Pane, topic: str, partition: int) -> Iterator[Outgoing]:
    yield Outgoing(topic, _pane_key(key), pane.pack(), partition=partition)
    if pane.sampled:
        sample = None if pane.sample is None else encode_sample(pane.sample)
        yield Outgoing(topic, _sample_key(key), _wrapped(sample), partition=partition)
    if pane.ids is not None:
        for chunk, counted in pane.ids.chunks_with(pane.fresh).items():
            yield Outgoing(topic, _ids_key(key, chunk), _ids_value(counted), partition=partition)


def encode_all(saved: Saved, topic: str, partition: int) -> Iterator[Outgoing]:
    """All records of a state, the clock last, as if there were none yet."""
    state = saved.state
    whole = begin(state)
    for pane in state.panes:
        fresh = {} if pane.ids is None else dict(pane.ids.all())
        whole.panes[pane.key] = replace(
            pane, ids=None if pane.ids is None else CountedTweets(), fresh=fresh, sampled=pane.sample is not None
        )
    whole.watches = {brand: watch.whole() for brand, watch in state.watches.items()}
    totals = TotalsChange(saved.totals.panes, saved.totals.tweets, saved.totals.counted)
    for brand, total in saved.totals.brands.items():
        totals.brands[brand] = total
        if any(total.retired):
            totals.retire(brand, (0,) * len(total.retired))
    return encode(whole, totals, topic, partition)


def decode(records: Iterable[tuple[bytes, bytes]]) -> Saved | None:
    """The state in the surviving ``(key, value)`` records of a partition; None when it was never saved.

    Raises StateError when a later version wrote it, TruncatedError when records are missing.
    """
    found = _Found()
    for raw_key, raw_value in records:
        kind, *rest = orjson.loads(raw_key)
        value = orjson.loads(raw_value)
        if value["schema_version"] != SCHEMA_VERSION:
            raise StateError(
                f"state record {raw_key!r} has schema_version {value['schema_version']!r}, this program knows "
                f"{SCHEMA_VERSION}: run the version that wrote it, or a newer one"
            )
        if kind == "clock":
            found.clock = value
        elif kind == "pane":
            key = PaneKey(rest[1], rest[0])
            found.counts.append((key.brand, value["counts"]))
            if value["closed"] and not value["ids"]:  # most of them: read when a late tweet asks for it
                found.settled[key] = raw_value
            else:
                found.panes[key] = Pane.unpack(key, raw_value)
        elif kind == "ids":
            found.chunks.setdefault(PaneKey(rest[1], rest[0]), {})[rest[2]] = _read_ids(value)
        elif kind == "brand":
            found.retired[rest[0]] = tuple(value["retired"])
        elif kind == "sample":
            found.samples[PaneKey(rest[1], rest[0])] = orjson.dumps(value["value"])
        elif kind == "watch":
            found.watches.setdefault(rest[0], {})[Address(*rest[1:])] = orjson.dumps(value["value"])
    return found.saved()


def remembered(records: Iterable[tuple[bytes, bytes]]) -> tuple[int | None, dict[str, BrandWatch]]:
    """Of a state that may not be whole: up to which input offset it counts, if that is known, and what spikes
    are told from, of the brands of which it can be read.
    """
    next_offset = None
    watches: dict[str, dict[Address, bytes]] = {}
    for raw_key, raw_value in records:
        if raw_key == CLOCK_KEY:
            next_offset = orjson.loads(raw_value)["next_offset"]
        elif raw_key.startswith(b'["watch"'):
            _kind, brand, *rest = orjson.loads(raw_key)
            watches.setdefault(brand, {})[Address(*rest)] = orjson.dumps(orjson.loads(raw_value)["value"])
    whole = {}
    for brand, parts in watches.items():
        with suppress(KeyError, ValueError):  # lost in part: it is told again from what is left of the input
            whole[brand] = restore(brand, parts)
    return next_offset, whole


@dataclass
class _Found:
    """The records of a state, read but not yet put together."""

    clock: dict[str, Any] | None = None
    panes: dict[PaneKey, Pane] = field(default_factory=dict)
    settled: dict[PaneKey, bytes] = field(default_factory=dict)
    counts: list[tuple[str, list[int]]] = field(default_factory=list)
    chunks: dict[PaneKey, dict[int, list[Counted]]] = field(default_factory=dict)
    retired: dict[str, ByLabel] = field(default_factory=dict)
    samples: dict[PaneKey, bytes] = field(default_factory=dict)
    watches: dict[str, dict[Address, bytes]] = field(default_factory=dict)

    def saved(self) -> Saved | None:
        """Put together; raises TruncatedError."""
        if self.clock is None:
            if self.counts or self.chunks:
                raise TruncatedError(f"there are {len(self.counts)} panes, but nothing says up to where they count")
            return None
        state = PartitionState()
        _read_clock(self.clock, state)
        for pane in self.panes.values():
            self._add(pane, state)
        for key, packed in self.settled.items():
            state.panes.put_packed(key, packed)
        for brand, records in self.watches.items():
            if HEAD_ADDRESS not in records:
                raise TruncatedError(f"what the spikes of {brand} are told from has lost its head")
            state.watches[brand] = restore(brand, records)
        state.alarmed = {brand for brand, watch in state.watches.items() if watch.state.open}
        totals = Totals.of(self.counts, self.retired, tuple(self.clock.get("counted", NONE)))
        expected = (self.clock.get("panes", totals.panes), self.clock.get("tweets", totals.tweets))
        if (totals.panes, totals.tweets) != expected:
            raise TruncatedError(
                f"there are {totals.panes} panes with {totals.tweets} tweets of {expected[0]} with {expected[1]}"
            )
        return Saved(state, totals)

    def _add(self, pane: Pane, state: PartitionState) -> None:
        key = pane.key
        if pane.ids is not None:
            pane.ids = _join(self.chunks.pop(key, {}))
            if pane.closed:
                pane.ids.pack()
            if len(pane.ids) != pane.revision:
                raise TruncatedError(f"a pane of {key.brand} has {pane.revision} tweets and the ids of {len(pane.ids)}")
        if key in self.samples:
            pane.sample = decode_sample(self.samples[key])
        if not pane.closed:
            state.unpublished.add(key)  # its newest window may not have been published yet
        state.panes.put(pane)


def _pane_key(key: PaneKey) -> bytes:
    return orjson.dumps(["pane", key.brand, key.start])


def _ids_key(key: PaneKey, chunk: int) -> bytes:
    return orjson.dumps(["ids", key.brand, key.start, chunk])


def _ids_value(counted: list[Counted]) -> bytes:
    ids = b64encode(struct.pack(f">{len(counted)}Q", *(hashed for hashed, _voice in counted))).decode()
    voices = b64encode(struct.pack(f">{len(counted)}I", *(voice for _hashed, voice in counted))).decode()
    return orjson.dumps({"schema_version": SCHEMA_VERSION, "ids": ids, "voices": voices})


def _read_ids(value: dict[str, Any]) -> list[Counted]:
    ids, voices = b64decode(value["ids"]), b64decode(value["voices"])
    count = len(ids) // 8
    return list(zip(struct.unpack(f">{count}Q", ids), struct.unpack(f">{count}I", voices), strict=True))


def _sample_key(key: PaneKey) -> bytes:
    return orjson.dumps(["sample", key.brand, key.start])


def _watch_key(brand: str, address: Address) -> bytes:
    return orjson.dumps(["watch", brand, *address])


def _wrapped(value: bytes | None) -> bytes | None:
    return None if value is None else orjson.dumps({"schema_version": SCHEMA_VERSION, "value": orjson.Fragment(value)})


def _brand_key(brand: str) -> bytes:
    return orjson.dumps(["brand", brand])


def _brand_value(retired: ByLabel | None) -> bytes | None:
    return None if retired is None else orjson.dumps({"schema_version": SCHEMA_VERSION, "retired": retired})


def _join(chunks: dict[int, list[Counted]]) -> CountedTweets:
    return CountedTweets(chain.from_iterable(chunks[number] for number in sorted(chunks)))


def _clock_value(changes: Changes, totals: TotalsChange) -> bytes:
    clock = changes.clock
    return orjson.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "next_offset": changes.next_offset,
            "watermark_ms": clock.watermark_ms,
            "topic_id": clock.topic_id,
            "partitions": clock.partitions,
            "sources": {
                str(partition): [view.next_offset, view.latest_ms, view.idle, view.heard_ms]
                for partition, view in clock.sources.items()
            },
            "panes": totals.panes,
            "tweets": totals.tweets,
            "counted": totals.counted,
            "evicted_to_s": None if isinf(changes.evicted_to_s) else changes.evicted_to_s,
            "keeping": changes.keeping,
            "seen": {str(partition): [seen.offset, sorted(seen.brands)] for partition, seen in changes.seen.items()},
        }
    )


def _read_clock(value: dict[str, Any], state: PartitionState) -> None:
    state.next_offset = value["next_offset"]
    if value.get("evicted_to_s") is not None:
        state.evicted_to_s = value["evicted_to_s"]
    if value.get("keeping") is not None:
        state.keeping = tuple(value["keeping"])
    state.clock = EventClock(
        topic_id=value["topic_id"],
        partitions=value["partitions"],
        sources={int(partition): SourceView(*view) for partition, view in value["sources"].items()},
        watermark_ms=value["watermark_ms"],
    )
    state.seen = {int(partition): Seen(offset, set(brands)) for partition, (offset, brands) in value["seen"].items()}
