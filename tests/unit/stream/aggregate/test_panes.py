"""Panes of a partition: the same wherever they are kept, and in little space once they are settled."""

from __future__ import annotations

import random
import tracemalloc
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.aggregate.attic import HOUR_S, Attic
from stream.aggregate.counted import CountedTweets
from stream.aggregate.fold import Rules
from stream.aggregate.pane import Pane, PaneKey
from stream.aggregate.panes import Panes
from stream.records import PANE_S
from tests.unit.stream.aggregate.test_fold import Partition, newest, run

START = 1_714_521_600
BRANDS = ("Acme", "Bolt")
RULES = Rules(allowed_lateness_s=0, grace_s=0, late_retention_s=20_000, duplicate_horizon_s=500, update_interval_s=0)

STARTS = range(START, START + 3 * HOUR_S, HOUR_S // 3)

keys = st.builds(PaneKey, st.sampled_from(STARTS), st.sampled_from(BRANDS))
steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "closed", "settled", "settled", "recovered", "drop", "stow", "stow", "stow"]), keys
    ),
    max_size=100,
)


def _pane(key: PaneKey, what: str, count: int) -> Pane:
    pane = Pane(key, counts=[count, 1, 0], cells={3: count})
    pane.authors.update([count])
    if what != "open":
        pane.close()
        pane.sampled = False
    if what in ("settled", "recovered"):
        pane.ids = None
    elif what == "closed":
        pane.ids = CountedTweets([(count, 0)])
        pane.ids.pack()
    return pane


@settings(max_examples=300, deadline=None)
@given(steps)
def test_every_pane_is_read_as_it_was_put_last_wherever_it_is(steps: list[tuple[str, PaneKey]]) -> None:
    panes, truth = Panes(), dict[PaneKey, tuple[str, Pane]]()
    for number, (what, key) in enumerate(steps):
        if what == "stow":
            panes.stow()
        elif what == "drop":
            panes.drop(key)
            truth.pop(key, None)
        else:
            pane = _pane(key, what, number)
            truth[key] = what, pane
            if what == "recovered":
                panes.put_packed(key, pane.pack())
            else:
                panes.put(pane)

    assert {pane.key: pane for pane in panes} == {key: pane for key, (_what, pane) in truth.items()}
    assert len(list(panes)) == len(truth)
    assert panes.starts() >= {key.start for key in truth}
    for start in STARTS:
        assert sorted(panes.brands(start)) == sorted(key.brand for key in truth if key.start == start)
        for brand in BRANDS:
            key = PaneKey(start, brand)
            how, expected = truth.get(key, ("", None))
            assert panes.get(key) == expected
            assert panes.settled(key) == (how in ("settled", "recovered"))
            assert panes.id_chunks(key) == (how == "closed")


histories = st.lists(
    st.tuples(st.integers(0, 4_000), st.lists(st.tuples(st.sampled_from([0, 60, 9_000]), st.sampled_from(BRANDS)))),
    max_size=20,
)
"""How far event time goes on, and how late tweets about whom come then, in seconds."""


@settings(max_examples=150, deadline=None)
@given(histories, st.lists(st.integers(1, 79)))
def test_late_tweets_and_retention_find_the_same_whether_hours_were_stowed_or_not(
    history: list[tuple[int, list[tuple[int, str]]]], cuts: list[int]
) -> None:
    partition, now_s = Partition.empty(), 10_000
    for forward_s, tweets in history:
        now_s += forward_s
        for late_s, brand in tweets:
            offset = len(partition.records)
            partition.tweet(f"{offset}", now_s - late_s, offset=offset, brand=brand, author=f"{offset}")
        partition.watermark(now_s)

    state, done = run(partition.records, cuts, RULES)
    with patch.object(Panes, "stow", lambda _panes: None):
        loose, loosely_done = run(partition.records, cuts, RULES)

    assert state.panes == loose.panes
    assert newest(done) == newest(loosely_done)
    assert [changes.evicted for changes in done] == [changes.evicted for changes in loosely_done]


def test_a_recovered_day_is_stowed_some_hours_at_a_time() -> None:
    panes = Panes()
    for start in range(START, START + 24 * HOUR_S, PANE_S):
        panes.put_packed(PaneKey(start, "Acme"), _pane(PaneKey(start, "Acme"), "settled", 1).pack())
    stowed = []
    with patch.object(Attic, "put", lambda _attic, hour, _brand, _panes: stowed.append(hour)):
        panes.stow()
        assert len(stowed) < 23
        while len(stowed) < 23:  # the newest hour may still grow
            panes.stow()
        panes.stow()

    assert stowed == [START // HOUR_S + hour for hour in range(23)]


def test_a_settled_hour_takes_little_space() -> None:
    """Panes of 35 tweets by 35 people: 660 bytes each apart, with the dicts that they are in."""
    rng = random.Random(5)
    panes = Panes()
    tracemalloc.start()
    before, _peak = tracemalloc.get_traced_memory()
    for start in range(START, START + 5 * HOUR_S, PANE_S):
        key = PaneKey(start, "Acme")
        pane = _pane(key, "settled", 30)
        pane.cells = {cell: rng.randrange(1, 9) for cell in range(8)}
        pane.authors.update(rng.getrandbits(64) for _ in range(35))
        panes.put(pane)
        panes.stow()
    after, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    stowed = 4 * HOUR_S // PANE_S
    assert (after - before) / stowed < 400  # the hour that is not stowed among them
