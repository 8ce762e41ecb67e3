"""Records are read whatever their header names are; others as before."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchBuilderPy
from aiokafka.record.memory_records import MemoryRecords

from infra.kafka.lenient import LenientRecords, read_leniently
from tests.odd_names import OddName

GZIP, LZ4, ZSTD = 1, 3, 4


def batch(names: list[list[str]], compression: int = 0) -> bytes:
    """Records with these header names, as they lie on a broker."""
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1 << 20)
    for offset, headers in enumerate(names):
        builder.append(offset, 0, b"key", b"value %d" % offset, [(name, b"\xfe") for name in headers])
    return bytes(builder.build())


def read(records: Any) -> list[tuple[int, bytes, list[tuple[str, bytes]]]]:
    found = []
    while records.has_next():
        part = records.next_batch()
        assert part.validate_crc()
        found += [(record.offset, record.value, list(record.headers)) for record in part]
    return found


@pytest.mark.parametrize("compression", [0, GZIP, LZ4, ZSTD])
def test_odd_header_names_cost_nothing_but_their_odd_bytes(compression: int) -> None:
    raw = batch([["fine"], ["fine", OddName(b"a\xff")], [], [OddName(b"\xc3("), "ü"]], compression)
    assert read(LenientRecords(raw)) == [
        (0, b"value 0", [("fine", b"\xfe")]),
        (1, b"value 1", [("fine", b"\xfe"), ("a\\xff", b"\xfe")]),
        (2, b"value 2", []),
        (3, b"value 3", [("\\xc3(", b"\xfe"), ("ü", b"\xfe")]),
    ]


@pytest.mark.parametrize("compression", [0, LZ4])
def test_others_are_read_as_before(compression: int) -> None:
    raw = batch([["a", "ü", "a"], []], compression) + batch([["b"]], compression)
    assert read(LenientRecords(raw)) == read(MemoryRecords(raw))


def test_aiokafka_still_needs_it() -> None:
    """Fails when aiokafka reads such names by itself: then infra.kafka.lenient can go."""
    with pytest.raises(UnicodeDecodeError):
        read(MemoryRecords(batch([[OddName(b"\xff")]])))


def test_what_is_replaced_in_aiokafka_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "MemoryRecords", fetcher.MemoryRecords)  # put back afterwards
    assert fetcher.MemoryRecords is MemoryRecords
    read_leniently()
    assert fetcher.MemoryRecords is LenientRecords
    assert isinstance(MemoryRecords(batch([["a"]])).next_batch(), DefaultRecordBatch)
