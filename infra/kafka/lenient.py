r"""Reading records whose header names are not UTF-8.

Kafka takes any bytes for a header name, and a client that is not written in
Java can send them. aiokafka decodes names strictly, so that one such record
ends the consumer of everyone who meets it, again after each restart. Here its
odd bytes become ``\xNN``, as in Python's ``backslashreplace``.

Touches of aiokafka: ``consumer.fetcher.MemoryRecords``, the two batch readers
of ``record.default_records`` and ``_read_msg`` of the one in Python;
tests/unit/infra/kafka/test_lenient.py fails when a new version changes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


def read_leniently() -> None:
    """From now on no consumer of this process stumbles over a header name."""
    fetcher.MemoryRecords = LenientRecords


class LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]  # final for aiokafka's own sake
    """What one fetch brought of a partition, batch by batch. Records are read by aiokafka's compiled reader."""

    def next_batch(self, *args: Any) -> Any:
        raw = self._next_slice
        batch = super().next_batch(*args)
        return _LenientBatch(batch, raw) if isinstance(batch, DefaultRecordBatch) else batch


class _LenientBatch:
    """A batch that is read again in Python from the record on at whose header names the compiled reader gave up."""

    def __init__(self, batch: Any, raw: Any) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:  # for control batches
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        last = -1
        try:
            for record in self._batch:
                last = record.offset
                yield record
        except UnicodeDecodeError:
            batch = _DefaultRecordBatchPy(bytearray(self._raw))
            batch._maybe_uncompress()  # noqa: SLF001
            batch._buffer = _Buffer(batch._buffer)  # noqa: SLF001
            yield from (record for record in batch if record.offset > last)


class _Buffer(bytearray):
    """Its slices decode leniently: ``_read_msg`` decodes nothing but header names."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Name(found) if isinstance(place, slice) else found


class _Name(bytes):
    def decode(self, *_args: Any, **_kwargs: Any) -> str:
        return super().decode("utf-8", "backslashreplace")
