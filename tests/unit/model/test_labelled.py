from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model.labelled import LabelledFileError, read_labelled

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: str, *, name: str = "data.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode(encoding))
        return path

    return to_file


def test_tsv_is_read_without_quoting(write: Write) -> None:
    data = read_labelled(write('id\tlabel\ttext\n1\tnegative\t"odd quote\n2\tpositive\ta "b" c\n'))
    assert data.texts == ['"odd quote', 'a "b" c']
    assert data.labels == [0, 2]


def test_csv_keeps_quoted_commas_and_line_breaks(write: Write) -> None:
    data = read_labelled(write('text,airline_sentiment\r\n"one, two\nthree",Neutral\r\n'))
    assert data.texts == ["one, two\nthree"]
    assert data.labels == [1]


def test_jsonl_takes_words_and_numbers_as_labels(write: Write) -> None:
    rows = [{"label": 2, "text": "a"}, {"label": 0, "text": "b"}, {"label": 1, "text": "c"}]
    data = read_labelled(write("\n".join(map(json.dumps, rows)), name="data.jsonl"))
    assert (data.texts, data.labels) == (["a", "b", "c"], [2, 0, 1])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "latin-1"])
def test_every_usual_encoding_is_read(write: Write, encoding: str) -> None:
    data = read_labelled(write("label,text\npositive,très café\n", encoding=encoding))
    assert data.texts == ["très café"]


def test_sentiment140_needs_no_header_and_no_flags(write: Write) -> None:
    rows = ['"0","1467810369","Mon Apr 06","NO_QUERY","someone","so sad"', '"4","1467810370","Mon","NO","x","yay"']
    data = read_labelled(write("\n".join(rows), encoding="latin-1"))
    assert (data.texts, data.labels) == (["so sad", "yay"], [0, 2])
    assert data.mapping == {"0": "negative", "4": "positive"}


def test_semeval_needs_no_header(write: Write) -> None:
    data = read_labelled(write("123\tneutral\tfirst\n124\tpositive\tsecond\n"))
    assert data.texts == ["first", "second"]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["0", "1", "2"], [0, 1, 2]),
        (["-1", "0", "1"], [0, 1, 2]),
        (["0", "2", "4"], [0, 1, 2]),
        (["4.0", "0.0"], [2, 0]),
        (["2", "1"], [2, 1]),
        (["-1", "1"], [0, 2]),
        (["NEG", "Neu", "pos"], [0, 1, 2]),
    ],
)
def test_numbers_are_read_by_the_one_scheme_that_fits(write: Write, values: list[str], labels: list[int]) -> None:
    data = read_labelled(write("label,text\n" + "".join(f"{value},x\n" for value in values)))
    assert data.labels == labels


@pytest.mark.parametrize("values", [["0", "1"], ["0"], ["0", "2"], ["2"], ["-1", "2"], ["0", "1", "4"]])
def test_numbers_that_could_mean_two_things_are_not_guessed(write: Write, values: list[str]) -> None:
    path = write("label,text\n" + "".join(f"{value},x\n" for value in values))
    with pytest.raises(LabelledFileError, match="--labels"):
        read_labelled(path)
    declared = read_labelled(path, declared=dict.fromkeys(values, "negative"))
    assert declared.labels == [0] * len(values)


def test_a_limit_does_not_change_what_numbers_mean(write: Write) -> None:
    path = write("label,text\n0,a\n0,b\n1,c\n2,d\n")
    assert read_labelled(path, limit=2).labels == [0, 0]


def test_rows_with_unreadable_labels_are_counted_and_left_out(write: Write) -> None:
    data = read_labelled(write("label,text\npositive,a\nmixed,b\n,c\nmixed,d\nnegative,e\nshort\n"))
    assert data.texts == ["a", "e"]
    assert data.unreadable == {"mixed": 2, "": 1, "(missing)": 1}


def test_a_limit_counts_rows_that_can_be_used(write: Write) -> None:
    path = write("label,text\nmixed,a\npositive,b\nmixed,c\nnegative,d\nneutral,e\n")
    assert read_labelled(path, limit=2).texts == ["b", "d"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "none of the columns"),
        ("label,text\n", "no rows"),
        ("a,b\n1,2\n", "--text-column"),
        ("text,b\n1,2\n", "--label-column"),
        ("label,text\nhappy,x\nsad,y\n", "'happy'"),
        ('{"text": "a", "label": "negative"}\n{oops\n', "line 2"),
        ("[1, 2]\n", "none of the columns"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(write: Write, content: str, message: str) -> None:
    path = write(content)
    with pytest.raises(LabelledFileError, match=message) as caught:
        read_labelled(path)
    assert str(path) in str(caught.value)


def test_columns_can_be_named_and_must_exist(write: Write) -> None:
    path = write("body,mood\nhello,positive\n")
    assert read_labelled(path, text_column="body", label_column="mood").texts == ["hello"]
    with pytest.raises(LabelledFileError, match=r"no column 'txt'; its columns are body, mood"):
        read_labelled(path, text_column="txt", label_column="mood")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabelledFileError, match="cannot read"):
        read_labelled(tmp_path / "none.csv")
