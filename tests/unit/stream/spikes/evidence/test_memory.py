"""A memory is bounded, and depends on the panes that closed alone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.records import PANE_S
from stream.spikes.evidence.memory import GRAINS, Memory, Part, decode, encode
from stream.spikes.evidence.sample import Seen
from tests.unit.stream.spikes.evidence.making import START, panes, remember, seen, tweet

HOUR = 3_600


def saved(memory: Memory) -> dict[Part, bytes]:
    return {part: value for part in memory.slots if (value := encode(memory, part)) is not None}


def distinct(tweets: list[Seen]) -> list[Seen]:
    return list({one.priority: one for one in tweets}.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(seen, max_size=200), st.randoms(use_true_random=False))
def test_order_within_panes_does_not_matter(tweets: list[Seen], random: object) -> None:
    shuffled = distinct(tweets)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert remember(shuffled) == remember(distinct(tweets))


@settings(max_examples=60, deadline=None)
@given(st.lists(seen, max_size=200), st.integers(0, 200))
def test_saved_and_restored_anywhere_it_goes_on_the_same(tweets: list[Seen], at: int) -> None:
    """What is saved is only what changed: a store that puts and removes those parts holds the whole memory."""
    memory = Memory()
    store: dict[Part, bytes] = {}
    for number, (start, sample) in enumerate(sorted(panes(distinct(tweets)).items())):
        draft = memory.draft()
        draft.closed(start, sample)
        for part in draft.changed:
            if (value := encode(draft, part)) is None:
                store.pop(part, None)
            else:
                store[part] = value
        memory = decode(draft.newest, store) if number == at else draft
    whole = remember(distinct(tweets))
    assert memory.newest == whole.newest
    assert memory.slots == whole.slots
    assert store == saved(whole)


@given(st.lists(seen, min_size=1, max_size=100))
def test_a_draft_leaves_its_origin_alone(tweets: list[Seen]) -> None:
    memory = remember(distinct(tweets))
    before = saved(memory)
    newest = memory.newest or 0
    draft = memory.draft()
    remember([tweet(f"more {n}", newest + PANE_S * n) for n in range(1, 300, 7)], draft)
    assert saved(memory) == before


def test_it_is_bounded_however_much_is_said() -> None:
    memory = Memory()
    for minute in range(36 * 60):
        at = START + minute * PANE_S
        for start, sample in panes(tweet("x" * 400, at + n % PANE_S, id=f"{minute} {n}") for n in range(30)).items():
            memory.closed(start, sample)
    kept = sum(len(memory.sample(part)) for part in memory.slots)
    assert len(memory.slots) <= sum(grain.reach_s // grain.slot_s + 1 for grain in GRAINS.values()) + 16
    assert 2_500 < kept < 3_700
    assert sum(map(len, saved(memory).values())) < 2_200_000


def test_what_is_older_than_thirty_hours_is_forgotten() -> None:
    memory = remember([tweet("old", START), tweet("new", START + 32 * HOUR)])
    assert [one.text for one in memory.before(START + 99 * HOUR)] == ["new"]


def test_a_pane_that_is_not_after_the_newest_changes_nothing() -> None:
    memory = remember([tweet("first", START + 600)])
    before = saved(memory)
    for late in (START, START + 600):
        memory.closed(late, panes([tweet("late", late)])[late])
    assert saved(memory) == before


def test_a_window_is_cut_to_the_second_at_every_age() -> None:
    memory = remember([tweet(str(n), START + n * 300) for n in range(250)])
    for first, last in ((START, START + HOUR), (START + 5 * HOUR + 600, START + 6 * HOUR), (START, START + 99 * HOUR)):
        found = {one.at for one in memory.between(first, last)}
        assert found == {START + n * 300 for n in range(250) if first <= START + n * 300 < last}


def test_a_window_over_quiet_and_busy_minutes_is_sampled_evenly() -> None:
    quiet = [tweet(f"quiet {n}", START + n) for n in range(20)]
    busy = [tweet(f"busy {n}", START + PANE_S + n % PANE_S) for n in range(480)]
    found = remember(quiet + busy).between(START, START + 2 * PANE_S)
    assert 20 <= len(found) <= 30
    assert sum(one.text.startswith("quiet") for one in found) <= 5  # 1 in 25 of all, not 20 of 44


def test_what_a_pane_gets_after_it_closed_is_not_in_the_memory() -> None:
    memory = Memory()
    sample = panes([tweet("in time", START)])[START]
    memory.closed(START, sample)
    sample.add(tweet("late", START + 1))
    assert [one.text for one in memory.between(START, START + PANE_S)] == ["in time"]


def test_a_flood_within_a_minute_does_not_thin_out_the_others() -> None:
    calm = [tweet(f"calm {n}", START + 3 * n) for n in range(300)]
    flood = [tweet(f"flood {n}", START + 7 * PANE_S + n % PANE_S) for n in range(5_000)]
    found = remember(calm + flood).between(START, START + 15 * PANE_S)
    assert sum(one.text.startswith("calm") for one in found) > 250
    assert sum(one.text.startswith("flood") for one in found) <= GRAINS["minute"].tweets
