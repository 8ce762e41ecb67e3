"""The rows of a file, whatever its format: a line number, a row number and named fields.

A reader never holds more than a few thousand rows. What cannot be read as a
row comes out as Rejected, in its place.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from infra.errors import UsageError
from stream.decode import loads
from stream.replay.detect import Content
from stream.replay.dialect import Dialect
from stream.replay.lines import LONE_QUOTE, OVERLONG, Lines, OverlongLineError, Record, read_records
from stream.replay.options import Rejected
from stream.replay.twitter import tweets_in

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_PARQUET_ROWS = 2_048


class Row(NamedTuple):
    """One row. ``line`` is where it starts in the file; ``number`` counts rows from 1 and is stable for a file."""

    line: int
    number: int
    fields: dict[str, Any]


def read_csv(content: Content, dialect: Dialect, names: Sequence[str]) -> Iterator[Row | Rejected]:
    """Rows of a CSV file as text fields, without its header.

    Trailing empty cells beyond the header are dropped; any other number of
    cells than there are columns is no row, since nobody knows which is missing.
    """
    with content.open_text(newline="") as text:
        number = 0
        header = dialect.header
        for record in read_records(Lines(text), dialect.reader_arguments()):
            if header:
                header = False
                continue
            number += 1
            if isinstance(record, Rejected):
                yield record
                continue
            reason = _fault(content, record, dialect)
            if reason:
                yield Rejected(record.line, reason)
            else:
                yield Row(record.line, number, dict(zip(names, record.values, strict=False)))


def _fault(content: Content, record: Record, dialect: Dialect) -> str | None:
    """Why a record is no row; None if it is one."""
    if content.odd_bytes and (fault := _odd_byte("".join(record.raw), content.encoding)):
        return fault
    if content.has_nul and any("\0" in cell for cell in record.values):
        return "a NUL byte in it"
    cells = len(record.values)
    if cells == dialect.width or (cells > dialect.width and not any(record.values[dialect.width :])):
        return None
    if not record.well_quoted():
        return LONE_QUOTE
    return f"{cells} columns, where {'the header' if dialect.header else 'the file'} has {dialect.width}"


def _odd_byte(text: str, encoding: str) -> str | None:
    if text.isascii():
        return None
    for character in text:
        if "\udc80" <= character <= "\udcff":
            return f"byte 0x{ord(character) - 0xDC00:02X} in it is not {encoding.upper()}"
    return None


def read_jsonl(content: Content) -> Iterator[Row | Rejected]:
    """Rows of a file with one JSON object on each line; Twitter's API shapes are flattened, see ``twitter``."""
    with content.open_text(newline="\n") as text:
        lines = Lines(text)
        number = 0
        while True:
            lines.begin()
            try:
                line = next(lines)
            except StopIteration:
                return
            except OverlongLineError:
                number += 1
                yield Rejected(lines.count, OVERLONG)
                continue
            if not line.strip():
                continue
            try:
                tweets = list(tweets_in(loads(line)))
            except ValueError as error:
                number += 1
                fault = content.odd_bytes and _odd_byte(line, content.encoding)
                yield Rejected(lines.count, fault or f"not a JSON object: {error}")
                continue
            for fields in tweets:
                number += 1
                yield Row(lines.count, number, fields)


def read_parquet(content: Content) -> Iterator[Row | Rejected]:
    """Rows of a Parquet file, read by batches. Raises UsageError when it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with content.open() as file:
        try:
            parquet = pq.ParquetFile(file)
            number = 0
            for batch in _batches(parquet):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(number, number, {name: _plain(value) for name, value in fields.items()})
        except (pa.ArrowException, OSError, ValueError) as error:
            raise UsageError(f"{content.path} cannot be read as Parquet: {error}") from error


def _batches(parquet: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    """Batches with times in microseconds (finer ones have no Python object) and unique column names."""
    import pyarrow as pa

    from stream.replay.columns import unique_names

    for batch in parquet.iter_batches(batch_size=_PARQUET_ROWS):
        columns = [
            column.cast(pa.timestamp("us", column.type.tz), safe=False)
            if pa.types.is_timestamp(column.type)
            else column
            for column in batch.columns
        ]
        yield pa.RecordBatch.from_arrays(columns, names=unique_names(batch.schema.names))


def _plain(value: Any) -> Any:
    """A value of Arrow as JSON can hold it; times stay times."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    return value
