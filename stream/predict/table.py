"""The columns of the output: those of the input as they are, then what the model says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from model.labels import LABELS
from stream.replay.readers import Row
from stream.replay.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

ADDED = ("label", "confidence", *LABELS, "truncated", "model_version")
PREFIX = "predicted_"
"""Before the names of all added columns where the input has one of them already."""

ABSENT: Any = type("Absent", (), {"__repr__": lambda _self: "ABSENT"})()
"""Stands for the value of a column that a row does not have."""

Types = Mapping[str, str]
"""By column, what its values are: bool, int, float or text."""


@dataclass(frozen=True)
class Table:
    """``names``: columns of the input. ``added``: names of what the model says, in the order of ADDED."""

    names: Sequence[str]
    types: Types
    added: Sequence[str]

    @property
    def columns(self) -> list[str]:
        """All columns of the output, in order."""
        return [*self.names, *self.added]


def table_of(source: Source) -> Table:
    """The columns of a file. One pass over it where each row may have columns of its own (JSON Lines)."""
    types: dict[str, str] = {}
    for row in _telling_rows(source):
        for name, value in row.fields.items():
            types[name] = _wider(types.get(name), kind_of(value))
    added = list(ADDED)
    while types.keys() & set(added):  # once more for a file that was labelled twice already
        added = [PREFIX + name for name in added]
    return Table(list(types), {name: kind or "text" for name, kind in types.items()}, added)


def _telling_rows(source: Source) -> Iterator[Row]:
    """All rows of JSON Lines; of other formats, whose rows are alike, the first."""
    for row in source.rows():
        if isinstance(row, Row):
            yield row
            if source.content.format != "jsonl":
                return


def kind_of(value: Any) -> str:
    """What kind of column holds a value; empty where any does."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -(2**63) <= value < 2**63 else "text"
    if isinstance(value, float):
        return "float"
    return "text"


def _wider(one: str | None, other: str) -> str:
    """The kind of column that holds both."""
    if not one or one == other:
        return other
    if not other:
        return one
    return "float" if {one, other} == {"int", "float"} else "text"


def arrow_schema(table: Table, kept: pa.Schema | None) -> pa.Schema:
    """The Parquet schema of the output. ``kept``: that of the input, if it is Parquet too."""
    import pyarrow as pa

    kinds = {
        "bool": pa.bool_(),
        "int": pa.int64(),
        "float": pa.float64(),
        "text": pa.string(),
    }
    fields = [pa.field(name, kinds[table.types[name]]) for name in table.names]
    if kept is not None:
        fields = [pa.field(name, _kept(field.type)) for name, field in zip(table.names, kept, strict=True)]
    said = [pa.string(), *[pa.float64()] * (1 + len(LABELS)), pa.bool_(), pa.string()]
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in zip(table.added, said, strict=True))])


def _kept(kind: pa.DataType) -> pa.DataType:
    """The type in which a column of Parquet comes out: its own, but for what is read as text."""
    import pyarrow as pa

    types = pa.types
    if types.is_dictionary(kind):
        return _kept(kind.value_type)
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    own = (types.is_boolean, types.is_integer, types.is_floating, types.is_date, types.is_time, types.is_decimal)
    return kind if any(is_one(kind) for is_one in own) else pa.string()
