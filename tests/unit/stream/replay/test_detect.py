"""What a file is, told by its bytes."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import random
import struct
from pathlib import Path

import pytest

from infra.errors import UsageError
from stream.replay.detect import Content, detect
from tests.unit.stream.replay.files import options_for, read

HEADER = "id,created_at,text\n"
ROW = "{},2026-03-02 09:30:00,{}\n"


def rows(*texts: str) -> str:
    return HEADER + "".join(ROW.format(number, text) for number, text in enumerate(texts, start=1))


def found(folder: Path, content: str | bytes, **options: str) -> Content:
    return detect(options_for(folder, content, **options))


def test_a_file_of_utf8_is_read_as_such_with_and_without_its_mark(tmp_path: Path) -> None:
    text = rows("schön 😀")
    for content in (text.encode(), b"\xef\xbb\xbf" + text.encode()):
        tweets, rejected = read(tmp_path, content)
        assert ([tweet.text for tweet in tweets], rejected) == (["schön 😀"], {})
        assert tweets[0].id == "1", "the mark is no part of the first column's name"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_told_by_mark_or_by_their_zeros(tmp_path: Path, encoding: str) -> None:
    tweets, rejected = read(tmp_path, rows("schön 😀", "plain").encode(encoding))
    assert ([tweet.text for tweet in tweets], rejected) == (["schön 😀", "plain"], {})


@pytest.mark.parametrize(("encoding", "odd"), [("latin-1", "café"), ("cp1252", "it\x92s a caf\xe9")])
def test_one_odd_byte_at_the_end_of_a_large_file_decides_the_encoding(tmp_path: Path, encoding: str, odd: str) -> None:
    odd = odd.replace("\x92", "\N{RIGHT SINGLE QUOTATION MARK}")
    text = rows(*["nothing but ASCII here " * 50] * 1_000, odd)
    content = found(tmp_path, text.encode(encoding))
    assert (content.encoding, content.odd_bytes) == (encoding, False)
    assert len(content.sample) < len(text)
    tweets, rejected = read(tmp_path, text.encode(encoding), order="file")
    assert (tweets[-1].text, rejected) == (odd, {})


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "Очень плохой сервис, задержали рейс на три часа"),
        ("shift_jis", "今日は飛行機が遅れました。最悪です。本当に困りました"),
        ("cp1253", "Πολύ κακή εξυπηρέτηση, η πτήση καθυστέρησε πολύ"),
    ],
)
def test_scripts_other_than_latin_are_recognised(tmp_path: Path, encoding: str, text: str) -> None:
    tweets, rejected = read(tmp_path, rows(*[text.replace(",", "")] * 20).encode(encoding))
    assert ({tweet.text for tweet in tweets}, rejected) == ({text.replace(",", "")}, {})


def test_a_damaged_line_among_good_utf8_is_rejected_with_its_line_and_byte(tmp_path: Path) -> None:
    content = rows("schön", "naïve", "x", "früh").encode().replace(b",x\n", b",br\xffken\n")
    tweets, rejected = read(tmp_path, content)
    assert [tweet.text for tweet in tweets] == ["schön", "naïve", "früh"]
    assert rejected == {4: "byte 0xFF in it is not UTF-8"}


def test_the_encoding_that_was_asked_for_is_used_and_faults_are_rejected(tmp_path: Path) -> None:
    content = rows("caf\xe9", "plain").encode("latin-1")
    assert read(tmp_path, content, encoding="latin-1")[0][0].text == "café"
    assert read(tmp_path, content, encoding="iso-8859-5")[0][0].text == "cafщ"
    tweets, rejected = read(tmp_path, content, encoding="utf8")
    assert [tweet.text for tweet in tweets] == ["plain"]
    assert rejected == {2: "byte 0xE9 in it is not UTF-8"}


@pytest.mark.parametrize("name", ["klingon", "rot13", "hex"])
def test_an_encoding_that_does_not_exist_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"encoding '{name}' is not known; for example utf-8"):
        found(tmp_path, rows("x"), encoding=name)


def test_gzip_is_told_by_content_and_a_packed_file_is_the_same_file(tmp_path: Path) -> None:
    text = rows("good").encode()
    packed, plain = found(tmp_path, gzip.compress(text)), found(tmp_path, text)
    assert (packed.gzipped, plain.gzipped) == (True, False)
    assert packed.digest == plain.digest == hashlib.sha256(text).hexdigest()
    assert read(tmp_path, gzip.compress(text)) == read(tmp_path, text)


@pytest.mark.parametrize(
    ("start", "format_"),
    [("id,text\n1,x\n", "csv"), ('{"text": "x"}\n', "jsonl"), ('\ufeff \n{"text": "x"}\n', "jsonl"), ("a\n", "csv")],
)
def test_the_format_is_told_by_the_first_character(tmp_path: Path, start: str, format_: str) -> None:
    assert found(tmp_path, start).format == format_


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b" \n\r\n", "is empty"),
        (b"PK\x03\x04....", "is a zip archive or an Excel workbook: unpack it"),
        (b"BZh91AY", "is compressed with bzip2"),
        (b"\xfd7zXZ\x00", "is compressed with xz"),
        (b"\x28\xb5\x2f\xfd\x00", "is compressed with zstd"),
        (b"%PDF-1.7", "is a PDF"),
        (gzip.compress(b"id,text\n" * 1000, mtime=0)[:-20], r"is damaged gzip \(.*\); make or download it again"),
        (b"\x1f\x8b\x08garbage-that-is-not-gzip", "is damaged gzip"),
        (b'[{"text": "x"}]', "is one JSON array; write an object on each line: jq"),
        (b"PAR1 and then nothing", "cannot be read as Parquet"),
        (b"id,text\n", "has no rows"),
        (b"{not json}\n{neither}\n", "is not JSONL, one object on each line; line 1: not a JSON object"),
    ],
)
def test_a_file_that_holds_no_tweets_is_named_with_what_to_do(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read(tmp_path, content)


def test_a_folder_or_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        detect(options_for(tmp_path, b"").__class__(tmp_path))
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        detect(options_for(tmp_path, b"").__class__(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    "content",
    [
        random.Random(1).randbytes(5_000),
        bytes(5_000),
        b"\x7fELF\x02\x01\x01" + bytes(9) + b"text, and, more\n" * 3 + bytes(40),
        pickle.dumps({"text": list(range(1_000))}),
        struct.pack("<500f", *(number / 7 for number in range(500))),
    ],
    ids=["random", "zeros", "program", "pickle", "numbers"],
)
def test_what_is_no_text_is_refused_as_a_whole(tmp_path: Path, content: bytes) -> None:
    """Row by row, parts of it would pass for tweets."""
    for kind in ("auto", "csv", "jsonl"):
        with pytest.raises(UsageError, match="is not a text file"):
            found(tmp_path, content, format=kind)


def test_a_nul_or_two_cost_their_rows_only(tmp_path: Path) -> None:
    tweets, rejected = read(tmp_path, rows("late", "la\0te", "late"))
    assert [tweet.id for tweet in tweets] == ["1", "3"]
    assert rejected == {3: "a NUL byte in it"}
