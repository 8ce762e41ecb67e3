"""What is said of a Kafka that is away: little, and in time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.outage import AGAIN_S, ECHO_S, Outage, Repeats

WHY = "Kafka at k:1 does not answer"


def test_an_outage_is_told_when_it_begins_once_a_minute_and_when_it_ends() -> None:
    outage = Outage("k:1")
    told = [(now, line) for now in range(200) if (line := outage.away(float(now), WHY))]
    assert [now for now, _line in told] == [0, 60, 120, 180]
    assert told[0][1] == f"{WHY}; waiting for it"
    assert told[3][1] == f"{WHY}, for 3 min now; still waiting"
    assert outage.back(205.0) == "Kafka at k:1 answers again, after 3 min"
    assert outage.back(206.0) is None


def test_a_kafka_that_was_never_away_is_not_mentioned() -> None:
    assert Outage("k:1").back(5.0) is None


def test_the_next_outage_is_told_however_soon_it_comes() -> None:
    outage = Outage("k:1")
    outage.away(0.0, WHY)
    outage.back(1.0)
    assert outage.away(2.0, WHY)


def test_complaints_are_explained_by_an_outage_and_its_echo_alone() -> None:
    outage = Outage("k:1")
    assert not outage.explains(0.0)
    outage.away(10.0, WHY)
    assert outage.explains(11.0)
    outage.back(20.0)
    assert outage.explains(20.0 + ECHO_S - 1)
    assert not outage.explains(20.0 + ECHO_S)


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 9), st.sampled_from("ab")), max_size=200))
def test_no_kind_of_line_is_said_twice_in_a_minute_and_none_is_uncounted(
    lines: list[tuple[float, int, str]],
) -> None:
    repeats, now = Repeats(), 0.0
    said: dict[str, list[float]] = {}
    counted = 0
    for pause, number, kind in lines:
        now += pause
        line = repeats.worth_saying("source", f"{kind} failed at node {number}", now)
        if line is not None:
            said.setdefault(kind, []).append(now)
            counted += 1 + (int(line.rsplit("(and ", 1)[1].split()[0]) if "(and " in line else 0)
    for times in said.values():
        assert all(later - earlier >= AGAIN_S for earlier, later in pairwise(times))
    assert counted <= len(lines)
    assert {kind for _pause, _number, kind in lines} == set(said)
