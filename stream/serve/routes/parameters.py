"""Parameters that several routes take, with their limits and examples."""

from __future__ import annotations

import datetime as dt
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from stream.fields import FIRST_YEAR, LAST_YEAR, clean_text
from stream.serve.answers import FieldProblem, Size
from stream.serve.problems import ProblemError
from stream.serve.series import MOST_WINDOWS, Span
from stream.serve.services import Services
from stream.serve.state import State
from stream.windows import SIZES_S

_MOST_NAME = 128


def _clean(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


def _utc(value: dt.datetime) -> dt.datetime:
    """A time without a zone is UTC, as everywhere here."""
    if not FIRST_YEAR < value.year < LAST_YEAR:
        raise ValueError(f"outside the years {FIRST_YEAR + 1} to {LAST_YEAR - 1}")
    return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


Moment = Annotated[
    dt.datetime,
    AfterValidator(_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T09:00:00Z"]}),
]
Cleaned = Annotated[str, BeforeValidator(_clean)]
BrandPath = Annotated[
    Cleaned, Path(min_length=1, max_length=_MOST_NAME, description="name of the brand", examples=["Veloria Air"])
]
BrandQuery = Annotated[Cleaned | None, Query(max_length=_MOST_NAME, description="only of this brand")]
From = Annotated[Moment | None, Query(alias="from", description="start, in event time; a day before `to` by default")]
To = Annotated[Moment | None, Query(description="end, in event time; now by default, that is the watermark")]
SizeQuery = Annotated[Size, Query(description="of the windows")]
Zone = Annotated[
    str,
    Query(max_length=64, description="time zone whose days and hours the windows are", examples=["Europe/Lisbon"]),
]


def invalid(field: str, message: str) -> ProblemError:
    """A parameter that is wrong in a way that only its handler can tell."""
    return ProblemError(422, f"{field}: {message}", fields=[FieldProblem(field=field, message=message)])


def span_of(services: Services, start: dt.datetime | None, end: dt.datetime | None, size: Size, zone: str) -> Span:
    """The span that was asked for. Raises ProblemError when it is none, or too long for one answer."""
    now = services.state.read.minutes.event_time.watermark()
    until = round(end.timestamp()) if end is not None else (now or 0) + SIZES_S["1m"]
    since = round(start.timestamp()) if start is not None else until - SIZES_S["1d"]
    if since > until:
        raise invalid("from", "is after `to`")
    if (until - since) / SIZES_S[size] > MOST_WINDOWS:
        raise invalid("size", f"makes more than {MOST_WINDOWS:,} windows; take a larger size, or a shorter time")
    try:
        return Span(since, until, size, ZoneInfo(zone) if zone != "UTC" else dt.UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid("tz", "is no time zone; take one such as Europe/Lisbon, or UTC") from None


def missing(state: State, what: str, hint: str) -> ProblemError:
    """What was asked for is not there; or perhaps is, while not all of the topics has been read yet."""
    if not state.ready:
        return ProblemError(503, f"no {what} yet; this server still reads what was there before", retry_after_s=1)
    return ProblemError(404, f"there is no {what}; {hint}")
