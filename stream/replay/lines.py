"""CSV records with the numbers of their lines, where quotes may be broken.

Python's ``csv`` reads the records; what it does not do is done here: bounded
lines, the line on which each record starts, and going on after a quote that is
never closed (the line it opens on is given up, and reading resumes on the
next, instead of swallowing what follows).
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

from stream.replay.options import Rejected

MAX_LINE_CHARS = 1 << 20
"""Of a line and of a field. A record on Kafka is at most about as many bytes."""

LONE_QUOTE = "a quote is opened here and not closed properly"
OVERLONG = f"longer than {MAX_LINE_CHARS:,} characters"


_OVERLONG_LINE = "\0 too long \0"
"""This object stands for a line that was skipped, should the lines of its record be read again."""


class OverlongLineError(ValueError):
    """A line of more than MAX_LINE_CHARS; it has been skipped."""


class Lines:
    """The lines of a text, one at a time, counted; the lines of the current record can be taken back.

    ``record`` holds the lines since ``begin``. ``ended_within``: the text ended
    before the record did.
    """

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.count = 0
        self.record: list[str] = []
        self.ended_within = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._text.readline(MAX_LINE_CHARS)
        if not line:
            self.ended_within = bool(self.record)
            raise StopIteration
        self.count += 1
        if len(line) == MAX_LINE_CHARS and line[-1] not in "\r\n":
            self._skip_line()
            line = _OVERLONG_LINE
        self.record.append(line)
        if line is _OVERLONG_LINE:
            raise OverlongLineError
        return line

    def begin(self) -> None:
        """A new record begins with the next line."""
        self.record = []
        self.ended_within = False

    def resume_after_first(self) -> None:
        """Read the lines of the current record again, but for its first."""
        again = self.record[1:]
        self._again.extendleft(reversed(again))
        self.count -= len(again)

    def _skip_line(self) -> None:
        while rest := self._text.readline(MAX_LINE_CHARS):
            if rest[-1] in "\r\n":
                return


@dataclass(frozen=True, slots=True)
class Record:
    """The cells of one record, and the line it starts on."""

    line: int
    values: list[str]
    raw: Sequence[str]
    arguments: dict[str, Any]

    def well_quoted(self) -> bool:
        """Whether every quote opens and closes where it should."""
        return _well_quoted(self.raw, self.arguments)


def read_records(lines: Lines, arguments: dict[str, Any]) -> Iterator[Record | Rejected]:
    """The records of a CSV text, in order; blank lines are none. ``arguments`` are those of ``csv.reader``."""
    if csv.field_size_limit() < MAX_LINE_CHARS:
        csv.field_size_limit(MAX_LINE_CHARS)  # of the process: only ever raised
    reader = csv.reader(lines, **arguments)
    while True:
        lines.begin()
        start = lines.count + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except OverlongLineError:
            yield Rejected(start, _give_up(lines, OVERLONG))
            continue
        except csv.Error as error:
            yield Rejected(start, _give_up(lines, OVERLONG if "field larger" in str(error) else str(error)))
            continue
        raw = lines.record
        if lines.ended_within or (len(raw) > 1 and not _well_quoted(raw, arguments)):
            lines.resume_after_first()
            yield Rejected(start, LONE_QUOTE)
        elif values:
            yield Record(start, values, raw, arguments)


def _give_up(lines: Lines, reason: str) -> str:
    """Go on after the first line of a record that cannot be read; the reason, as far as it is that line's."""
    if len(lines.record) > 1:
        lines.resume_after_first()
        return LONE_QUOTE
    return reason


def _well_quoted(raw: Sequence[str], arguments: dict[str, Any]) -> bool:
    if '"' not in "".join(raw):
        return True
    try:
        return sum(1 for _ in csv.reader(raw, strict=True, **arguments)) == 1
    except csv.Error:
        return False
