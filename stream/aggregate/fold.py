"""The state of one labelled partition, and what a batch of records changes in it. Pure.

``fold`` never touches the state: it returns Changes, which the store saves in
one transaction and only then applies. Where batches begin and end does not
matter for what is counted, late or closed.

A batch is ``begin``, then ``count`` and ``advance`` as tweets and words of event
time come, then ``publish``; ``fold`` does that for records of Kafka, and a
backtest for the tweets of a file.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from math import floor

from infra.errors import RecordError
from infra.kafka.incoming import Incoming
from stream.aggregate.event_clock import EventClock
from stream.aggregate.labelled import Arrival, LabelledTweet, read_labelled
from stream.aggregate.pane import PANE_US, Pane, PaneKey, id_hash
from stream.aggregate.panes import Panes
from stream.decode import decode_watermark, record_type, unknown_type
from stream.records import PANE_S, WATERMARK, Spike, Watermark, Window
from stream.spikes.detector import Detector
from stream.spikes.pane import PaneStats
from stream.spikes.rules import SpikeRules
from stream.spikes.watch import Address, BrandWatch

LATE = "late"
"""The reason code of labelled tweets that came too late to be counted."""


HOUR_S = 3_600
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
WATCHED_S = 28 * 86_400
"""A brand of which nothing was heard for longer is no longer watched."""


def _only_its_name(brand: str) -> Collection[str]:
    return (brand,)


@dataclass(frozen=True)
class Rules:
    """Event-time settings, in seconds; how spikes are told; ``names`` gives all that a brand is called."""

    allowed_lateness_s: float
    grace_s: float
    late_retention_s: float
    duplicate_horizon_s: float
    update_interval_s: float
    spikes: SpikeRules = field(default_factory=SpikeRules)
    names: Callable[[str], Collection[str]] = _only_its_name

    @cached_property
    def detector(self) -> Detector:
        return Detector(self.spikes)

    @property
    def keeping(self) -> tuple[float, float, float]:
        """What decides how long a pane is open, remembers ids, and is kept."""
        return self.grace_s, self.duplicate_horizon_s, self.late_retention_s


@dataclass
class Seen:
    """The newest record of one source partition: its offset, and the brands it came under."""

    offset: int
    brands: set[str]


@dataclass
class PartitionState:
    """All that is known of one labelled partition.

    ``unpublished``: open panes newer than their window. ``watches``: every brand
    of which a pane has closed; ``alarmed``: those with an open spike. Panes that
    end by ``evicted_to_s`` are gone for good, whatever the rules say now;
    ``keeping`` is of the rules under which the others were kept.
    """

    next_offset: int = 0
    clock: EventClock = field(default_factory=EventClock)
    seen: dict[int, Seen] = field(default_factory=dict)
    panes: Panes = field(default_factory=Panes)
    unpublished: set[PaneKey] = field(default_factory=set)
    published_ms: dict[PaneKey, int] = field(default_factory=dict)
    saved_ms: int = 0
    watches: dict[str, BrandWatch] = field(default_factory=dict)
    alarmed: set[str] = field(default_factory=set)
    evicted_to_s: float = float("-inf")
    keeping: tuple[float, ...] | None = None

    def pane(self, key: PaneKey) -> Pane | None:
        return self.panes.get(key)


@dataclass
class Changes:
    """What a batch does to a state: new versions of what it touched, and what to publish."""

    next_offset: int
    clock: EventClock
    seen: dict[int, Seen]
    appended_ms: int = 0
    panes: dict[PaneKey, Pane] = field(default_factory=dict)
    born: dict[int, set[str]] = field(default_factory=dict)
    """Brands of the panes that the state does not have, by start."""
    closings: list[tuple[str, PaneStats]] = field(default_factory=list)
    """Brand and pane of each first closing, in order: what spikes are decided from."""
    forgotten: dict[PaneKey, int] = field(default_factory=dict)
    """Panes whose ids are dropped, with the number of id chunks to remove."""
    evicted: dict[PaneKey, int] = field(default_factory=dict)
    windows: dict[PaneKey, Window] = field(default_factory=dict)
    watches: dict[str, BrandWatch] = field(default_factory=dict)
    unwatched: dict[str, list[Address]] = field(default_factory=dict)
    """Brands that are no longer watched, with the records to remove."""
    spikes: list[Spike] = field(default_factory=list)
    unpublished: set[PaneKey] = field(default_factory=set)
    evicted_to_s: float = float("-inf")
    keeping: tuple[float, ...] | None = None
    dead: list[tuple[Incoming, str, str]] = field(default_factory=list)
    """Record, reason code and message of what could not be counted."""
    counted: int = 0
    redelivered: int = 0
    duplicates: int = 0
    late: int = 0
    """Of those counted, how many came after their pane had closed."""

    @property
    def material(self) -> bool:
        """Whether anything changed that reading the same records again would not give again."""
        return bool(self.panes or self.windows or self.evicted or self.dead or self.watches or self.unwatched)


def fold(state: PartitionState, records: Sequence[Incoming], rules: Rules) -> Changes:
    """What ``records``, the next of the partition in order, change in ``state``."""
    changes = begin(state)
    arrived = _Arrived()
    for record in records:
        changes.next_offset = record.offset + 1
        changes.appended_ms = record.timestamp_ms
        try:
            word = _read(record)
        except RecordError as bad:
            changes.dead.append((record, bad.reason, bad.message))
            continue
        if isinstance(word, Watermark):
            _count_arrived(state, changes, arrived, rules)
            arrived = _Arrived()
            _hear(state, changes, word, rules)
            continue
        if _redelivered(changes.seen, word):
            arrived.redelivered.add(len(arrived.tweets))
        arrived.records.append(record)
        arrived.tweets.append(word.tweet)
    _count_arrived(state, changes, arrived, rules)
    changes.dead.sort(key=_offset)
    publish(state, changes, rules)
    return changes


@dataclass
class _Arrived:
    """Labelled tweets between two words of event time. ``redelivered``: places of those that were here before."""

    records: list[Incoming] = field(default_factory=list)
    tweets: list[LabelledTweet] = field(default_factory=list)
    redelivered: set[int] = field(default_factory=set)


def _count_arrived(state: PartitionState, changes: Changes, arrived: _Arrived, rules: Rules) -> None:
    for place in count(state, changes, arrived.tweets, rules, arrived.redelivered):
        if place not in arrived.redelivered:
            time = _EPOCH + dt.timedelta(microseconds=arrived.tweets[place].at_us)
            message = f"event time {time.isoformat()} is further back than late tweets are counted"
            changes.dead.append((arrived.records[place], LATE, message))


def _offset(dead: tuple[Incoming, str, str]) -> int:
    return dead[0].offset


def begin(state: PartitionState) -> Changes:
    """No changes yet."""
    return Changes(
        next_offset=state.next_offset,
        clock=state.clock.copy(),
        seen={partition: Seen(seen.offset, set(seen.brands)) for partition, seen in state.seen.items()},
        unpublished=set(state.unpublished),
        evicted_to_s=state.evicted_to_s,
        keeping=state.keeping,
    )


def _read(record: Incoming) -> Arrival | Watermark:
    """Raises RecordError."""
    kind = record_type(record.headers) if record.headers else None
    if kind is None:
        return read_labelled(record.value)
    if kind != WATERMARK:
        raise unknown_type(kind, f"in tweets.labeled it may say {WATERMARK}, and labelled tweets have none")
    return decode_watermark(record.value)


def apply(state: PartitionState, changes: Changes) -> None:
    """Make saved changes the state."""
    state.next_offset = changes.next_offset
    state.clock = changes.clock
    state.seen = changes.seen
    state.unpublished = changes.unpublished
    state.evicted_to_s, state.keeping = changes.evicted_to_s, changes.keeping
    for pane in changes.panes.values():
        pane.saved()
        state.panes.put(pane)
    for brand in changes.unwatched:
        del state.watches[brand]
    for brand, watch in changes.watches.items():
        state.watches[brand] = watch
        (state.alarmed.add if watch.state.open else state.alarmed.discard)(brand)
    for key in changes.windows:
        state.published_ms[key] = changes.appended_ms
    for key in changes.evicted:
        state.panes.drop(key)
    state.panes.stow()
    for key in [key for key in state.published_ms if key not in state.unpublished and changes.clock.passed(key.end)]:
        del state.published_ms[key]


def count(
    state: PartitionState,
    changes: Changes,
    tweets: Sequence[LabelledTweet],
    rules: Rules,
    redelivered: Collection[int] = (),
) -> list[int]:
    """Count labelled tweets that arrived between two words of event time, each unless it was counted before.

    By pane, since what is done once for a pane need not be done for each tweet.
    ``redelivered``: places in ``tweets`` of those of which this very record was
    here before. Returns the places of those that came too late to be counted.
    """
    late: list[int] = []
    for (minute, brand), places in _by_pane(tweets).items():
        key = PaneKey(minute * PANE_S, brand)
        if key.end <= changes.evicted_to_s or changes.clock.passed(key.end + rules.late_retention_s):
            changes.redelivered += sum(place in redelivered for place in places)
            late += places
        else:
            arrived = [(tweets[place], place in redelivered) for place in places]
            _count_pane(state, changes, key, arrived, rules)
    return sorted(late)


def _by_pane(tweets: Iterable[LabelledTweet]) -> dict[tuple[int, str], list[int]]:
    """Places in ``tweets`` by minute since 1970 and brand."""
    found: dict[tuple[int, str], list[int]] = {}
    for place, tweet in enumerate(tweets):
        key = tweet[0] // PANE_US, tweet[1]
        places = found.get(key)
        if places is None:
            found[key] = [place]
        else:
            places.append(place)
    return found


def _count_pane(
    state: PartitionState,
    changes: Changes,
    key: PaneKey,
    arrived: Iterable[tuple[LabelledTweet, bool]],
    rules: Rules,
) -> None:
    """Count tweets of one pane, each with whether it was redelivered."""
    pane = changes.panes.get(key) or state.pane(key)
    born = pane is None
    if pane is None:
        pane = changes.panes[key] = _new_pane(key, changes.clock, rules)
        changes.born.setdefault(key.start, set()).add(key.brand)
    knows, remembers = pane.knows, pane.ids is not None
    new: set[int] = set()
    unknown: list[tuple[LabelledTweet, int]] = []
    for tweet, again in arrived:
        hashed = id_hash(tweet[2])
        if (hashed in new or knows(hashed)) if remembers else (again and not (born and not unknown)):
            changes.redelivered += again
            changes.duplicates += not again
            continue
        new.add(hashed)
        unknown.append((tweet, hashed))
    if unknown:
        _draft(changes, pane).add(unknown)
        changes.unpublished.add(key)
        changes.counted += len(unknown)
        changes.late += len(unknown) if pane.closed else 0


def _redelivered(seen: dict[int, Seen], arrival: Arrival) -> bool:
    """Whether this record was here before, and note it.

    Records of one source partition come in its order, whoever sends them: the
    producer keeps order, and a new owner starts at or before where the old one
    was. So all that is older than the newest was here.
    """
    tweet, partition, offset = arrival
    newest = seen.get(partition)
    if newest is None or offset > newest.offset:
        seen[partition] = Seen(offset, {tweet.brand})
        return False
    if offset == newest.offset and tweet.brand not in newest.brands:
        newest.brands.add(tweet.brand)
        return False
    return True


def _hear(state: PartitionState, changes: Changes, word: Watermark, rules: Rules) -> None:
    """Move event time on."""
    clock = changes.clock
    if clock.topic_id is not None and word.source_topic_id != clock.topic_id:
        changes.seen.clear()  # offsets of another topic mean nothing
    before = clock.watermark_ms
    lateness_ms, grace_ms = int(rules.allowed_lateness_s * 1000), int(rules.grace_s * 1000)
    newest = max(chain(state.panes.in_hand(), changes.born), default=None)
    clock.hear(word, changes.appended_ms, lateness_ms, grace_ms, None if newest is None else newest * 1000)
    advance(state, changes, before, rules)


def advance(state: PartitionState, changes: Changes, before: int | None, rules: Rules) -> None:
    """After the clock of ``changes`` moved from ``before`` (ms): close the panes it passed, drop what is past its use.

    In one step or in many, the same comes of it. Every pane is looked at when the rules are not those of before.
    """
    clock = changes.clock
    if changes.keeping not in (None, rules.keeping):
        before = None
    changes.keeping = rules.keeping
    if clock.watermark_ms is None or clock.watermark_ms == before:
        return
    for key in sorted(_passed(state, changes, before, rules.grace_s)):
        if (pane := _unsettled(state, changes, key)) and not pane.closed:
            _close(state, changes, _draft(changes, pane), rules)
    _silence(state, changes, before, rules)
    for key in list(_passed(state, changes, before, rules.duplicate_horizon_s)):
        if (pane := _unsettled(state, changes, key)) and pane.ids is not None:
            draft = _draft(changes, pane)
            changes.forgotten[key] = pane.ids.chunks
            draft.ids, draft.fresh = None, {}
    for key in list(_passed(state, changes, before, rules.late_retention_s)):
        chunks = state.panes.id_chunks(key)
        if window := _window_due(changes, key):
            changes.windows[key] = window
        changes.panes.pop(key, None)
        changes.unpublished.discard(key)
        changes.evicted[key] = max(chunks, changes.forgotten.pop(key, 0))
    changes.evicted_to_s = max(changes.evicted_to_s, clock.watermark_ms / 1000 - rules.late_retention_s)


def _close(state: PartitionState, changes: Changes, draft: Pane, rules: Rules) -> None:
    """Close a pane for the first time: the moment at which spikes are decided."""
    key, stats, sample = draft.key, draft.stats(), draft.close()
    changes.unpublished.add(key)
    changes.closings.append((key.brand, stats))
    # First what the time before it came to, as if event time had come in small steps.
    _end_silent(state, changes, key.brand, key.start, rules)
    _let_go(state, changes, key.brand, key.start)
    watch = _watch(state, changes, key.brand)
    changes.spikes += watch.closed(rules.detector, stats, sample, rules.names(key.brand))
    draft.baseline = watch.expects(rules.spikes)


def _silence(state: PartitionState, changes: Changes, before_ms: int | None, rules: Rules) -> None:
    """End spikes of which nothing more was heard; once an hour, let brands go that nobody speaks of."""
    closed_to = int(((changes.clock.watermark_ms or 0) / 1000 - rules.grace_s) // PANE_S) * PANE_S
    opened = {brand for brand, watch in changes.watches.items() if watch.state.open}
    for brand in sorted(state.alarmed | opened):
        _end_silent(state, changes, brand, closed_to, rules)
    now = (changes.clock.watermark_ms or 0) // 1000
    if before_ms is not None and now // HOUR_S == before_ms // 1000 // HOUR_S:
        return
    for brand in state.watches.keys() | changes.watches.keys():
        _let_go(state, changes, brand, closed_to)


def _end_silent(state: PartitionState, changes: Changes, brand: str, now: int, rules: Rules) -> None:
    """End the spikes of a brand of which nothing was said for too long before ``now`` (seconds since 1970)."""
    newest = _newest_watch(state, changes, brand)
    if newest is None or not newest.state.open or newest.state.end is None:
        return
    if now - newest.state.end >= rules.spikes.silence_s:
        changes.spikes += _watch(state, changes, brand).silent(rules.detector, now, rules.names(brand))


def _let_go(state: PartitionState, changes: Changes, brand: str, now: int) -> None:
    """Watch a brand no longer of which nothing was said for WATCHED_S before ``now``: it starts anew, if ever."""
    newest = _newest_watch(state, changes, brand)
    if newest is None or newest.state.open or (newest.state.end or 0) >= now - WATCHED_S:
        return
    changes.watches.pop(brand, None)
    if brand in state.watches:
        changes.unwatched[brand] = list(state.watches[brand].addresses())


def _newest_watch(state: PartitionState, changes: Changes, brand: str) -> BrandWatch | None:
    if brand in changes.watches:
        return changes.watches[brand]
    return None if brand in changes.unwatched else state.watches.get(brand)


def _watch(state: PartitionState, changes: Changes, brand: str) -> BrandWatch:
    """The version of a brand's watch that may be changed."""
    if brand not in changes.watches:
        known = _newest_watch(state, changes, brand)
        changes.watches[brand] = BrandWatch.of(brand) if known is None else known.draft()
    return changes.watches[brand]


