"""The times that people write in files, read without guessing.

Each format is a pattern below; what fits none is not a time. Nothing here
asks the clock or the locale. A time without a zone is UTC.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Literal

from stream.fields import FIRST_YEAR, LAST_YEAR

DateOrder = Literal["month-first", "day-first"]
"""Which of the two leads in dates such as 3/4/2015, where both could be a month."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january",
            "feb february",
            "mar march",
            "apr april",
            "may",
            "jun june",
            "jul july",
            "aug august",
            "sep september sept",
            "oct october",
            "nov november",
            "dec december",
        ),
        start=1,
    )
    for name in names.split()
}

# Zone names that mean one offset everywhere. IST, BST and the like name several zones: not read.
_NAMED_ZONES = {
    name: dt.timezone(dt.timedelta(hours=hours), name)
    for name, hours in {
        "Z": 0,
        "UT": 0,
        "UTC": 0,
        "GMT": 0,
        "EST": -5,
        "EDT": -4,
        "CST": -6,
        "CDT": -5,
        "MST": -7,
        "MDT": -6,
        "PST": -8,
        "PDT": -7,
        "AKST": -9,
        "AKDT": -8,
        "HST": -10,
        "WET": 0,
        "WEST": 1,
        "CET": 1,
        "CEST": 2,
        "EET": 2,
        "EEST": 3,
    }.items()
}

_ZONE = r"(?P<zone> [A-Za-z]{1,4} | (?:UTC|GMT)? [+-]\d\d(?::?\d\d)? )"
_CLOCK = r"""
    (?P<hour>\d{1,2}) : (?P<minute>\d\d) (?: : (?P<second>\d\d) (?: [.,] (?P<fraction>\d+) )? )?
    (?: \ ? (?P<half>[AaPp]) \.? [Mm] \.? )?
"""
_WEEKDAY = r"(?: [A-Za-z]{3,9} ,? \ + )?"
_MONTH = r"(?P<name>[A-Za-z]{3,9}) \.?"
_PATTERNS = tuple(
    re.compile(pattern, re.VERBOSE)
    for pattern in (
        # 2015-02-24 11:35:52 -0800, 2015-02-24T19:35:52.123Z, 2015/2/24, 2015-02-24 19:35:52 UTC
        rf"""(?P<year>\d{{4}}) (?P<sep>[-/.]) (?P<month>\d{{1,2}}) (?P=sep) (?P<day>\d{{1,2}})
             (?: (?: T | \ + ) {_CLOCK} \ * {_ZONE}? )?""",
        # Tue Feb 24 19:35:52 +0000 2015 (Twitter), Mon Apr 06 22:19:45 PDT 2009, Tue Feb 24 19:35:52 2015
        rf"""{_WEEKDAY} {_MONTH} \ + (?P<day>\d{{1,2}}) \ + {_CLOCK} \ + (?: {_ZONE} \ + )? (?P<year>\d{{4}})""",
        # Tue, 24 Feb 2015 19:35:52 +0000 (RFC 2822), 24 Feb 2015
        rf"""{_WEEKDAY} (?P<day>\d{{1,2}}) \ + {_MONTH} ,? \ + (?P<year>\d{{4}})
             (?: ,? \ + {_CLOCK} (?: \ * {_ZONE} )? (?: \ + \( [A-Za-z\ ]* \) )? )?""",
        # Feb 24, 2015 11:35 PM
        rf"""{_WEEKDAY} {_MONTH} \ + (?P<day>\d{{1,2}}) , \ * (?P<year>\d{{4}})
             (?: ,? \ + {_CLOCK} (?: \ * {_ZONE} )? )?""",
        # 2/24/15 11:35, 02-24-2015 11:35:52 PM, 24.02.2015 (with dots always day first)
        rf"""(?P<first>\d{{1,2}}) (?P<sep>[-/.]) (?P<other>\d{{1,2}}) (?P=sep) (?P<year>\d{{4}}|\d\d)
             (?: (?: ,? \ + | T ) {_CLOCK} (?: \ * {_ZONE} )? )?""",
        # 20150224T193552Z, 20150224
        rf"""(?P<year>\d{{4}}) (?P<month>\d\d) (?P<day>\d\d)
             (?: T (?P<hour>\d\d) (?P<minute>\d\d) (?P<second>\d\d)? {_ZONE}? )?""",
    )
)
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE]\+?\d{1,2})?")
_DATE_IN_NUMBERS = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](?:\d{4}|\d\d)(?!\d)")
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d\d):?(\d\d)?")

_EPOCH_UNITS = tuple(
    # Seconds, ms, µs, ns since 1970: their ranges for FIRST_YEAR..LAST_YEAR do not overlap.
    (Decimal(631_152_000) * per_second, Decimal(4_133_980_800) * per_second, Decimal(1_000_000) / per_second)
    for per_second in (1, 1_000, 1_000_000, 1_000_000_000)
)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def parse_time(value: object, dates: DateOrder = "month-first") -> dt.datetime | None:
    """The time that ``value`` writes, in UTC; None where it is none.

    Read: ISO 8601 (also with a space before the zone, or with a zone's name),
    Twitter's ``Tue Feb 24 19:35:52 +0000 2015``, the same with a US or
    European zone name, RFC 2822, dates in numbers such as ``2/24/15 11:35 PM``,
    seconds, ms, µs or ns since 1970 told by their size (also as floats), and
    datetime objects. What lies outside the years of ``stream.records`` is a
    number or an accident. Of ``3/4/2015`` the first number is the month unless
    ``dates`` says otherwise; a number over 12 is the day wherever it stands.
    """
    if isinstance(value, str):
        return _from_text(value.strip(), dates)
    if isinstance(value, dt.datetime):
        return _in_utc(value)
    if isinstance(value, dt.date):
        return _in_utc(dt.datetime.combine(value, dt.time(), dt.UTC))
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _from_epoch(Decimal(value))
    return None


