"""What counts as told, as missed, and as a false alarm."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from infra.errors import UsageError
from stream.backtest.incidents import Incident, read_incidents
from stream.backtest.score import Alarm, Score, score
from stream.spikes.pane import Kind

WEEK = 7 * 86_400
WATCHED = {"Acme": (0, WEEK), "Bolt": (0, WEEK)}
INCIDENT = Incident(1_000, 2_000, "Acme")


def alarm(opened: float, closed: float = inf, *, brand: str = "Acme", kind: Kind = Kind.NEGATIVE) -> Alarm:
    return Alarm(brand, kind, opened - 60, opened, closed)


def judge(*alarms: Alarm) -> Score:
    return score(alarms, [INCIDENT], WATCHED)


def test_an_alarm_in_an_incident_tells_it() -> None:
    told = judge(alarm(1_300, 2_500))
    assert (told.recall, told.precision, told.delay_s, told.false_alarms) == (1.0, 1.0, 300, 0.0)


def test_an_alarm_elsewhere_is_false() -> None:
    told = judge(alarm(5_000, 6_000), alarm(1_300, 1_500, brand="Bolt"))
    assert (told.recall, told.precision, told.delay_s) == (0.0, 0.0, None)
    assert told.false_alarms == 1.0, "two in two brand-weeks"


def test_an_alarm_that_is_open_already_tells_at_once() -> None:
    assert judge(alarm(900, 1_500)).delay_s == 0


def test_an_alarm_after_the_end_tells_nothing_and_is_not_false_if_it_began_within() -> None:
    told = judge(alarm(2_030, 2_500))
    assert (told.recall, told.precision) == (0.0, 1.0)


def test_the_first_of_several_alarms_counts() -> None:
    told = judge(alarm(1_700, 1_800), alarm(1_100, 1_200))
    assert (told.delay_s, told.alarms, told.precision) == (100, 2, 1.0)


def test_alarms_of_kinds_that_no_incident_has_are_not_judged() -> None:
    told = judge(alarm(5_000, 6_000, kind=Kind.VOLUME))
    assert (told.alarms, told.precision) == (0, None)


def test_incidents_of_which_the_file_knows_nothing_are_not_missed() -> None:
    elsewhere = [Incident(WEEK + 1, WEEK + 2, "Acme"), Incident(0, 5, "Calm")]
    told = score([], [INCIDENT, *elsewhere], WATCHED)
    assert len(told.told) == 1
    assert list(told.outside) == elsewhere


CSV = "Brand, kind,start,end\nAcme,positive,2025-03-03 10:00,2025-03-03T11:00:00Z\nBolt,,1741000000,1741000600\n"
JSON = (
    '[{"brand": "Bolt", "start": 1741000000, "end": 1741000600}, {"brand": "Acme", "kind": "Positive", '
    '"start": "2025-03-03T10:00:00Z", "end": "2025-03-03T12:00:00+01:00"}]'
)


@pytest.mark.parametrize("content", [CSV, JSON, JSON[1:-1].replace("}, {", "}\n{")], ids=["csv", "json", "lines"])
def test_incidents_are_read_from_tables_and_json(content: str, tmp_path: Path) -> None:
    path = tmp_path / "incidents"
    path.write_text(content)
    assert read_incidents(path) == [
        Incident(1_740_996_000, 1_740_999_600, "Acme", Kind.POSITIVE),
        Incident(1_741_000_000, 1_741_000_600, "Bolt", Kind.NEGATIVE),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("brand,start\nA,1\n", "has no column 'end', only brand, start"),
        ("brand,start,end\n", "has no incidents"),
        ("brand,start,end\nA,soon,2025-01-01\n", "incident 1: start is 'soon', which is not a time"),
        ("brand,start,end\nA,2025-01-02,2025-01-01\n", "end is '2025-01-01', which is not after start"),
        ("brand,kind,start,end\nA,bad,2025-01-01,2025-01-02\n", "kind is 'bad'; it may be negative, positive, volume"),
        ("brand,start,end\n,2025-01-01,2025-01-02\n", "brand is ''"),
        ("[1]", "must be a list of objects"),
        ("[{", "is not JSON"),
    ],
)
def test_what_is_wrong_with_a_list_of_incidents_is_named(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "incidents"
    path.write_text(content)
    with pytest.raises(UsageError, match=message):
        read_incidents(path)
