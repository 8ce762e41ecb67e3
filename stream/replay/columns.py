"""Which column holds what: by the names people use, by what was asked for, else by what is in them."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from infra.errors import UsageError
from stream.times import DateOrder, parse_time

KNOWN_NAMES: Mapping[str, tuple[str, ...]] = {
    # Compared in lower case without spaces and punctuation; those further left win.
    "text": (
        "fulltext",
        "text",
        "tweettext",
        "tweet",
        "tweets",
        "tweetcontent",
        "content",
        "rawcontent",
        "message",
        "body",
        "comment",
        "sentence",
        "review",
    ),
    "time": (
        "createdat",
        "tweetcreated",
        "tweetcreatedat",
        "created",
        "datetime",
        "timestamp",
        "timestampms",
        "date",
        "tweetdate",
        "postedat",
        "publishedat",
        "createdtime",
        "createdutc",
        "time",
    ),
    "id": ("idstr", "tweetid", "id", "statusid", "tweetidstr", "messageid", "postid"),
    "author": (
        "screenname",
        "userscreenname",
        "username",
        "authorusername",
        "handle",
        "userhandle",
        "author",
        "user",
        "fromuser",
        "authorname",
        "name",
        "authorid",
        "userid",
    ),
    "brand": ("brands", "brand", "brandname", "airline", "company", "companyname", "entity", "organization"),
    "lang": ("lang", "language"),
    "source": ("source", "sourcelabel", "client"),
}
SENTIMENT140 = ("target", "id", "date", "flag", "user", "text")
_CLOCK_NAMES = frozenset({"time", "hour", "timeofday", "clock"})
_PLAIN = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"\d+")
_READABLE_SHARE = 0.5
"""A column is the time if at least this share of its values can be read as one (damaged rows cannot)."""


@dataclass(frozen=True)
class Columns:
    """The name of the column for each role; None where the file has none.

    ``clock`` is the time of day where ``time`` holds only dates.
    """

    text: str
    time: str | None = None
    clock: str | None = None
    id: str | None = None
    author: str | None = None
    brand: str | None = None
    lang: str | None = None
    source: str | None = None

    @cached_property
    def used(self) -> frozenset[str]:
        """The columns that have a role."""
        return frozenset(name for name in astuple(self) if name is not None)

    def read_time(self, fields: Mapping[str, Any], dates: DateOrder) -> dt.datetime | None:
        """The event time that is written in a row."""
        written = fields.get(self.time or "")
        if self.clock is not None:
            written = f"{written} {fields.get(self.clock)}"
        return parse_time(written, dates)

    def describe(self) -> str:
        """Such as ``text, created_at as time, id``."""
        return ", ".join(
            name if name == role else f"{name} as {role}" for role, name in asdict(self).items() if name is not None
        )


def known_names(names: Sequence[str]) -> int:
    """How many of the names are known."""
    known = {name for names_of_role in KNOWN_NAMES.values() for name in names_of_role}
    return sum(_plain(name) in known for name in names)


def unique_names(cells: Sequence[str]) -> list[str]:
    """The names in a header row: ``column_2`` for an empty one, ``name_3`` where the third repeats a name."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column_{number}"
        names.append(f"{name}_{number}" if name in names else name)
    return names


def names_without_header(width: int, sample: Sequence[Sequence[str]]) -> list[str]:
    """Sentiment140's names for rows that look like its own, else column_1 and so on."""
    if width == len(SENTIMENT140) and sample:
        alike = sum(
            row[0] in {"0", "2", "4"} and bool(_DIGITS.fullmatch(row[1])) and parse_time(row[2]) is not None
            for row in sample
        )
        if alike > 0.9 * len(sample):
            return list(SENTIMENT140)
    return [f"column_{number}" for number in range(1, width + 1)]


