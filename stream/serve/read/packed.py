"""A window of one minute in some 90 bytes instead of 2 KB of objects, and sixty of them compressed to an hour."""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from itertools import repeat
from math import isnan, nan
from typing import Any

from model.quantification import wilson
from stream.records import MILLION, PANE_S, Counts, Window, WindowBaseline

HOUR_S = 3_600
_HEAD = struct.Struct("<3IB3QIIIIBBH")
"""Counts, flags, sums, mean confidence in millionths, uncertain, late, authors; lengths: models, cells, sketch."""
_COUNTS = struct.Struct("<3I")
_FLAGS_AT = _COUNTS.size
_CELL = struct.Struct("<BI")
_BASELINE = struct.Struct("<5d")
_ENTRY = struct.Struct("<BI")
_CLOSED, _HAS_BASELINE = 1, 2
_MOST_MODELS = 255


def counts_of(packed: bytes) -> tuple[int, int, int]:
    """Tweets by label, in the order of LABELS."""
    negative, neutral, positive = _COUNTS.unpack_from(packed)
    return negative, neutral, positive


def is_closed(packed: bytes) -> bool:
    """Whether its minute was over when this was written."""
    return bool(packed[_FLAGS_AT] & _CLOSED)


def seal(minutes: Mapping[int, bytes]) -> bytes:
    """The packed minutes of one hour, by start, compressed."""
    parts = []
    for start in sorted(minutes):
        packed = minutes[start]
        parts += [_ENTRY.pack(start % HOUR_S // PANE_S, len(packed)), packed]
    return zlib.compress(b"".join(parts), 1)


def unseal(hour: int, sealed: bytes) -> Iterator[tuple[int, bytes]]:
    """What ``seal`` was given, in order; ``hour`` counts hours since 1970."""
    raw, at = zlib.decompress(sealed), 0
    while at < len(raw):
        minute, length = _ENTRY.unpack_from(raw, at)
        at += _ENTRY.size
        yield hour * HOUR_S + minute * PANE_S, raw[at : at + length]
        at += length


class Packer:
    """Packs and unpacks; versions of models are written once, here."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}

    def pack(self, fields: Mapping[str, Any]) -> bytes:
        """The fields of a window's JSON. Raises KeyError, TypeError, ValueError or struct.error when it is none."""
        counts, sums, cells = fields["counts"], fields["probability_sums"], fields.get("cells") or {}
        sketch = b64decode(fields.get("author_sketch") or "")
        models = bytes(self._number(str(name)) for name in fields["models"][:_MOST_MODELS])
        baseline: Mapping[str, Any] | None = fields.get("baseline")
        total = counts["negative"] + counts["neutral"] + counts["positive"]
        if total < 1:
            raise ValueError("a window has at least one tweet")
        head = _HEAD.pack(
            counts["negative"],
            counts["neutral"],
            counts["positive"],
            (_CLOSED if fields["status"] == "closed" else 0) | (_HAS_BASELINE if baseline else 0),
            sums["negative"],
            sums["neutral"],
            sums["positive"],
            round(fields.get("mean_confidence", 0.0) * MILLION),
            fields.get("uncertain", 0),
            fields.get("late", 0),
            fields.get("authors", 0),
            len(models),
            len(cells),
            len(sketch),
        )
        tail = b"" if not baseline else _BASELINE.pack(*map(baseline.get, _BASELINE_FIELDS, repeat(nan)))
        return b"".join((head, models, *(_CELL.pack(int(cell), n) for cell, n in cells.items()), sketch, tail))

    def window(self, brand: str, start: int, packed: bytes) -> Window:
        """The record that was packed, but for its ``schema_version``."""
        fields = _HEAD.unpack_from(packed)
        counts, flags, sums = fields[:3], fields[3], fields[4:7]
        confidence, uncertain, late, authors, models, cells, sketch = fields[7:]
        names_at = _HEAD.size
        cells_at = names_at + models
        sketch_at = cells_at + cells * _CELL.size
        total = sum(counts)
        low, high = wilson(counts[0], total)
        return Window.model_construct(
            brand=brand,
            start=dt.datetime.fromtimestamp(start, dt.UTC),
            end=dt.datetime.fromtimestamp(start + PANE_S, dt.UTC),
            size_s=PANE_S,
            counts=Counts.model_construct(negative=counts[0], neutral=counts[1], positive=counts[2]),
            probability_sums=Counts.model_construct(negative=sums[0], neutral=sums[1], positive=sums[2]),
            cells=dict(_CELL.iter_unpack(packed[cells_at:sketch_at])),
            net_sentiment=round((counts[2] - counts[0]) / total, 6),
            negative_share=round(counts[0] / total, 6),
            negative_share_low=round(low, 6),
            negative_share_high=round(high, 6),
            mean_confidence=confidence / MILLION,
            uncertain=uncertain,
            authors=authors,
            author_sketch=b64encode(packed[sketch_at : sketch_at + sketch]).decode(),
            revision=total,
            late=late,
            status="closed" if flags & _CLOSED else "open",
            models=[self._names[number] for number in packed[names_at:cells_at]],
            baseline=self.baseline(packed),
        )

    @staticmethod
    def baseline(packed: bytes) -> WindowBaseline | None:
        """What was expected of the minute, where the detector knew."""
        if not packed[_FLAGS_AT] & _HAS_BASELINE:
            return None
        values = _BASELINE.unpack_from(packed, len(packed) - _BASELINE.size)
        known = (None if isnan(value) else value for value in values)
        return WindowBaseline.model_construct(**dict(zip(_BASELINE_FIELDS, known, strict=True)))

    def _number(self, name: str) -> int:
        """Of a model's version. After 255 of them, which nobody has, the oldest one's is used again."""
        number = self._numbers.get(name)
        if number is None:
            number = len(self._names) % 256
            self._names[number : number + 1] = [name]
            self._numbers = {known: at for at, known in enumerate(self._names)}
        return number


_BASELINE_FIELDS = tuple(WindowBaseline.model_fields)
