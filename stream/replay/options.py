"""What a replay is asked to do, and what it says back."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from stream.replay.pace import AsFastAsPossible, Pace

Format = Literal["auto", "csv", "jsonl", "parquet"]
Order = Literal["time", "file"]
Header = Literal["auto", "yes", "no"]

KEPT_REJECTIONS = 1_000
"""Rejected rows that a result lists; the others are counted."""


@dataclass(frozen=True)
class ReplayOptions:
    """One replay. Everything but the path may be left to detection.

    Columns are named, or given by number from 1. ``since`` (inclusive) and
    ``until`` (exclusive) are event times of the file. ``limit`` takes the first
    tweets of the replay, in its order; in file order, reading ends there.
    """

    path: Path
    format: Format = "auto"
    encoding: str | None = None
    delimiter: str | None = None
    header: Header = "auto"
    text_column: str | None = None
    time_column: str | None = None
    id_column: str | None = None
    author_column: str | None = None
    brand_column: str | None = None
    order: Order = "time"
    pace: Pace = field(default_factory=AsFastAsPossible)
    shift_to_now: bool = False
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    limit: int | None = None
    loop: bool = False
    allow_older: bool = False

    def asked_columns(self) -> dict[str, str]:
        """Role to the column that was asked for."""
        asked = {
            "text": self.text_column,
            "time": self.time_column,
            "id": self.id_column,
            "author": self.author_column,
            "brand": self.brand_column,
        }
        return {role: column for role, column in asked.items() if column is not None}


@dataclass(frozen=True)
class Rejected:
    """A row that cannot become a tweet. ``line`` is that of the file, from 1 (in Parquet: the row)."""

    line: int
    reason: str


@dataclass(frozen=True)
class ReplayProgress:
    """How far a replay is.

    ``published`` counts what the broker has confirmed, of ``total`` (None while
    the file is read, and in a loop). ``rate`` is in tweets per second over the
    last seconds; while the file is read, in rows per second.
    """

    published: int
    total: int | None
    rejected: int
    repaired: int
    rate: float
    eta_s: float | None
    rows_read: int


@dataclass(frozen=True)
class ReplayResult:
    """What a replay did. Event times are those published; None if nothing was.

    ``repaired`` counts published tweets whose time came from their id,
    ``outside`` the tweets that ``since``, ``until`` and ``limit`` left out.
    ``rejected_rows`` holds the first KEPT_REJECTIONS. ``stopped``: somebody set
    the stop event before the end.
    """

    published: int
    rejected: int
    repaired: int
    outside: int
    rejected_rows: list[Rejected]
    first_event_time: dt.datetime | None
    latest_event_time: dt.datetime | None
    elapsed_s: float
    stopped: bool