def _passed(state: PartitionState, changes: Changes, before_ms: int | None, after_end_s: float) -> Iterator[PaneKey]:
    """Panes whose end lies ``after_end_s`` or more behind the watermark now and did not at ``before_ms``."""
    now_ms = changes.clock.watermark_ms or 0
    latest = floor((now_ms / 1000 - after_end_s) / PANE_S) * PANE_S - PANE_S
    earliest = latest + PANE_S if before_ms is None else floor((before_ms / 1000 - after_end_s) / PANE_S) * PANE_S
    starts: Iterable[int] = range(earliest, latest + PANE_S, PANE_S)
    if before_ms is None or latest - earliest > HOUR_S:
        starts = sorted(state.panes.starts() | changes.born.keys())
    for start in starts:
        if start <= latest and (before_ms is None or start >= earliest):
            for brand in chain(state.panes.brands(start), changes.born.get(start, ())):
                if (key := PaneKey(start, brand)) not in changes.evicted:
                    yield key


def _new_pane(key: PaneKey, clock: EventClock, rules: Rules) -> Pane:
    """A pane can be born closed, and without memory for ids, when its first tweet is that late."""
    pane = Pane(key)
    if clock.passed(key.end + rules.grace_s):
        pane.close()
    if clock.passed(key.end + rules.duplicate_horizon_s):
        pane.ids = None
    return pane


def _unsettled(state: PartitionState, changes: Changes, key: PaneKey) -> Pane | None:
    """The newest version of a pane, if it may be open or know ids."""
    return changes.panes.get(key) or (None if state.panes.settled(key) else state.pane(key))


def _draft(changes: Changes, pane: Pane) -> Pane:
    """The version of a pane that may be changed."""
    if pane.key not in changes.panes:
        changes.panes[pane.key] = pane.draft()
    return changes.panes[pane.key]


def _window_due(changes: Changes, key: PaneKey) -> Window | None:
    draft = changes.panes.get(key)
    return draft.window() if draft is not None and key in changes.unpublished else None


def publish(state: PartitionState, changes: Changes, rules: Rules) -> None:
    """Say what the windows are now. Closed windows at once; open ones at most every so often, by the broker's clock."""
    interval_ms = rules.update_interval_s * 1000
    for key in list(changes.unpublished):
        pane = changes.panes.get(key) or state.pane(key)
        if pane is None:
            changes.unpublished.discard(key)
        elif pane.closed or changes.appended_ms - state.published_ms.get(key, 0) >= interval_ms:
            changes.windows[key] = pane.window()
            changes.unpublished.discard(key)
