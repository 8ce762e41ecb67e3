"""What holds for every history: the same events however it is read, saved, shifted or thinned."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stream.spikes.codec import decode, encode, parts
from stream.spikes.detector import Detector
from stream.spikes.pane import Kind, PaneStats, SpikeEvent, spike_id
from stream.spikes.state import BrandState
from tests.unit.stream.spikes.brands import RULES, START, Episode, Saved, brand, run

WEEK_S = 7 * 24 * 3_600
# Half a day is enough for everything when volume is judged after an hour, spikes end after two, and silence after one.
QUICK = replace(RULES, volume_warm_up_s=3_600, max_spike_s=2 * 3_600, silence_s=3_600, false_alarms_per_month=5.0)


MINUTES = 400


@dataclass(frozen=True)
class Story:
    """A brand's hours, in a form that a failing test can print."""

    episodes: tuple[Episode, ...]
    a_minute: float
    negative: float
    seed: int
    first_minute: int
    pause: tuple[int, int]
    swap: int | None

    def panes(self) -> list[PaneStats]:
        start = START + 60 * self.first_minute
        panes = brand(
            MINUTES,
            a_minute=self.a_minute,
            negative=self.negative,
            episodes=self.episodes,
            seed=self.seed,
            start=start,
        )
        if self.swap is not None:
            panes = [replace(pane, models=("a",) if at < self.swap else ("b",)) for at, pane in enumerate(panes)]
        first, length = self.pause
        return panes[:first] + panes[first + length :]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """With up to three episodes, perhaps a pause, perhaps a change of model."""
    episodes = tuple(
        Episode(
            first,
            first + draw(st.integers(5, 200)),
            negative=draw(st.sampled_from([0.0, 0.15, 0.4])),
            positive=draw(st.sampled_from([0.0, 0.3])),
            louder=draw(st.sampled_from([1.0, 1.0, 6.0])),
        )
        for first in draw(st.lists(st.integers(100, MINUTES - 50), max_size=3))
    )
    return Story(
        episodes,
        a_minute=draw(st.sampled_from([0.5, 3.0, 12.0])),
        negative=draw(st.sampled_from([0.05, 0.25, 0.5])),
        seed=draw(st.integers(0, 10**6)),
        first_minute=draw(st.integers(0, 7 * 24 * 60)),
        pause=(draw(st.integers(0, MINUTES)), draw(st.sampled_from([0, 0, 100]))),
        swap=draw(st.sampled_from([None, None, 250])),
    )


def plain(events: list[SpikeEvent], shift_s: int = 0) -> list[dict[str, Any]]:
    """Events without their ids, ``shift_s`` earlier."""
    times = ("at", "started", "opened", "window_start", "closed")
    rows = [asdict(event) for event in events]
    for row in rows:
        del row["id"]
        for name in times:
            row[name] = None if row[name] is None else row[name] - shift_s
    return rows


@given(stories(), st.sets(st.integers(0, MINUTES), max_size=6))
@settings(max_examples=15)
def test_saving_what_changed_and_restoring_anywhere_changes_nothing(story: Story, restarts: set[int]) -> None:
    saved, detector = Saved(), Detector(QUICK)
    events = []
    for number, pane in enumerate(story.panes()):
        if number in restarts:
            saved.restore()
        events += saved.feed(detector, pane)
    assert events == run(story.panes(), rules=QUICK)
    if saved.records:
        assert saved.records == {part: encode(saved.state, part) for part in parts(saved.state)}
        again = decode("Acme", saved.records)
        assert {part: encode(again, part) for part in parts(again)} == saved.records


@given(stories(), st.integers(1, 200))
@settings(max_examples=10)
def test_whole_weeks_earlier_or_later_the_same_happens(story: Story, weeks: int) -> None:
    later = [replace(pane, start=pane.start + weeks * WEEK_S) for pane in story.panes()]
    assert plain(run(later, rules=QUICK), weeks * WEEK_S) == plain(run(story.panes(), rules=QUICK))


@given(stories())
@settings(max_examples=40)
def test_spikes_of_a_kind_never_overlap_and_events_come_in_order(story: Story) -> None:
    events = run(story.panes(), rules=QUICK)
    assert [event.at for event in events] == sorted(event.at for event in events)
    for kind in Kind:
        current: str | None = None
        closed_at = 0
        for event in (event for event in events if event.kind is kind):
            assert event.started < event.opened <= event.at
            if event.change == "opened":
                assert current is None
                assert event.opened == event.at >= closed_at + QUICK.cool_down_s * bool(closed_at)
                assert event.id == spike_id("Acme", kind, event.opened - 60)
                current = event.id
                _is_enough(event)
            assert event.id == current
            if event.change == "closed":
                assert event.closed == event.at > event.opened
                current, closed_at = None, event.at


def _is_enough(event: SpikeEvent) -> None:
    assert event.tweets >= QUICK.min_tweets
    if event.kind is Kind.VOLUME:
        assert event.share >= QUICK.volume_ratio * event.baseline - 1e-5
    else:
        assert event.share - event.baseline >= QUICK.min_effect - 1e-5


@given(stories())
@settings(max_examples=10)
def test_minutes_without_tweets_do_not_exist(story: Story) -> None:
    spoken = [pane for pane in story.panes() if pane.tweets]
    assert run(spoken, rules=QUICK) == run(story.panes(), rules=QUICK)


@given(stories(), st.integers(0, MINUTES - 101), st.integers(1, 600))
@settings(max_examples=10)
def test_a_pane_that_comes_late_decides_nothing(story: Story, at: int, late: int) -> None:
    panes = story.panes()
    assume(panes[at].tweets)
    straggler = replace(panes[at], start=panes[at].start - 60 * late, negative=1_000)
    assert run([*panes[: at + 1], straggler, *panes[at + 1 :]], rules=QUICK) == run(panes, rules=QUICK)


@given(stories())
@settings(max_examples=10)
def test_a_draft_leaves_the_state_alone(story: Story) -> None:
    state, detector = BrandState("Acme"), Detector(QUICK)
    panes = story.panes()
    half = len(panes) // 2
    run(panes[:half], state, QUICK)
    before = {part: encode(state, part) for part in parts(state)}
    draft = state.draft()
    assert draft.changed == set()
    told = [event for pane in panes[half:] for event in detector.closed(draft, pane)]
    assert {part: encode(state, part) for part in parts(state)} == before
    assert run(panes[half:], state, QUICK) == told
