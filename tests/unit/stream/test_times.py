"""Times as files write them."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.times import guess_date_order, parse_time

MOMENT = dt.datetime(2015, 2, 24, 19, 35, 52, tzinfo=dt.UTC)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
TIMES = st.datetimes(dt.datetime(1990, 1, 2), dt.datetime(2100, 12, 30), timezones=ZONES)  # noqa: DTZ001 - a bound
WHOLE_SECONDS = TIMES.map(lambda time: time.replace(microsecond=0))


@pytest.mark.parametrize(
    "written",
    [
        "2015-02-24T19:35:52Z",
        "2015-02-24 19:35:52",
        "2015-02-24 11:35:52 -0800",
        "2015-02-24T20:35:52+01:00",
        "2015-02-24 11:35:52 PST",
        "2015-02-24 19:35:52 UTC",
        "2015/02/24 19:35:52",
        "2015-2-24 19:35:52",
        "20150224T193552Z",
        "Tue Feb 24 19:35:52 +0000 2015",
        "Tue Feb 24 11:35:52 PST 2015",
        "Tue Feb 24 19:35:52 2015",
        "Tue, 24 Feb 2015 19:35:52 +0000",
        "Tue, 24 Feb 2015 14:35:52 EST",
        "24 Feb 2015 19:35:52 GMT",
        "Feb 24, 2015 7:35:52 PM",
        "2/24/2015 19:35:52",
        "02-24-2015 07:35:52 PM",
        "24/2/2015 19:35:52",
        "24.02.2015 19:35:52",
        "1424806552",
        "1424806552.0",
        "1.424806552E+09",
        "1424806552000",
        "1424806552000000",
        "1424806552000000000",
        "  2015-02-24T19:35:52Z\n",
        1424806552,
        1424806552.0,
        1424806552000,
        dt.datetime(2015, 2, 24, 19, 35, 52),  # noqa: DTZ001 - no zone is UTC
        MOMENT.astimezone(dt.timezone(dt.timedelta(hours=-8))),
    ],
)
def test_every_form_of_one_moment_is_read(written: object) -> None:
    assert parse_time(written) == MOMENT


@pytest.mark.parametrize(
    ("written", "year", "month", "day"),
    [
        ("Mon Apr 06 22:19:45 PDT 2009", 2009, 4, 7),
        ("2/3/15 11:35", 2015, 2, 3),
        ("2/3/99", 1999, 2, 3),
        ("13/2/15 11:35", 2015, 2, 13),
        ("3.2.2015", 2015, 2, 3),
        ("2015-02-24", 2015, 2, 24),
        ("20150224", 2015, 2, 24),
        (dt.date(2015, 2, 24), 2015, 2, 24),
    ],
)
def test_the_month_leads_unless_it_cannot(written: object, year: int, month: int, day: int) -> None:
    time = parse_time(written)
    assert time is not None
    assert (time.year, time.month, time.day) == (year, month, day)


def test_in_a_file_whose_dates_have_the_day_first_it_always_is() -> None:
    order = guess_date_order(["3/4/2015 10:00", "28/4/2015 10:00", None, 5])
    assert order == "day-first"
    assert parse_time("3/4/2015 10:00", order) == dt.datetime(2015, 4, 3, 10, tzinfo=dt.UTC)
    assert parse_time("4/28/2015 10:00", order) == dt.datetime(2015, 4, 28, 10, tzinfo=dt.UTC)
    assert guess_date_order(["3/4/2015", "4/28/2015"]) == "month-first"
    assert guess_date_order(["28/4/2015", "4/28/2015"]) == "month-first"


@pytest.mark.parametrize(
    "written",
    [
        *("", "p", "now", "yesterday", "12:30", "2015", "2/24", "2015-13-01", "2015-02-30", "2015-02-24 25:00:00"),
        *("2/24/15 13:00 PM", "Tue Foo 24 19:35:52 +0000 2015", "Tue Feb 24 19:35:52 IST 2015", "0001-01-01"),
        *("1989-12-31T23:59:59Z", "2101-01-01", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
        *("570306133677761000", "5.70306E+17", "1.42E+12", "-1424806552", "1_424_806_552"),
        *("2015-02-24 11:35:52 -0800, NYC", "2015-02-24T19:35:52Z" * 9, "Tue Feb 24 19:3", "[34.02, -118.38]"),
        *(None, True, 3, 3.0, -1, float("nan"), float("inf"), 10**400, [], {}),
    ],
)
def test_what_is_no_time_is_none(written: object) -> None:
    assert parse_time(written) is None


@given(TIMES)
def test_iso_times_are_read_to_the_microsecond(time: dt.datetime) -> None:
    assert parse_time(time.isoformat()) == time
    assert parse_time(time.isoformat(" ")) == time


@given(WHOLE_SECONDS)
def test_written_forms_come_back_as_they_were(time: dt.datetime) -> None:
    assert parse_time(f"{time:%Y-%m-%d %H:%M:%S %z}") == time
    assert parse_time(f"{time:%a %b %d %H:%M:%S %z %Y}") == time
    assert parse_time(format_datetime(time)) == time
    in_utc = time.astimezone(dt.UTC)
    assert parse_time(f"{in_utc:%m/%d/%Y %I:%M:%S %p}") == in_utc
    assert parse_time(f"{in_utc:%d.%m.%Y %H:%M:%S}") == in_utc
    assert parse_time(f"{in_utc:%d/%m/%Y %H:%M:%S}", "day-first") == in_utc


@given(TIMES, st.sampled_from([0, 3, 6, 9]))
def test_the_unit_of_a_number_is_told_by_its_size(time: dt.datetime, digits: int) -> None:
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    microseconds = (time - epoch) // dt.timedelta(microseconds=1)
    number = microseconds * 10**digits // 1_000_000
    expected = epoch + dt.timedelta(microseconds=number * 1_000_000 // 10**digits)
    assert parse_time(number) == expected
    assert parse_time(str(number)) == expected


@given(st.one_of(st.text(max_size=40), st.integers(), st.floats(), st.from_regex(r"[0-9/:. TZ+-]{6,30}")))
def test_nothing_raises_and_every_time_lies_in_the_years_of_tweets(value: object) -> None:
    time = parse_time(value)
    assert time is None or (time.tzinfo is dt.UTC and 1990 <= time.year <= 2100)
