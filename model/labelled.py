"""Labelled files: texts with the label a person gave them.

TSV without quoting, CSV or JSONL; UTF-8 with or without a byte-order mark,
UTF-16, else Windows-1252 or Latin-1. Two layouts without a header are known:
Sentiment140 (``target,id,date,query,user,text``) and SemEval (``id label text``).
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from infra.errors import UsageError
from model.labels import LABELS, Label, label_of

TEXT_COLUMNS = ("text", "tweet", "content", "sentence")
LABEL_COLUMNS = ("label", "airline_sentiment", "sentiment", "target")
SENTIMENT140_COLUMNS = ("target", "id", "date", "query", "user", "text")
SEMEVAL_COLUMNS = ("id", "label", "text")

SCHEMES: dict[str, dict[str, Label]] = {
    "TweetEval numbers": {"0": "negative", "1": "neutral", "2": "positive"},
    "signs": {"-1": "negative", "0": "neutral", "1": "positive"},
    "Sentiment140 numbers": {"0": "negative", "2": "neutral", "4": "positive"},
    "two classes": {"0": "negative", "1": "positive"},
}
"""Numbers as labels. A file is read by the one scheme that holds all its numbers; when several do, none is guessed."""

_NUMBER = re.compile(r"(-?\d+)(?:\.0+)?")


class LabelledFileError(UsageError):
    """A labelled file cannot be used; the message names the file, the place and the fix."""


@dataclass(frozen=True)
class LabelledTexts:
    """Parallel lists: ``labels[i]`` is the index into LABELS of ``texts[i]``.

    ``groups[i]`` is what its row has in the group column, if one was named.
    ``mapping``: what each label found in the file was taken for. ``unreadable``:
    rows left out, counted by the label they had.
    """

    texts: list[str]
    labels: list[int]
    mapping: dict[str, Label] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


class _Row(NamedTuple):
    """One row of a file; ``label`` as written. A row that lacks a field has the label ``(missing)``."""

    text: str
    label: str
    group: str = ""


_MISSING = _Row("", "(missing)")


class _Wanted(NamedTuple):
    """Names of columns, as given with flags."""

    text: str | None
    label: str | None
    group: str | None

    def find(self, path: Path, header: Sequence[str]) -> list[int]:
        """Positions of text, label and, if one is named, group."""
        found = [
            _position(path, header, self.text, TEXT_COLUMNS, "--text-column"),
            _position(path, header, self.label, LABEL_COLUMNS, "--label-column"),
        ]
        return found if self.group is None else [*found, _position(path, header, self.group, (), "--by")]


def read_labelled(
    path: Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    limit: int | None = None,
    declared: Mapping[str, Label] | None = None,
) -> LabelledTexts:
    """Read the first ``limit`` rows whose label is understood; ``declared`` says what labels mean, over any guess.

    Raises LabelledFileError when the file or a column cannot be read, when no
    label is understood, or when numbers could mean two things.
    """
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            rows = _rows(path, file, _Wanted(text_column, label_column, group_column))
            kept = list(rows if limit is None else _first_readable(rows, limit, declared or {}))
            values = {row.label for row in kept}
            if limit is not None and not (declared or {}) and len(_fitting(values)) > 1:
                values |= {row.label for row in rows}  # the rest of the file may tell which scheme it is
    except OSError as error:
        raise LabelledFileError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeError as error:
        raise LabelledFileError(f"{path} is not text in any known encoding ({error}); save it as UTF-8") from error
    except csv.Error as error:
        raise LabelledFileError(f"{path} is not a readable CSV or TSV file: {error}") from error
    if not kept:
        raise LabelledFileError(f"{path} has no rows with a text and a label")
    mapping = _mapping(path, values, declared or {})
    unreadable = Counter(row.label for row in kept if row.label not in mapping)
    kept = [row for row in kept if row.label in mapping]
    texts = [row.text for row in kept]
    labels = [LABELS.index(mapping[row.label]) for row in kept]
    groups = [row.group for row in kept] if group_column else []
    if not texts:
        found = ", ".join(repr(value) for value, _ in unreadable.most_common(8))
        raise LabelledFileError(
            f"no label in {path} is understood; it has {found}; say what they mean with --labels NAME=LABEL,..."
        )
    used = {value: label for value, label in mapping.items() if value in values}
    return LabelledTexts(texts, labels, dict(sorted(used.items())), dict(unreadable.most_common()), groups)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        for encoding in ("utf-8-sig", "cp1252"):
            file.seek(0)
            decoder = codecs.getincrementaldecoder(encoding)()
            try:
                for chunk in iter(lambda: file.read(1 << 20), b""):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
            return encoding
    return "latin-1"


def _rows(path: Path, file: IO[str], wanted: _Wanted) -> Iterator[_Row]:
    first = file.readline()
    while first and not first.strip():
        first = file.readline()
    file.seek(0)
    if first.lstrip("\ufeff").lstrip().startswith("{"):
        yield from _json_rows(path, file, wanted)
        return
    tabs = "\t" in first
    reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if tabs else csv.reader(file)
    header = next((row for row in reader if row), [])
    without_header = _known_layout(header)
    body: Iterator[list[str]] = reader
    if without_header:
        body = itertools.chain([header], reader)
        header = list(without_header)
    text, label, *group = wanted.find(path, header)
    for row in body:
        if row:
            whole = len(row) > max(text, label, *group)
            yield _Row(row[text], _value(row[label]), *(row[at] for at in group)) if whole else _MISSING


def _json_rows(path: Path, file: IO[str], wanted: _Wanted) -> Iterator[_Row]:
    columns: list[str] = []
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise LabelledFileError(f"{path} line {number} is not JSON: {error}") from error
        if not isinstance(row, dict):
            raise LabelledFileError(f"{path} line {number} is not a JSON object")
        if not columns:
            names = list(row)
            columns = [names[at] for at in wanted.find(path, names)]
        text, label, *group = (row.get(column) for column in columns)
        if isinstance(text, str) and label is not None and None not in group:
            yield _Row(text, _value(str(label)), *(str(value) for value in group))
        else:
            yield _MISSING


def _known_layout(first: Sequence[str]) -> tuple[str, ...] | None:
    """The columns of a file whose first row is already data; None when the first row is a header."""
    if len(first) == 6 and first[0] in SCHEMES["Sentiment140 numbers"] and first[1].isdecimal():
        return SENTIMENT140_COLUMNS
    if len(first) == 3 and first[0].isdecimal() and label_of(first[1]):
        return SEMEVAL_COLUMNS
    return None


def _position(path: Path, header: Sequence[str], wanted: str | None, known: Sequence[str], flag: str) -> int:
    if wanted is not None:
        if wanted not in header:
            raise LabelledFileError(f"{path} has no column {wanted!r}; its columns are {', '.join(header)}")
        return header.index(wanted)
    lowered = [name.strip().casefold() for name in header]
    for name in known:
        if name in lowered:
            return lowered.index(name)
    raise LabelledFileError(
        f"{path} has none of the columns {', '.join(known)}, but {', '.join(header) or 'nothing'}; name one with {flag}"
    )


def _value(written: str) -> str:
    """A label as it is counted and mapped: trimmed, and 4.0 as 4."""
    written = written.strip()
    number = _NUMBER.fullmatch(written)
    return number.group(1) if number else written


def _first_readable(rows: Iterator[_Row], limit: int, declared: Mapping[str, Label]) -> Iterator[_Row]:
    left = limit
    for row in rows:
        if left <= 0:
            return
        yield row
        left -= row.label in declared or label_of(row.label) is not None or _NUMBER.fullmatch(row.label) is not None
        if left <= 0:
            return


def _fitting(values: set[str]) -> list[str]:
    """Names of the schemes that hold every number in ``values`` that any scheme knows."""
    numbers = {value for value in values if any(value in scheme for scheme in SCHEMES.values())}
    if not numbers or any(label_of(value) for value in values):
        return []
    return [name for name, scheme in SCHEMES.items() if numbers <= scheme.keys()]


def _mapping(path: Path, values: set[str], declared: Mapping[str, Label]) -> dict[str, Label]:
    if declared:
        return dict(declared)
    named = {value: label for value in values if (label := label_of(value))}
    if named:
        return named
    fitting = _fitting(values)
    numbers = sorted(value for value in values if any(value in scheme for scheme in SCHEMES.values()))
    if len(fitting) == 1:
        return SCHEMES[fitting[0]]
    if numbers:
        meanings = ", ".join(fitting) or "no known scheme"
        example = ",".join(
            f"{number}={label}" for number, label in zip(numbers, ("negative", "positive"), strict=False)
        )
        raise LabelledFileError(
            f"the labels {', '.join(numbers)} in {path} fit {meanings}; say what they mean, as in --labels {example}"
        )
    return {}
