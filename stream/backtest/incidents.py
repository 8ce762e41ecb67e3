"""What is known to have happened: brand, kind, start and end of each incident, from a file that a person keeps."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from infra.errors import UsageError
from stream.spikes.pane import Kind
from stream.times import parse_time

COLUMNS = ("brand", "start", "end")
_HOW = "write the columns brand, start, end and, if it is not always negative, kind"


@dataclass(frozen=True, order=True)
class Incident:
    """Times in seconds since 1970; ``end`` is not part of it."""

    start: int
    end: int
    brand: str
    kind: Kind = Kind.NEGATIVE


def read_incidents(path: Path) -> list[Incident]:
    """Incidents in order of their start, from CSV with a header, a JSON list, or JSON lines.

    Raises UsageError that names the row and what is wrong with it.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    rows = _json(path, content) if content.lstrip()[:1] in ("[", "{") else _csv(path, content)
    incidents = [_incident(path, number, row) for number, row in enumerate(rows, start=1)]
    if not incidents:
        raise UsageError(f"{path} has no incidents; {_HOW}")
    return sorted(incidents)


def _csv(path: Path, content: str) -> list[dict[str, Any]]:
    rows = csv.DictReader(io.StringIO(content), skipinitialspace=True)
    header = [name.strip().lower() for name in rows.fieldnames or ()]
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        raise UsageError(f"{path} has no column {missing[0]!r}, only {', '.join(header) or 'none'}; {_HOW}")
    rows.fieldnames = header
    return list(rows)


def _json(path: Path, content: str) -> list[dict[str, Any]]:
    try:
        rows = orjson.loads(content) if content.lstrip().startswith("[") else _lines(content)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"{path} is not JSON: {error}") from error
    if not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path} must be a list of objects, each with {', '.join(COLUMNS)}")
    return list(rows)


def _lines(content: str) -> list[Any]:
    return [orjson.loads(line) for line in content.splitlines() if line.strip()]


def _incident(path: Path, number: int, row: Mapping[str, Any]) -> Incident:
    where = f"{path}, incident {number}"
    brand = row.get("brand")
    if not isinstance(brand, str) or not brand.strip():
        raise UsageError(f"{where}: brand is {brand!r}; it must be the name of a brand")
    start, end = (_time(where, name, row.get(name)) for name in ("start", "end"))
    if end <= start:
        raise UsageError(f"{where}: end is {row.get('end')!r}, which is not after start, {row.get('start')!r}")
    kind = row.get("kind") or Kind.NEGATIVE
    try:
        return Incident(start, end, brand.strip(), Kind(str(kind).strip().lower()))
    except ValueError:
        raise UsageError(f"{where}: kind is {kind!r}; it may be {', '.join(Kind)}") from None


def _time(where: str, name: str, written: Any) -> int:
    time = parse_time(written)
    if time is None:
        raise UsageError(f"{where}: {name} is {written!r}, which is not a time; write 2025-03-03T11:30:00Z")
    return int(time.timestamp())