def guess_date_order(values: Iterable[object]) -> DateOrder:
    """Day first if some date in numbers can only be read so, and none only the other way."""
    days_first = months_first = 0
    for value in values:
        found = _DATE_IN_NUMBERS.match(value.strip()) if isinstance(value, str) else None
        if found:
            days_first += int(found[1]) > 12
            months_first += int(found[2]) > 12
    return "day-first" if days_first and not months_first else "month-first"


def _from_text(text: str, dates: DateOrder) -> dt.datetime | None:
    if not 6 <= len(text) <= 64:
        return None
    # Nearly every value is one of two forms; reading these by position is ten times faster than by pattern.
    if text[4] == "-" and text[13:14] == ":":
        if moment := _from_iso(text):
            return moment
    elif text[3] == " " and text[13:14] == ":" and (moment := _from_twitter(text)):
        return moment
    for pattern in _PATTERNS:
        found = pattern.fullmatch(text)
        if found:
            return _from_parts(found.groupdict(), dates)
    if _NUMBER.fullmatch(text):
        return _from_epoch_text(text)
    return None


def _from_iso(text: str) -> dt.datetime | None:
    """``2015-02-24 11:35:52 -0800`` and the like; None for what needs a closer look."""
    try:
        # The standard library reads all but the space before the zone.
        written = dt.datetime.fromisoformat(text if " " not in text[19:] else text[:19] + text[19:].replace(" ", ""))
    except ValueError:
        return None
    return _in_utc(written)


def _from_twitter(text: str) -> dt.datetime | None:
    """``Tue Feb 24 19:35:52 +0000 2015`` and the like; None for what needs a closer look."""
    month, zone = _MONTHS.get(text[4:7].lower()), _zone(text[20:-5])
    if month is None or zone is None or text[-5] != " " or text[16:17] != ":":
        return None
    try:
        written = dt.datetime(
            int(text[-4:]), month, int(text[8:10]), int(text[11:13]), int(text[14:16]), int(text[17:19]), 0, zone
        )
    except ValueError:
        return None
    return _in_utc(written)


def _from_parts(parts: dict[str, str | None], dates: DateOrder) -> dt.datetime | None:
    zone = _zone(parts.get("zone"))
    if zone is None:
        return None
    written_year = parts["year"] or ""
    year = int(written_year)
    if len(written_year) == 2:  # as POSIX reads them
        year += 2000 if year < 69 else 1900
    month_and_day = _month_and_day(parts, dates)
    hour = _hour(parts)
    if month_and_day is None or hour is None:
        return None
    month, day = month_and_day
    try:
        written = dt.datetime(
            year,
            month,
            day,
            hour,
            int(parts.get("minute") or 0),
            int(parts.get("second") or 0),
            int((parts.get("fraction") or "0")[:6].ljust(6, "0")),
            zone,
        )
    except ValueError:
        return None
    return _in_utc(written)


def _month_and_day(parts: dict[str, str | None], dates: DateOrder) -> tuple[int, int] | None:
    if name := parts.get("name"):
        month = _MONTHS.get(name.lower())
        return None if month is None else (month, int(parts["day"] or 0))
    if parts.get("month"):
        return int(parts["month"] or 0), int(parts["day"] or 0)
    first, other = int(parts["first"] or 0), int(parts["other"] or 0)
    day_leads = dates == "day-first" or parts["sep"] == "."
    if (day_leads and other <= 12) or first > 12:
        return other, first
    return first, other


def _hour(parts: dict[str, str | None]) -> int | None:
    hour = int(parts.get("hour") or 0)
    half = parts.get("half")
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half in "pP" else 0)


@lru_cache(maxsize=256)
def _zone(name: str | None) -> dt.tzinfo | None:
    """UTC for no name; None for a name that is not known."""
    if name is None:
        return dt.UTC
    offset = _OFFSET.fullmatch(name)
    if offset is None:
        return _NAMED_ZONES.get(name.upper())
    sign, hours, minutes = offset[1], int(offset[2]), int(offset[3] or 0)
    if hours > 15 or minutes > 59:
        return None
    distance = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-distance if sign == "-" else distance)


def _from_epoch_text(text: str) -> dt.datetime | None:
    mantissa, exponent, _ = text.lower().partition("e")
    if exponent and len(mantissa.replace(".", "")) < 10:
        return None  # 1.42E+12 has lost its digits: the time would be wrong by years
    return _from_epoch(Decimal(text))


def _from_epoch(number: Decimal) -> dt.datetime | None:
    if not number.is_finite():
        return None
    for low, high, to_microseconds in _EPOCH_UNITS:
        if low <= number < high:
            return _EPOCH + dt.timedelta(microseconds=int(number * to_microseconds))
    return None


def _in_utc(written: dt.datetime) -> dt.datetime | None:
    if not FIRST_YEAR - 1 <= written.year <= LAST_YEAR + 1:  # also keeps the conversion in range
        return None
    moment = written.astimezone(dt.UTC) if written.tzinfo else written.replace(tzinfo=dt.UTC)
    return moment if FIRST_YEAR <= moment.year <= LAST_YEAR else None
