"""CSV, JSON Lines and Parquet: how a part of the output is written, and how parts become one file.

Parts of text are put one after the other, packed ones too (gzip files in a row
are one gzip file). Parts of Parquet become row groups.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from infra.errors import UsageError
from stream.fields import clean_text
from stream.predict.table import ABSENT, Table

if TYPE_CHECKING:
    import pyarrow as pa

OutRow = Sequence[Any]
"""The values of a row of the output, in the order of its columns."""
_ROW_GROUP = 65_536
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_LINE = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class Format(Protocol):
    """One kind of output file."""

    def write(self, path: Path, rows: Sequence[OutRow]) -> None:
        """Write a part."""

    def join(self, parts: Sequence[Path], path: Path) -> None:
        """Write the whole file."""


def format_of(path: Path) -> Callable[[Table, Callable[[], pa.Schema]], Format]:
    """What makes the format that the name of the output asks for, once the columns are known. Raises UsageError."""
    packed = path.suffix == ".gz"
    suffix = (Path(path.stem) if packed else path).suffix.lower()
    if suffix in _DELIMITERS:
        return lambda table, _schema: _Csv(table, _DELIMITERS[suffix], packed=packed)
    if suffix in {".jsonl", ".ndjson"}:
        return lambda table, _schema: _JsonLines(table, packed=packed)
    if suffix == ".parquet" and not packed:
        return lambda _table, schema: _Parquet(schema())
    raise UsageError(f"{path} does not say its format; end it in .csv, .tsv, .jsonl (each also with .gz) or .parquet")


class _Text:
    """Files whose parts are put one after the other."""

    def __init__(self, *, packed: bool) -> None:
        self._packed = packed

    def join(self, parts: Sequence[Path], path: Path) -> None:
        with path.open("wb") as whole:
            whole.write(self._pack(self._head()))
            for part in parts:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, whole, 1 << 20)

    def _head(self) -> bytes:
        return b""

    def _pack(self, text: bytes) -> bytes:
        # Without the time of packing, the same rows are the same bytes.
        return gzip.compress(text, compresslevel=6, mtime=0) if self._packed and text else text


class _Csv(_Text):
    def __init__(self, table: Table, delimiter: str, *, packed: bool) -> None:
        super().__init__(packed=packed)
        self._columns = table.columns
        self._delimiter = delimiter

    def write(self, path: Path, rows: Sequence[OutRow]) -> None:
        path.write_bytes(self._pack(self._lines([[_cell(value) for value in row] for row in rows])))

    def _head(self) -> bytes:
        return self._lines([self._columns])

    def _lines(self, rows: Sequence[Sequence[Any]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(rows)
        return text.getvalue().encode("utf-8", "replace")


class _JsonLines(_Text):
    def __init__(self, table: Table, *, packed: bool) -> None:
        super().__init__(packed=packed)
        self._columns = table.columns

    def write(self, path: Path, rows: Sequence[OutRow]) -> None:
        path.write_bytes(self._pack(b"".join(self._line(row) for row in rows)))

    def _line(self, row: OutRow) -> bytes:
        """A row as an object; a column that this row of the input did not have is not in it."""
        fields = zip(self._columns, row, strict=True)
        return orjson.dumps({name: _clean(value) for name, value in fields if value is not ABSENT}, option=_LINE)


class _Parquet:
    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema

    def write(self, path: Path, rows: Sequence[OutRow]) -> None:
        import pyarrow.parquet as pq

        pq.write_table(self._arrow(rows), path)

    def join(self, parts: Sequence[Path], path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with pq.ParquetWriter(path, self._schema) as whole:
            waiting: list[pa.Table] = []
            for part in parts:
                waiting.append(pq.read_table(part, schema=self._schema))
                if sum(table.num_rows for table in waiting) >= _ROW_GROUP:
                    whole.write_table(pa.concat_tables(waiting))
                    waiting = []
            if waiting:
                whole.write_table(pa.concat_tables(waiting))

    def _arrow(self, rows: Sequence[OutRow]) -> pa.Table:
        import pyarrow as pa

        columns = list(zip(*rows, strict=True)) if rows else [()] * len(self._schema)
        arrays = [_array(values, field.type) for values, field in zip(columns, self._schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    import pyarrow as pa

    if pa.types.is_string(kind):
        return pa.array([None if value is None or value is ABSENT else _cell(value) for value in values], kind)
    plain = [None if value is ABSENT else value for value in values]
    if pa.types.is_floating(kind):
        return pa.array([None if value is None else float(value) for value in plain], kind)
    if pa.types.is_decimal(kind):
        return pa.array(plain, pa.string()).cast(kind)  # read as text, so that no digit is lost
    return pa.array(plain, kind)


def _cell(value: Any) -> str:
    """A value as text."""
    if isinstance(value, str):
        return clean_text(value)
    if value is None or value is ABSENT:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (dict, list)):
        return orjson.dumps(_clean(value), option=orjson.OPT_UTC_Z).decode()
    return str(value)


def _clean(value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(str(name)): _clean(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    return value
