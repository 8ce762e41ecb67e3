"""Labelled files: texts with the label a person gave them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from model.labels import LABELS

TEXT_COLUMNS = ("text", "tweet", "content", "sentence")
LABEL_COLUMNS = ("label", "airline_sentiment", "sentiment", "target")


class LabelledFileError(ValueError):
    """A labelled file cannot be used; the message names the file, the place and the fix."""


@dataclass(frozen=True)
class LabelledTexts:
    """Parallel lists: ``labels[i]`` is the index into LABELS of ``texts[i]``."""

    texts: list[str]
    labels: list[int]


def read_labelled(
    path: Path, *, text_column: str | None = None, label_column: str | None = None, limit: int | None = None
) -> LabelledTexts:
    """Read a TSV (tab-separated, no quoting) or CSV file with a header.

    Raises LabelledFileError when a column or a label is not understood.
    """
    texts: list[str] = []
    labels: list[int] = []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            first = file.readline()
            file.seek(0)
            if "\t" in first:
                rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                rows = csv.DictReader(file)
            header = rows.fieldnames or []
            text_name = text_column or _pick(path, header, TEXT_COLUMNS, "--text-column")
            label_name = label_column or _pick(path, header, LABEL_COLUMNS, "--label-column")
            for missing in {text_name, label_name} - set(header):
                raise LabelledFileError(f"{path} has no column {missing!r}; its columns are {', '.join(header)}")
            for row in rows:
                label = (row[label_name] or "").strip().lower()
                if label not in LABELS:
                    raise LabelledFileError(
                        f"{path} line {rows.line_num}: label {label!r} is none of {', '.join(LABELS)}"
                    )
                texts.append(row[text_name] or "")
                labels.append(LABELS.index(label))
                if limit is not None and len(texts) >= limit:
                    break
    except OSError as error:
        raise LabelledFileError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LabelledFileError(f"{path} is not UTF-8 at byte {error.start}; convert it first") from error
    if not texts:
        raise LabelledFileError(f"{path} has no rows below its header")
    return LabelledTexts(texts, labels)


def _pick(path: Path, header: Sequence[str], known: tuple[str, ...], flag: str) -> str:
    for name in known:
        if name in header:
            return name
    raise LabelledFileError(f"{path} has none of the columns {', '.join(known)}; name one with {flag}")