def find_columns(
    path: Path, names: Sequence[str], sample: Sequence[Mapping[str, Any]], asked: Mapping[str, str]
) -> Columns:
    """Choose a column for each role.

    ``sample`` holds the first rows, ``asked`` the columns that were asked for,
    by role. Raises UsageError when one of these does not exist, or when no
    column can be told to be the text.
    """
    chosen = {role: _asked(path, names, role, column) for role, column in asked.items()}
    for role in KNOWN_NAMES:
        if role in chosen:
            continue
        candidates = [name for name in _by_name(names, role) if name not in chosen.values()]
        if role == "time":
            candidates = [name for name in candidates if _reads_as_time(name, sample)] or candidates[:1]
        if candidates:
            chosen[role] = candidates[0]
    free = [name for name in names if name not in chosen.values()]
    if "time" not in chosen and (times := [name for name in free if _written_time(name, sample)]):
        chosen["time"] = times[0]
        free.remove(times[0])
    if clock := _clock(chosen.get("time"), free, sample):
        chosen["clock"] = clock
        free.remove(clock)
    if "id" not in chosen and (ids := [name for name in free if _long_numbers(name, sample)]):
        chosen["id"] = ids[0]
        free.remove(ids[0])
    if "text" not in chosen:
        chosen["text"] = _longest(path, names, free, sample)
    return Columns(**chosen)


def _plain(name: str) -> str:
    return _PLAIN.sub("", name.lower())


def _asked(path: Path, names: Sequence[str], role: str, column: str) -> str:
    if column in names:
        return column
    same = [name for name in names if name.strip().lower() == column.strip().lower()]
    if same:
        return same[0]
    if column.isdecimal() and 1 <= int(column) <= len(names):
        return names[int(column) - 1]
    close = difflib.get_close_matches(column, names, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise UsageError(f"{path} has no column {column!r} for the {role}; {hint}columns: {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:40])
    return f"{shown}, ..." if len(names) > 40 else shown


def _by_name(names: Sequence[str], role: str) -> list[str]:
    by_plain_name: dict[str, str] = {}
    for name in names:
        by_plain_name.setdefault(_plain(name), name)
    return [by_plain_name[known] for known in KNOWN_NAMES[role] if known in by_plain_name]


def _values(name: str, sample: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [value for row in sample if (value := row.get(name)) is not None and value != ""]


def _reads_as_time(name: str, sample: Sequence[Mapping[str, Any]]) -> bool:
    values = _values(name, sample)
    return sum(parse_time(value) is not None for value in values) >= _READABLE_SHARE * max(1, len(values))


def _clock(date: str | None, free: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> str | None:
    """The column named time beside one that holds dates without a time of day."""
    if date is None or not sample or any(":" in str(value) for value in _values(date, sample)):
        return None
    for name in free:
        if _plain(name) in _CLOCK_NAMES:
            read = sum(parse_time(f"{row.get(date)} {row.get(name)}") is not None for row in sample)
            if read >= _READABLE_SHARE * len(sample):
                return name
    return None


def _written_time(name: str, sample: Sequence[Mapping[str, Any]]) -> bool:
    """Times in words or with marks; numbers alone could be ids, which read as nanoseconds."""
    values = _values(name, sample)
    numbers = any(not isinstance(value, str) or is_number(value) for value in values)
    return bool(values) and not numbers and _reads_as_time(name, sample)


def _long_numbers(name: str, sample: Sequence[Mapping[str, Any]]) -> bool:
    """All different, and of eight digits or more: an id."""
    values = [str(value) for value in _values(name, sample)]
    return (
        len(values) == len(sample) > 0
        and all(len(value) >= 8 and _DIGITS.fullmatch(value) for value in values)
        and len(set(values)) == len(values)
    )


def _longest(path: Path, names: Sequence[str], free: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> str:
    """The one column that holds sentences."""
    if len(names) == 1:
        return names[0]
    lengths = {name: _mean_length(name, sample) for name in free}
    ranked = sorted(lengths, key=lambda name: lengths[name], reverse=True)
    clear = ranked and lengths[ranked[0]] >= 15 and (len(ranked) == 1 or lengths[ranked[0]] > 1.5 * lengths[ranked[1]])
    if not clear:
        raise UsageError(
            f"{path} has no column that is known to hold the text: name it with --text-column, one of {_listed(names)}"
        )
    return ranked[0]


def _mean_length(name: str, sample: Sequence[Mapping[str, Any]]) -> float:
    values = [value for row in sample if isinstance(value := row.get(name), str)]
    with_spaces = [value for value in values if " " in value.strip()]
    if not values or len(with_spaces) < 0.5 * len(values):
        return 0.0
    return sum(map(len, values)) / len(values)


def is_number(text: str) -> bool:
    """Whether a cell holds a number and nothing else."""
    return bool(re.fullmatch(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", text.strip()))
