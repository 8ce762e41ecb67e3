"""CSV as it is found: dialects, headers, and the many ways to be broken."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.errors import UsageError
from stream.replay.lines import MAX_LINE_CHARS, Lines, Record, read_records
from stream.replay.options import Rejected
from stream.replay.source import open_source
from tests.unit.stream.replay.files import options_for, read

HEADER = "id,created_at,text\n"
TIME = "2026-03-02 09:30:00"


def described(folder: Path, content: str) -> str:
    return open_source(options_for(folder, content)).describe()


@pytest.mark.parametrize(("delimiter", "name"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")])
def test_the_delimiter_is_told_whatever_the_texts_hold(tmp_path: Path, delimiter: str, name: str) -> None:
    texts = [f"late; very, late | {number}\tagain" for number in range(30)]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["id", "created_at", "text"])
    writer.writerows([number, TIME, text] for number, text in enumerate(texts))
    tweets, rejected = read(tmp_path, out.getvalue())
    assert ([tweet.text for tweet in tweets], rejected) == (texts, {})
    assert f"CSV ({name}, header)" in described(tmp_path, out.getvalue())


def test_an_unquoted_export_keeps_the_quotes_of_its_texts(tmp_path: Path) -> None:
    texts = ['"good" they said', 'he said "no', "plain", '"', '5" of rain']
    lines = [f"{number}\t{TIME}\t{text}\n" for number, text in enumerate(texts * 5)]
    tweets, rejected = read(tmp_path, "id\tcreated_at\ttext\n" + "".join(lines))
    assert ([tweet.text for tweet in tweets], rejected) == (texts * 5, {})


def test_backslash_escapes_are_told(tmp_path: Path) -> None:
    lines = [f'{number},{TIME},"she said \\"go, now\\""\n' for number in range(10)]
    tweets, rejected = read(tmp_path, HEADER + "".join(lines))
    assert ({tweet.text for tweet in tweets}, rejected) == ({'she said "go, now"'}, {})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_numbers_are_those_of_the_file_over_quoted_newlines(tmp_path: Path, end: str) -> None:
    rows = [
        f'1,{TIME},"two{end}lines"',
        f"2,{TIME},",
        f'3,{TIME},"three{end}{end}lines"',
        f"4,never,x{end}",
        f"5,{TIME},ok",
    ]
    tweets, rejected = read(tmp_path, end.join([HEADER.strip(), *rows]))
    assert [tweet.text for tweet in tweets] == [f"two{end}lines", f"three{end}{end}lines", "ok"]
    assert rejected.keys() == {4, 8}


def test_a_file_without_header_is_read_by_number_or_by_content(tmp_path: Path) -> None:
    rows = "".join(f"{10_000_000 + n},x,{TIME},the plane was late again {n}\n" for n in range(5))
    by_number, _ = read(tmp_path, rows, text_column="4", time_column="3", id_column="1")
    by_content, _ = read(tmp_path, rows)
    assert by_number == by_content
    assert by_content[0].id == "10000000"
    assert by_content[0].metadata == {"column_2": "x"}


def test_sentiment140_has_no_header_and_is_latin_1(tmp_path: Path) -> None:
    row = '"{}","{}","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","somebody","{}"\n'
    content = "".join(
        row.format(number % 3 * 2, 1_467_810_369 + number, f"caf\xe9, again {number}") for number in range(9)
    )
    path = options_for(tmp_path, content.encode("latin-1"))
    assert "no header), LATIN-1; columns: text, date as time, id, user as author" in open_source(path).describe()
    tweets, rejected = read(tmp_path, content.encode("latin-1"))
    assert rejected == {}
    assert tweets[0].text == "café, again 0"
    assert tweets[0].created_at.isoformat() == "2009-04-07T05:19:45+00:00"
    assert tweets[0].metadata == {"target": "0", "flag": "NO_QUERY"}


def test_sentiment140_is_latin_1_even_where_it_is_also_utf8_in_most_lines(tmp_path: Path) -> None:
    row = b'"0","%d","Mon Apr 06 22:19:45 PDT 2009","NO_QUERY","somebody","%s"\n'
    content = row % (1, "é".encode()) * 5 + row % (2, b"caf\xe9")
    tweets, rejected = read(tmp_path, content)
    assert (tweets[-1].text, len(tweets), rejected) == ("café", 6, {})


def test_a_column_of_texts_alone_is_one_column(tmp_path: Path) -> None:
    lines = ["good, really", "bad; very bad", "so | so", "no comma", "a, b, c"]
    for content in ("text\n" + "\n".join(lines), "\n".join(lines) + "\n"):
        tweets, rejected = read(tmp_path, content)
        assert ([tweet.text for tweet in tweets], rejected) == (lines, {})


def test_the_header_and_the_delimiter_can_be_said(tmp_path: Path) -> None:
    content = "x~y\nthe first text~1\nthe second text~2\n"
    tweets, _ = read(tmp_path, content, delimiter="~", header="no", text_column="1")
    assert [tweet.text for tweet in tweets] == ["x", "the first text", "the second text"]
    tweets, _ = read(tmp_path, content, delimiter="~", header="yes", text_column="x")
    assert [tweet.text for tweet in tweets] == ["the first text", "the second text"]
    with pytest.raises(UsageError, match="is not separated by ';'"):
        read(tmp_path, content, delimiter=";")


def test_every_broken_row_has_its_line_and_reason_and_none_stops_the_file(tmp_path: Path) -> None:
    rows = [
        f"1,{TIME},good",
        f"2,{TIME}",
        f"3,{TIME},too,many",
        f"4,{TIME},a\0b",
        f"5,{TIME},   ",
        f'6,{TIME},"never closed',
        f"7,{TIME},good,,",
        "",
        f"8,{TIME},{'x' * (MAX_LINE_CHARS + 5)}",
        f"9,{TIME},{'x' * 960_000}",
        "10,someday,x",
        f"11,{TIME},good",
    ]
    tweets, rejected = read(tmp_path, HEADER + "\n".join(rows), delimiter=",")
    assert [tweet.id for tweet in tweets] == ["1", "7", "11"]
    assert rejected == {
        3: "2 columns, where the header has 3",
        4: "4 columns, where the header has 3",
        5: "a NUL byte in it",
        6: "empty text: text is '   '",
        7: "a quote is opened here and not closed properly",
        10: "longer than 1,048,576 characters",
        11: "960,089 bytes as a record; Kafka takes 950,000",
        12: "time 'someday' cannot be read, and id '10' does not tell it",
    }


def test_a_quote_that_is_never_closed_costs_one_row_not_the_rest_of_the_file(tmp_path: Path) -> None:
    rows = [f'{number},{TIME},"text, {number}"' for number in range(2_000)]
    rows[100] = f'100,{TIME},"never closed'
    rows[1_999] = f'1999,{TIME},"never closed either'
    tweets, rejected = read(tmp_path, HEADER + "\n".join(rows))
    assert len(tweets) == 1_998
    assert rejected.keys() == {102, 2_001}


def test_a_stray_quote_that_swallows_the_next_row_to_the_right_width_is_noticed(tmp_path: Path) -> None:
    content = HEADER + f'1,{TIME},"lost\n2,{TIME},"kept"\n3,{TIME},x\n'
    tweets, rejected = read(tmp_path, content)
    assert [tweet.text for tweet in tweets] == ["kept", "x"]
    assert rejected.keys() == {2}


def test_a_line_that_never_ends_is_rejected_in_bounded_memory(tmp_path: Path) -> None:
    content = HEADER + f'1,{TIME},"{"x" * (3 * MAX_LINE_CHARS)}\n2,{TIME},good\n3,{TIME},"open {"y" * MAX_LINE_CHARS}'
    tweets, rejected = read(tmp_path, content)
    assert [tweet.id for tweet in tweets] == ["2"]
    assert rejected.keys() == {2, 4}


def test_a_header_with_nothing_readable_below_is_no_error_of_the_file(tmp_path: Path) -> None:
    tweets, rejected = read(tmp_path, HEADER + "1,2\n")
    assert (tweets, rejected) == ([], {2: "2 columns, where the header has 3"})


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=20))
def test_what_a_csv_writer_wrote_is_read_back_with_the_lines_it_starts_on(table: list[list[str]]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    starts = []
    for row in table:
        starts.append(1 + len(out.getvalue().replace("\r\n", "\n").replace("\r", "\n").split("\n")) - 1)
        writer.writerow(row)
    records = list(read_records(Lines(io.StringIO(out.getvalue(), newline="")), {}))
    assert [record.values for record in records if isinstance(record, Record)] == table
    assert [record.line for record in records] == starts


@settings(max_examples=300)
@given(st.text(st.sampled_from('ab,"\n'), max_size=60))
def test_any_quotes_are_survived_and_every_line_is_accounted_for(text: str) -> None:
    lines = text.splitlines(keepends=True)
    covered: list[int] = []
    for record in read_records(Lines(io.StringIO(text, newline="")), {}):
        covered.extend(
            [record.line] if isinstance(record, Rejected) else range(record.line, record.line + len(record.raw))
        )
    assert {number for number, line in enumerate(lines, start=1) if line.strip("\n")} <= set(covered)
    assert len(set(covered)) == len(covered)
