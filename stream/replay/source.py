"""A file of tweets, opened: what was detected, and its tweets in file order. Knows nothing of Kafka."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from infra.errors import UsageError
from stream.replay.columns import Columns, find_columns, names_without_header, unique_names
from stream.replay.detect import Content, detect
from stream.replay.dialect import find_dialect
from stream.replay.options import Rejected, ReplayOptions
from stream.replay.readers import Row, read_csv, read_jsonl, read_parquet
from stream.replay.rows import Decoded, RowDecoder
from stream.times import DateOrder, guess_date_order

_SAMPLE_ROWS = 500
Rows = Callable[[], Iterator[Row | Rejected]]
"""The rows of a file from its start, each time it is called."""


class Source:
    """A file whose tweets can be read, any number of times."""

    def __init__(
        self, content: Content, format_text: str, rows: Rows, columns: Columns, sample: Sequence[Mapping[str, Any]]
    ) -> None:
        self.content = content
        self.columns = columns
        self._format_text = format_text
        self._rows = rows
        self.dates: DateOrder = guess_date_order(row.get(columns.time or "") for row in sample)
        self.newest_time = cache(self._find_newest_time)

    @property
    def timed(self) -> bool:
        """Whether the file says when its tweets were written."""
        return self.columns.time is not None

    def read(self, now: Callable[[], dt.datetime] | None = None) -> Iterator[Decoded | Rejected]:
        """Every row as a tweet or as the reason why it is none, in file order."""
        decoder = self.decoder(now)
        for row in self._rows():
            yield row if isinstance(row, Rejected) else decoder.decode(row)

    def rows(self) -> Iterator[Row | Rejected]:
        """Every row as it stands in the file, for ``decoder``."""
        return self._rows()

    def decoder(self, now: Callable[[], dt.datetime] | None = None) -> RowDecoder:
        """What makes tweets of the rows."""
        return RowDecoder(self.columns, self.dates, self.content.digest, self.newest_time, now or _utc_now)

    def describe(self) -> str:
        """What was detected, such as ``CSV (comma, header), UTF-8; columns: text, tweet_created as time``."""
        parts = [self._format_text]
        if self.content.gzipped:
            parts.append("gzip")
        if self.content.encoding:
            parts.append(self.content.encoding.upper())
        dates = ", dates day first" if self.dates == "day-first" else ""
        return f"{', '.join(parts)}; columns: {self.columns.describe()}{dates}"

    def _find_newest_time(self) -> dt.datetime | None:
        if self.columns.time is None:
            return None
        newest = None
        for row in self._rows():
            if isinstance(row, Row):
                time = self.columns.read_time(row.fields, self.dates)
                if time is not None and (newest is None or time > newest):
                    newest = time
        return newest


def open_source(options: ReplayOptions) -> Source:
    """Detect what the file is and which columns it has.

    Raises UsageError when it cannot be read, has no rows, or when its columns
    cannot be told.
    """
    content = detect(options)
    if content.format == "csv":
        return _open_csv(content, options)
    if content.format == "jsonl":
        return _from_objects(content, options, "JSONL", lambda: read_jsonl(content))
    return _from_objects(content, options, "Parquet", lambda: read_parquet(content))


def read_tweets(options: ReplayOptions) -> Iterator[Decoded | Rejected]:
    """The tweets of a file in file order, with ``since``, ``until`` and ``limit`` applied.

    Raises UsageError as ``open_source`` does.
    """
    tweets = 0
    for item in open_source(options).read() if options.limit != 0 else ():
        if isinstance(item, Decoded):
            if not is_inside(item.tweet.created_at, options):
                continue
            tweets += 1
        yield item
        if tweets == options.limit:
            return


def is_inside(time: dt.datetime, options: ReplayOptions) -> bool:
    """Whether an event time lies between ``since`` (inclusive) and ``until`` (exclusive)."""
    return (options.since is None or time >= options.since) and (options.until is None or time < options.until)


def _open_csv(content: Content, options: ReplayOptions) -> Source:
    dialect, first_rows = find_dialect(content, options)
    if dialect.header:
        names = unique_names(first_rows[0])
    else:
        names = names_without_header(dialect.width, [row for row in first_rows if len(row) == dialect.width])

    def rows() -> Iterator[Row | Rejected]:
        return read_csv(content, dialect, names)

    sample = _sample(content, rows())
    columns = find_columns(content.path, names, sample, options.asked_columns())
    return Source(content, f"CSV ({dialect.describe()})", rows, columns, sample)


def _from_objects(content: Content, options: ReplayOptions, format_text: str, rows: Rows) -> Source:
    sample = _sample(content, rows())
    names = list(dict.fromkeys(name for row in sample for name in row))
    if not names:
        rejected = next(row for row in rows() if isinstance(row, Rejected))
        raise UsageError(
            f"{content.path} is not {format_text}, one object on each line; line {rejected.line}: {rejected.reason}"
        )
    columns = find_columns(content.path, names, sample, options.asked_columns())
    return Source(content, format_text, rows, columns, sample)


def _sample(content: Content, rows: Iterator[Row | Rejected]) -> list[dict[str, Any]]:
    """The fields of the first rows that can be read. Raises UsageError when there are no rows at all."""
    first = list(islice(rows, _SAMPLE_ROWS))
    if not first:
        raise UsageError(f"{content.path} has no rows")
    return [row.fields for row in first if isinstance(row, Row)]


def _utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
