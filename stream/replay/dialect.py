"""How a CSV file is written: its delimiter, its quotes, whether its first row names the columns.

Each candidate reads the start of the file; the one whose rows are alike, and
whose quotes close, is the right one.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from infra.errors import UsageError
from stream.replay.columns import is_number, known_names
from stream.replay.detect import SAMPLE_BYTES, Content
from stream.replay.lines import Lines, Record, read_records
from stream.replay.options import ReplayOptions
from stream.times import parse_time

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "pipe"}
NO_DELIMITER = "\x1f"
"""The delimiter of a file with one column: a character that no text holds."""
_OFTEN_UNQUOTED = "\t|"
"""Separators that texts rarely hold, so that many writers quote nothing: a quote then is only a quote."""
_SAMPLE_ROWS = 500
_ALIKE = 0.7
_ALIKE_UNDER_KNOWN_HEADER = 0.3
_LONGEST_NAME = 60


@dataclass(frozen=True)
class Dialect:
    """What ``csv.reader`` needs, the number of columns, and whether the first row is a header."""

    delimiter: str
    quoted: bool = True
    escaped: bool = False
    width: int = 1
    header: bool = False

    def reader_arguments(self) -> dict[str, Any]:
        return {
            "delimiter": self.delimiter,
            "quoting": csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            "escapechar": "\\" if self.escaped else None,
        }

    def describe(self) -> str:
        """Such as ``comma, header`` or ``tab, no quotes, no header``."""
        parts = ["one column" if self.width == 1 else DELIMITERS.get(self.delimiter, repr(self.delimiter))]
        if not self.quoted and self.width > 1:
            parts.append("no quotes")
        if self.escaped:
            parts.append("backslash escapes")
        parts.append("header" if self.header else "no header")
        return ", ".join(parts)


def find_dialect(content: Content, options: ReplayOptions) -> tuple[Dialect, list[list[str]]]:
    """The dialect of a CSV file and its first rows, header included."""
    text = content.sample.decode(content.encoding, "replace")
    if len(content.sample) == SAMPLE_BYTES:  # the last line may be cut
        text = text[: text.rfind("\n") + 1] or text
    best = max(_candidates(text, options), key=lambda trial: trial.rank, default=None)
    if best is None or not best.convincing:
        if options.delimiter:
            raise UsageError(f"{content.path} is not separated by {options.delimiter!r}")
        lines_only = [_Trial(text, Dialect(NO_DELIMITER, quoted=quoted)) for quoted in (True, False)]
        best = max(lines_only, key=lambda trial: trial.rank)
    dialect = replace(best.dialect, width=best.width, header=_has_header(best.rows, options))
    return dialect, best.rows


def _candidates(text: str, options: ReplayOptions) -> Iterator[_Trial]:
    for delimiter in [options.delimiter] if options.delimiter else DELIMITERS:
        if delimiter not in text[: SAMPLE_BYTES // 8]:
            continue
        plain = _Trial(text, Dialect(delimiter))
        yield plain
        if '\\"' in text:
            yield _Trial(text, Dialect(delimiter, escaped=True))
        if delimiter in _OFTEN_UNQUOTED and plain.misquoted > plain.needfully_quoted:
            yield _Trial(text, Dialect(delimiter, quoted=False))


class _Trial:
    """The start of a file read with one dialect, and how well that went."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self.dialect = dialect
        records = list(
            islice(read_records(Lines(io.StringIO(text, newline="")), dialect.reader_arguments()), _SAMPLE_ROWS)
        )
        read = [record for record in records if isinstance(record, Record)]
        self.rows = [record.values for record in read]
        widths = Counter(len(row) for row in self.rows)
        self.width = widths.most_common(1)[0][0] if widths else 1
        well_quoted = [record for record in read if record.well_quoted()]
        good = sum(len(record.values) == self.width for record in well_quoted)
        self.alike = good / max(1, len(records))
        self.known = known_names(self.rows[0]) if self.rows else 0
        self.misquoted = len(records) - len(well_quoted)
        self.needfully_quoted = sum(_needs_quotes(record, dialect.delimiter) for record in well_quoted)

    @property
    def convincing(self) -> bool:
        if self.width == 1:
            return False
        return self.alike >= (_ALIKE_UNDER_KNOWN_HEADER if self.known else _ALIKE)

    @property
    def rank(self) -> tuple[bool, bool, float, int]:
        """Where two are equal, ``max`` keeps the first: plain quoting."""
        return self.convincing, self.known > 0, round(self.alike, 2), self.width


def _needs_quotes(record: Record, delimiter: str) -> bool:
    """Whether its quotes are a writer's: around a delimiter, a line end or doubled quotes, or around every cell."""
    raw = "".join(record.raw)
    within = any(delimiter in cell or "\n" in cell for cell in record.values)
    return '"' in raw and (within or '""' in raw or raw.count('"') >= 2 * len(record.values))


def _has_header(rows: Sequence[Sequence[str]], options: ReplayOptions) -> bool:
    if options.header != "auto":
        return options.header == "yes"
    first, others = (rows[0], rows[1:]) if rows else ([], [])
    if any(_is_value(cell) or len(cell) > _LONGEST_NAME for cell in first):
        return False
    if known_names(first) or any(column in first for column in options.asked_columns().values()):
        return True
    # A name above a column of numbers or times.
    columns = [[row[place] for row in others if len(row) == len(first)] for place in range(len(first))]
    return any(cells and sum(map(_is_value, cells)) > 0.9 * len(cells) for cells in columns)


def _is_value(cell: str) -> bool:
    return is_number(cell) or parse_time(cell) is not None
