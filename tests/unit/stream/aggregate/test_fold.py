"""The fold: every tweet counted once in its minute, however its partition is cut, repeated or recovered."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from infra.kafka.incoming import Incoming
from infra.kafka.ledger import TopicPartition
from model.labels import LABELS
from stream.aggregate import codec
from stream.aggregate.fold import Changes, PartitionState, Rules, apply, fold
from stream.aggregate.pane import PaneKey
from stream.aggregate.totals import Totals
from stream.records import (
    TYPE_HEADER,
    WATERMARK,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    SourceProgress,
    Tweet,
    Watermark,
    Window,
)

ZERO = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
TP = TopicPartition("tweets.labeled", 0)
RULES = Rules(allowed_lateness_s=0, grace_s=0, late_retention_s=3_600, duplicate_horizon_s=600, update_interval_s=0)


@dataclass
class Partition:
    """Writes a labelled partition: records get their offsets here, a millisecond apart."""

    records: list[Incoming]

    @classmethod
    def empty(cls) -> Partition:
        return cls([])

    def tweet(
        self,
        tweet_id: str,
        at_s: float,
        *,
        offset: int,
        brand: str = "Acme",
        label: int = 0,
        source: int = 0,
        author: str | None = None,
        text: str = "x",
    ) -> None:
        probabilities = [0.1, 0.1, 0.1]
        probabilities[label] = 0.8
        value = LabeledTweet(
            tweet=Tweet(id=tweet_id, text=text, author=author, created_at=ZERO + dt.timedelta(seconds=at_s)),
            brand=brand,
            label=LABELS[label],
            confidence=0.8,
            probabilities=Probabilities(**dict(zip(LABELS, probabilities, strict=True))),
            model=ModelIdentity(name="m", version="1"),
            origin=Origin(partition=source, offset=offset),
            labeled_at=ZERO,
        )
        self._append(value.encode(), {})

    def watermark(self, latest_s: float | None, *, next_offset: int = 10**9, idle: bool = False) -> None:
        """One source partition of one, at this event time; the watermark is the same, lateness being 0."""
        latest = None if latest_s is None else ZERO + dt.timedelta(seconds=latest_s)
        value = Watermark(
            source_topic_id="A",
            source_partitions=1,
            progress={0: SourceProgress(next_offset=next_offset, latest=latest, idle=idle)},
            sent_at=ZERO,
        )
        self._append(value.encode(), {TYPE_HEADER: WATERMARK.encode()})

    def garbage(self) -> None:
        self._append(b"{", {})

    def _append(self, value: bytes, headers: dict[str, bytes]) -> None:
        offset = len(self.records)
        self.records.append(Incoming(TP, offset, b"k", value, tuple(headers.items()), timestamp_ms=offset))


def run(
    records: Sequence[Incoming], cuts: Sequence[int] = (), rules: Rules = RULES, state: PartitionState | None = None
) -> tuple[PartitionState, list[Changes]]:
    """Fold in batches that end at ``cuts``."""
    state = state or PartitionState()
    done = []
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(records)), len(records)]
    for begin, end in pairwise(edges):
        changes = fold(state, records[begin:end], rules)
        apply(state, changes)
        done.append(changes)
    return state, done


def newest(done: Sequence[Changes]) -> dict[tuple[str, float], Window]:
    """The windows as a reader of the compacted topic sees them; starts in seconds after ZERO."""
    windows = {}
    for changes in done:
        for window in changes.windows.values():
            windows[window.brand, (window.start - ZERO).total_seconds()] = window
    return windows


def test_a_tweet_about_two_brands_counts_for_each() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0, brand="Acme")
    partition.tweet("1", 5, offset=0, brand="Bolt")

    windows = newest(run(partition.records)[1])

    assert {key: window.revision for key, window in windows.items()} == {("Acme", 0): 1, ("Bolt", 0): 1}


def test_a_window_holds_counts_sums_and_net_sentiment() -> None:
    partition = Partition.empty()
    for offset, label in enumerate([0, 0, 0, 1, 2]):
        partition.tweet(str(offset), 5, offset=offset, label=label)

    window = newest(run(partition.records)[1])["Acme", 0]

    assert window.counts.model_dump() == {"negative": 3, "neutral": 1, "positive": 1}
    assert window.probability_sums.negative == 3 * 800_000 + 2 * 100_000
    assert window.net_sentiment == -0.4
    assert window.negative_share == 0.6
    assert (window.status, window.size_s, window.models) == ("open", 60, ["1"])


def test_a_pane_closes_when_the_watermark_passes_its_end_and_not_before() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.watermark(59.9)
    assert newest(run(partition.records)[1])["Acme", 0].status == "open"
    partition.watermark(60)
    assert newest(run(partition.records)[1])["Acme", 0].status == "closed"


def test_grace_keeps_a_pane_open_longer() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.watermark(89)
    rules = replace(RULES, grace_s=30)
    assert newest(run(partition.records, rules=rules)[1])["Acme", 0].status == "open"
    partition.watermark(90)
    assert newest(run(partition.records, rules=rules)[1])["Acme", 0].status == "closed"


def test_a_late_tweet_makes_a_new_revision_of_a_closed_window() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.watermark(120)
    partition.tweet("2", 6, offset=1)

    window = newest(run(partition.records)[1])["Acme", 0]

    assert (window.revision, window.late, window.status) == (2, 1, "closed")


def test_a_tweet_beyond_retention_is_dead_as_late_and_its_pane_is_never_opened_again() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.watermark(60 + RULES.late_retention_s)
    partition.tweet("2", 6, offset=1)

    state, done = run(partition.records)

    assert [reason for changes in done for _record, reason, _message in changes.dead] == ["late"]
    assert newest(done)["Acme", 0].revision == 1
    assert not list(state.panes)


def test_a_redelivered_tweet_beyond_retention_is_neither_counted_nor_dead() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.tweet("2", 6, offset=1)
    partition.watermark(60 + RULES.late_retention_s)
    partition.tweet("1", 5, offset=0)

    _state, done = run(partition.records)

    assert sum(changes.redelivered for changes in done) == 1
    assert not any(changes.dead for changes in done)


def test_the_same_tweet_published_again_counts_once_and_is_told_from_a_redelivery() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.tweet("1", 5, offset=0)
    partition.tweet("1", 5, offset=7)

    _state, [changes] = run(partition.records)

    assert (changes.counted, changes.redelivered, changes.duplicates) == (1, 1, 1)


def test_after_the_duplicate_horizon_redeliveries_still_count_once() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.tweet("2", 5, offset=1)
    partition.watermark(60 + RULES.duplicate_horizon_s)
    partition.tweet("1", 5, offset=0)

    state, done = run(partition.records)

    assert newest(done)["Acme", 0].revision == 2
    pane = state.pane(PaneKey(int(ZERO.timestamp()), "Acme"))
    assert pane is not None
    assert pane.ids is None


def test_open_windows_are_updated_at_most_so_often_by_the_brokers_clock() -> None:
    partition = Partition.empty()
    for number in range(10):  # a millisecond apart
        partition.tweet(str(number), 5, offset=number)
    rules = replace(RULES, update_interval_s=0.004)
    _state, done = run(partition.records, cuts=range(1, 10), rules=rules)

    assert [changes.windows != {} for changes in done].count(True) == 2
    partition.watermark(60)
    _state, done = run(partition.records, cuts=range(1, 11), rules=rules)
    assert newest(done)["Acme", 0].revision == 10, "and closing publishes the rest"


def test_a_record_that_cannot_be_read_is_dead_and_holds_nothing_up() -> None:
    partition = Partition.empty()
    partition.garbage()
    partition.tweet("1", 5, offset=0)

    _state, [changes] = run(partition.records)

    assert [reason for _record, reason, _message in changes.dead] == ["invalid_json"]
    assert changes.counted == 1


histories = st.lists(
    st.tuples(
        st.sampled_from(["tweet", "tweet", "tweet", "tweet", "again", "redeliver", "watermark", "idle"]),
        st.integers(0, 5_000),
        st.sampled_from(["Acme", "Bolt"]),
        st.integers(0, 2),
    ),
    max_size=60,
)


def write(history: Sequence[tuple[str, int, str, int]]) -> tuple[Partition, Counter[tuple[str, int, int]]]:
    """A partition with this history, and how many distinct tweets each (brand, minute, label) got in it."""
    partition, truth = Partition.empty(), Counter[tuple[str, int, int]]()
    sent: list[tuple[str, int, str, int, int]] = []
    for offset, (what, at_s, brand, label) in enumerate(history):
        if what == "watermark":
            partition.watermark(at_s)
        elif what == "idle":
            partition.watermark(None, idle=True)
        elif what == "tweet" or not sent:
            sent.append((f"t{offset}", at_s, brand, label, offset))
            truth[brand, at_s // 60 * 60, label] += 1
            partition.tweet(f"t{offset}", at_s, offset=offset, brand=brand, label=label)
        else:
            tweet_id, then_s, its_brand, its_label, first = sent[at_s % len(sent)]
            repeated_at = first if what == "redeliver" else offset
            partition.tweet(tweet_id, then_s, offset=repeated_at, brand=its_brand, label=its_label)
    return partition, truth


def counted(done: Sequence[Changes]) -> Counter[tuple[str, int, int]]:
    cells = Counter[tuple[str, int, int]]()
    for (brand, start), window in newest(done).items():
        for index, label in enumerate(LABELS):
            if count := getattr(window.counts, label):
                cells[brand, int(start), index] = count
    return cells


WIDE = replace(RULES, late_retention_s=10_000, duplicate_horizon_s=10_000)


@settings(max_examples=300, deadline=None)
@given(histories, st.lists(st.integers(1, 59)))
def test_every_distinct_tweet_counts_once_wherever_batches_are_cut(
    history: list[tuple[str, int, str, int]], cuts: list[int]
) -> None:
    partition, truth = write(history)

    state, done = run(partition.records, cuts, WIDE)

    assert counted(done) == truth
    whole_state, whole_done = run(partition.records, (), WIDE)
    assert newest(done) == newest(whole_done)
    assert state.panes == whole_state.panes
    assert state.clock == whole_state.clock


@settings(max_examples=300, deadline=None)
@given(histories, st.lists(st.integers(1, 60)))
def test_every_window_closes_when_all_is_read_though_the_words_of_its_tweets_were_lost(
    history: list[tuple[str, int, str, int]], cuts: list[int]
) -> None:
    """A worker may die after its tweets were labelled and before it told how far event time had come with them."""
    partition, _truth = write([step for step in history if step[0] != "watermark"])
    partition.watermark(None, idle=True)

    _state, done = run(partition.records, cuts, WIDE)

    assert {window.status for window in newest(done).values()} <= {"closed"}


@settings(max_examples=300, deadline=None)
@given(histories, st.lists(st.integers(1, 59)), st.integers(0, 60), st.integers(0, 2**32))
def test_a_crash_and_recovery_anywhere_changes_nothing(
    history: list[tuple[str, int, str, int]], cuts: list[int], crash_at: int, seed: int
) -> None:
    """What was saved is read back from the records of the compacted topic, then the rest is folded."""
    partition, _truth = write(history)
    rng = random.Random(seed)
    rules = replace(RULES, late_retention_s=2_000, duplicate_horizon_s=500)
    topic: dict[bytes, bytes] = {}
    state, totals, done = PartitionState(), Totals(), []
    edges = sorted({0, *(cut for cut in cuts if cut < len(partition.records)), len(partition.records)})
    for begin, end in pairwise(edges):
        changes = fold(state, partition.records[begin:end], rules)
        change = totals.after(state, changes)
        for record in codec.encode(changes, change, "panes", 0):
            if record.value is None:
                topic.pop(record.key or b"", None)
            else:
                topic[record.key or b""] = record.value
        apply(state, changes)
        totals.apply(change)
        done.append(changes)
        if begin <= crash_at or rng.random() < 0.2:
            recovered = codec.decode(topic.items())
            assert recovered is not None
            assert recovered.totals == totals
            assert recovered.state.panes == state.panes
            assert (recovered.state.clock, recovered.state.seen, recovered.state.next_offset) == (
                state.clock,
                state.seen,
                state.next_offset,
            )
            state = recovered.state

    assert newest(done) == newest(run(partition.records, (), rules)[1])


def test_the_ids_of_a_busy_pane_are_kept_in_chunks_of_which_only_the_last_is_rewritten() -> None:
    state = PartitionState()
    written: list[list[bytes]] = []
    partition = Partition.empty()
    for number in range(9_000):
        partition.tweet(str(number), 5, offset=number)
    for begin in range(0, 9_000, 3_000):
        changes = fold(state, partition.records[begin : begin + 3_000], RULES)
        records = codec.encode(changes, Totals().after(state, changes), "panes", 0)
        written.append([record.key or b"" for record in records if b'"ids"' in (record.key or b"")])
        apply(state, changes)

    assert [[key[-2:] for key in keys] for keys in written] == [[b"0]"], [b"0]", b"1]"], [b"1]", b"2]"]]


def saved_and_read(state: PartitionState) -> PartitionState:
    """As the next worker finds it."""
    whole = codec.Saved(state, Totals.of(((pane.key.brand, pane.counts) for pane in state.panes), {}, (0, 0, 0)))
    records = ((record.key or b"", record.value) for record in codec.encode_all(whole, "panes", 0))
    found = codec.decode([(key, value) for key, value in records if value is not None])
    assert found is not None
    return found.state


def test_shorter_times_act_on_what_was_kept_under_longer_ones() -> None:
    partition = Partition.empty()
    for minute in range(10):
        partition.tweet(str(minute), minute * 60, offset=minute)
    partition.watermark(600)
    state, _done = run(partition.records)
    assert len(list(state.panes)) == 10
    state = saved_and_read(state)
    partition.watermark(600)

    run(partition.records[-1:], rules=replace(RULES, late_retention_s=180, duplicate_horizon_s=60), state=state)

    minutes = {int((pane.key.start - ZERO.timestamp()) / 60): pane.ids is not None for pane in state.panes}
    assert minutes == {7: False, 8: False, 9: True}


def test_longer_times_do_not_open_again_what_is_gone() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.watermark(60 + RULES.late_retention_s)
    state, done = run(partition.records)
    state = saved_and_read(state)
    partition.tweet("2", 6, offset=1)

    _state, more = run(partition.records[-1:], rules=replace(RULES, late_retention_s=10**6), state=state)

    assert newest([*done, *more])["Acme", 0].revision == 1
    assert [reason for changes in more for _record, reason, _message in changes.dead] == ["late"]


def test_at_the_end_of_a_replay_the_last_pane_closes_whatever_the_grace() -> None:
    partition = Partition.empty()
    partition.tweet("1", 5, offset=0)
    partition.watermark(5, idle=True)

    _state, done = run(partition.records, rules=replace(RULES, grace_s=600))

    assert newest(done)["Acme", 0].status == "closed"
