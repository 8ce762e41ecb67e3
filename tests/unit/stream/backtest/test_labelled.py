"""Files of labelled tweets: read fast where they are as expected, and judged as the stream does where they are not."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import orjson
import pytest

from infra.errors import UsageError
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.entry import Dead
from stream.backtest.labelled import is_labelled, read_labelled
from stream.decode import decode_labelled
from tests.labelled import labelled, watermark

RECORDS = [labelled(str(number), 61.5 * number, number, label=number % 3) for number in range(5)]


def tail_line(record: Any, **headers: str) -> bytes:
    value = orjson.Fragment(record.encode())
    return orjson.dumps({"topic": "tweets.labeled", "partition": 1, "offset": 7, "headers": headers, "value": value})


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.mark.parametrize("line", [lambda record: record.encode(), tail_line], ids=["records", "printed by tail"])
def test_records_are_read_as_the_stream_reads_them(line: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "labelled", *map(line, RECORDS))
    assert is_labelled(file)
    assert list(read_labelled(file)) == [LabelledTweet.of(record) for record in RECORDS]
    packed = tmp_path / "labelled.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert is_labelled(packed)
    assert list(read_labelled(packed)) == list(read_labelled(file))


def test_watermarks_and_blank_lines_are_no_tweets(tmp_path: Path) -> None:
    lines = [tail_line(watermark(60), type="watermark"), b"", tail_line(RECORDS[0]), b"  "]
    file = write(tmp_path / "labelled", *lines)
    assert is_labelled(file)
    assert list(read_labelled(file)) == [LabelledTweet.of(RECORDS[0])]


def changed(**fields: Any) -> dict[str, Any]:
    record: dict[str, Any] = orjson.loads(RECORDS[1].encode())
    for name, value in fields.items():
        place = record
        *outer, last = name.split("__")
        for key in outer:
            place = place[key]
        place[last] = value
    return record


ODD = [
    changed(tweet__id=12345),
    changed(tweet__author=99),
    changed(tweet__created_at="2024-05-01T12:00:00+02:00"),
    changed(tweet__created_at=1714550400),
    changed(tweet__created_at="2024-05-01"),
    changed(brand="  Acme "),
    changed(brand="New"),
    changed(confidence=1),
]
BAD = [
    changed(tweet__id=""),
    changed(tweet__text=None),
    changed(tweet__created_at="soon"),
    changed(tweet__created_at="1970-01-01T00:00:00Z"),
    changed(label="happy"),
    changed(confidence=1.5),
    changed(probabilities__negative="x"),
    changed(schema_version=2),
    changed(model=None),
    changed(brand="\u202e"),
    [1],
    "text",
]


@pytest.mark.parametrize("value", ODD, ids=str)
def test_odd_records_mean_what_they_mean_to_the_stream(value: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "labelled", RECORDS[0].encode(), orjson.dumps(value))
    assert list(read_labelled(file))[1] == LabelledTweet.of(decode_labelled(orjson.dumps(value)))


@pytest.mark.parametrize("value", BAD, ids=str)
def test_what_the_stream_would_not_count_is_dead_with_its_line(value: Any, tmp_path: Path) -> None:
    file = write(tmp_path / "labelled", RECORDS[0].encode(), orjson.dumps(value), RECORDS[2].encode())
    first, dead, last = read_labelled(file)
    assert (first, last) == (LabelledTweet.of(RECORDS[0]), LabelledTweet.of(RECORDS[2]))
    assert isinstance(dead, Dead)
    assert dead.line == 2
    assert dead.reason in {"invalid_field", "unknown_schema_version", "not_an_object"}


def test_half_a_line_is_dead(tmp_path: Path) -> None:
    file = write(tmp_path / "labelled", RECORDS[0].encode(), RECORDS[1].encode()[:50])
    _first, dead = read_labelled(file)
    assert isinstance(dead, Dead)
    assert (dead.line, dead.reason) == (2, "invalid_json")


@pytest.mark.parametrize(
    "content",
    [b"id,text\n1,hello\n", b'{"id": "1", "text": "hello"}\n', b"\x00\xff\n", b"", b"[]\n", b'{"value": 1}\n'],
)
def test_other_files_are_not_taken_for_labelled(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "tweets"
    file.write_bytes(content)
    assert not is_labelled(file)


def test_a_damaged_archive_is_told_in_a_sentence(tmp_path: Path) -> None:
    whole = gzip.compress(b"\n".join(record.encode() for record in RECORDS))
    file = tmp_path / "labelled.gz"
    file.write_bytes(whole[:-20])
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_labelled(file))
