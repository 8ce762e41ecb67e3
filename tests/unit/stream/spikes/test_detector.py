"""What the detector calls a spike, and what not."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from stream.spikes.detector import Detector
from stream.spikes.pane import AUTHORS_KEPT, Kind, PaneStats, SpikeEvent, author_sample
from stream.spikes.rules import SpikeRules
from stream.spikes.state import BrandState
from tests.unit.stream.spikes.brands import RULES, START, Episode, brand, run

DAY = 24 * 60


def minute_of(at: int) -> int:
    return (at - START) // 60


def changes(events: list[SpikeEvent], kind: Kind) -> list[str]:
    return [event.change for event in events if event.kind is kind and event.change != "updated"]


@pytest.mark.parametrize("seed", range(5))
def test_an_incident_is_one_spike_opened_and_closed(seed: int) -> None:
    events = run(brand(900, a_minute=5, episodes=[Episode(400, 500, negative=0.3)], seed=seed))
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"]
    assert changes(events, Kind.POSITIVE) == []
    opened, closed = events[0], events[-1]
    assert 400 < minute_of(opened.opened) <= 430
    assert 380 <= minute_of(opened.started) <= 425
    assert 500 < minute_of(closed.at) <= 560
    assert closed.reason == "over"
    assert {event.id for event in events} == {opened.id}
    assert opened.share - opened.baseline > 0.15
    assert closed.peak_z >= opened.z


def test_a_positive_incident_is_a_positive_spike() -> None:
    events = run(brand(700, a_minute=5, episodes=[Episode(400, 500, positive=0.3, negative=-0.2)]))
    assert changes(events, Kind.POSITIVE) == ["opened", "closed"]
    assert changes(events, Kind.NEGATIVE) == []


def test_an_open_spike_is_updated_now_and_then() -> None:
    events = run(brand(900, a_minute=10, episodes=[Episode(400, 600, negative=0.3)]))
    updated = [event.at for event in events if event.change == "updated"]
    assert 8 <= len(updated) <= 14
    assert all(later - earlier >= RULES.update_s for earlier, later in pairwise(updated))


@pytest.mark.parametrize(("a_minute", "negative", "positive"), [(0.05, 0.3, 0.2), (2, 0.8, 0.1), (5, 0.02, 0.02)])
def test_nothing_happens_to_small_hated_or_unmentioned_brands(
    a_minute: float, negative: float, positive: float
) -> None:
    assert run(brand(3 * DAY, a_minute=a_minute, negative=negative, positive=positive)) == []


def test_a_small_brand_s_incident_is_seen() -> None:
    events = run(brand(4 * DAY, a_minute=0.5, episodes=[Episode(3 * DAY, 3 * DAY + 600, negative=0.4)]))
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"]
    assert minute_of(events[0].opened) < 3 * DAY + 180


def test_a_burst_of_the_same_opinions_is_a_volume_spike_only() -> None:
    events = run(brand(3 * DAY, a_minute=3, episodes=[Episode(2 * DAY, 2 * DAY + 90, louder=8)]))
    assert changes(events, Kind.VOLUME) == ["opened", "closed"]
    assert {event.kind for event in events} == {Kind.VOLUME}
    assert events[0].share > 3 * events[0].baseline


def test_volume_is_not_judged_on_the_first_day() -> None:
    assert run(brand(900, a_minute=3, episodes=[Episode(400, 500, louder=8)])) == []


def test_nothing_is_decided_before_there_is_a_baseline() -> None:
    assert run(brand(60, a_minute=20, negative=0.9)) == []
    few = replace(RULES, warm_up_tweets=100_000)
    assert run(brand(900, a_minute=5, episodes=[Episode(400, 500, negative=0.3)]), rules=few) == []


def with_authors(panes: list[PaneStats], loud_from: int, loud: int | None) -> list[PaneStats]:
    """Every tweet by somebody else, but from ``loud_from`` on one negative tweet a minute by ``loud``."""
    named, person = [], 0
    for minute, pane in enumerate(panes):
        negatives = list(range(person, person + pane.negative))
        person += pane.negative
        extra = minute >= loud_from
        if extra:
            negatives.append(person if loud is None else loud)
            person += 1
        named.append(
            replace(
                pane,
                negative=pane.negative + extra,
                negative_authors=author_sample(hash_of(author) for author in negatives),
                positive_authors=author_sample(hash_of(author) for author in range(pane.positive)),
            )
        )
    return named


def hash_of(person: int) -> int:
    return (person + 1) * 0x9E3779B97F4A7C15 & 0xFFFFFFFF


@pytest.mark.parametrize("crowd", [True, False])
def test_one_loud_author_is_no_spike_and_as_many_people_are(crowd: bool) -> None:
    panes = with_authors(brand(1000, a_minute=1.5), 700, None if crowd else hash_of(10**9))
    assert changes(run(panes), Kind.NEGATIVE) == (["opened"] if crowd else [])


def test_a_sample_of_authors_keeps_the_same_people() -> None:
    everybody = [hash_of(person) for person in range(1000)]
    some = author_sample(everybody)
    assert len(some) == AUTHORS_KEPT
    assert author_sample(reversed(everybody)) == some
    assert set(some) <= set(author_sample([*some, *everybody[::2]])) | set(everybody)


def models(panes: list[PaneStats], swap_at: int) -> list[PaneStats]:
    return [replace(pane, models=("b",) if at >= swap_at else ("a",)) for at, pane in enumerate(panes)]


def test_a_new_model_that_sees_things_blacker_is_no_spike() -> None:
    panes = brand(1500, a_minute=5, episodes=[Episode(700, 1500, negative=0.2)])
    assert changes(run(panes), Kind.NEGATIVE)[0] == "opened"
    assert run(models(panes, 700)) == []


def test_after_a_new_model_incidents_are_found_again() -> None:
    panes = brand(1500, a_minute=5, episodes=[Episode(700, 1500, negative=0.15), Episode(1200, 1300, negative=0.3)])
    events = run(models(panes, 700))
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"]
    assert 1200 < minute_of(events[0].opened) < 1220


def test_a_new_model_closes_what_it_can_no_longer_judge() -> None:
    panes = models(brand(900, a_minute=5, episodes=[Episode(400, 900, negative=0.3)]), 480)
    events = run(panes)
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"]
    assert events[-1].reason == "new model"
    assert minute_of(events[-1].at) == 480


def test_models_that_work_side_by_side_are_not_new_each_time() -> None:
    panes = brand(900, a_minute=5, episodes=[Episode(600, 700, negative=0.3)])
    mixed = [replace(pane, models=("a", "b") if at % 3 else ("a",)) for at, pane in enumerate(panes)]
    assert changes(run(mixed), Kind.NEGATIVE) == ["opened", "closed"]


def test_what_lasts_is_the_new_normal() -> None:
    events = run(brand(6 * DAY, a_minute=2, episodes=[Episode(DAY, 6 * DAY, negative=0.3)]))
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"]
    assert events[-1].reason == "new level"
    assert events[-1].at - events[-1].opened >= RULES.max_spike_s


def test_a_pause_of_the_stream_closes_a_spike_and_opens_none() -> None:
    panes = brand(2000, a_minute=5, episodes=[Episode(400, 500, negative=0.3)])
    events = run(panes[:500] + panes[1400:])
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"]
    assert events[-1].reason == "silence"
    assert events[-1].at == panes[500].start + RULES.silence_s


def test_silence_is_heard_from_the_watermark_too() -> None:
    panes = brand(500, a_minute=5, episodes=[Episode(400, 500, negative=0.3)])
    detector = Detector(RULES)
    by_pane, by_watermark = BrandState("Acme"), BrandState("Acme")
    run(panes, by_pane)
    run(panes, by_watermark)
    end = panes[-1].end
    later = PaneStats(end + RULES.silence_s + 600, 3, 4, 3)
    assert detector.silent(by_watermark, end + RULES.silence_s - 1) == []
    told = detector.silent(by_watermark, end + RULES.silence_s)
    assert [event.reason for event in told] == ["silence"]
    assert detector.silent(by_watermark, end + RULES.silence_s) == []
    assert detector.closed(by_pane, later) == told
    assert detector.closed(by_watermark, later) == []


def test_a_spike_does_not_become_its_own_baseline() -> None:
    state = BrandState("Acme")
    panes = brand(DAY + 300, a_minute=5, episodes=[Episode(700, 1300, negative=0.4)])
    run(panes, state)
    baseline = state.baseline(RULES)
    assert baseline is not None
    assert baseline.negative.at(START // 3600 + 28)[0] == pytest.approx(0.3, abs=0.02)


def test_another_one_may_follow_after_the_cool_down() -> None:
    panes = brand(1400, a_minute=10, episodes=[Episode(400, 500, negative=0.3), Episode(700, 800, negative=0.3)])
    events = run(panes)
    assert changes(events, Kind.NEGATIVE) == ["opened", "closed"] * 2
    assert len({event.id for event in events}) == 2


def test_every_threshold_has_an_effect() -> None:
    panes = brand(900, a_minute=5, episodes=[Episode(400, 500, negative=0.3)])
    for rules in (
        SpikeRules(min_effect=0.6),
        SpikeRules(min_tweets=5_000),
        SpikeRules(false_alarms_per_month=1e-15),
        SpikeRules(warm_up_s=10**6),
    ):
        assert run(panes, rules=rules) == []
