"""``predict_file``: rows in, labelled parts out, the file at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from infra.errors import UsageError
from model.batching.careful import label_carefully
from model.labels import LABELS
from model.prediction import Classifier, ModelError, ModelInfo, Predictions
from stream.predict.formats import OutRow, format_of
from stream.predict.job import PART_ROWS, Job, Outcome
from stream.predict.table import ABSENT, Table, arrow_schema, table_of
from stream.replay.options import Rejected, ReplayOptions
from stream.replay.readers import Row
from stream.replay.rows import RowDecoder
from stream.replay.source import Source, open_source

T = TypeVar("T")
_LAYOUT = 1
"""Goes up when parts of an earlier version cannot be gone on from."""

_MOST_FAILURES = 0.5
"""Of the texts of a part: where the model fails on more, the fault is not the texts'."""


@dataclass(frozen=True)
class PredictOptions:
    """``source``: what is read and how; its ``limit`` counts rows. ``restart``: forget an interrupted run."""

    source: ReplayOptions
    out: Path
    overwrite: bool = False
    restart: bool = False


@dataclass(frozen=True)
class Predicted:
    """What was done. ``outcome`` counts the whole output; ``resumed``: rows that an earlier run had done."""

    outcome: Outcome
    resumed: int
    elapsed_s: float
    model: ModelInfo


@dataclass(frozen=True)
class Part:
    """Rows of the input: ``texts[i]`` is the text of ``rows[i]``. ``outcome``: what is known before labelling."""

    rows: list[Row]
    texts: list[str]
    outcome: Outcome


def predict_file(
    options: PredictOptions,
    load: Callable[[], Classifier],
    *,
    on_opened: Callable[[Source, int], None],
    on_part: Callable[[Outcome], None],
) -> Predicted:
    """Label a file. Interrupted at any point, the same call goes on where it stopped.

    ``on_opened`` gets the file and how many of its rows are done already;
    ``on_part`` what came of each part.

    Raises UsageError (a file that cannot be read, an output that exists or whose
    format its name does not say), ModelError, PredictError.
    """
    started = time.monotonic()
    _require_new(options)
    make_format = format_of(options.out)
    source = open_source(options.source)
    table = table_of(source)
    output = make_format(table, partial(_schema, source, table))
    classifier = load()
    try:
        identity = _identity(options, source, table, classifier.info)
        with Job(options.out, identity, restart=options.restart) as job:
            resumed = job.outcome.rows
            on_opened(source, resumed)
            labeller = Labeller(classifier, table, source.decoder())
            for part in _ahead(_parts(source, options.source.limit, resumed, labeller.read)):
                rows = labeller.label(part)
                job.add(lambda path, rows=rows: output.write(path, rows), part.outcome)  # type: ignore[misc]
                on_part(part.outcome)
            job.finish(output.join)
    finally:
        classifier.close()
    return Predicted(job.outcome, resumed, time.monotonic() - started, classifier.info)


@dataclass(frozen=True)
class Labeller:
    """Rows to rows with labels."""

    classifier: Classifier
    table: Table
    decoder: RowDecoder

    def read(self, rows: Sequence[Row | Rejected]) -> Part:
        """The rows that have a text, and what is wrong with the others."""
        part = Part([], [], Outcome(rows=len(rows)))
        for row in rows:
            if isinstance(row, Rejected):
                part.outcome.refuse(row.line, row.reason)
                continue
            text = self.decoder.text(row)
            if isinstance(text, Rejected):
                part.outcome.refuse(text.line, text.reason)
            else:
                part.rows.append(row)
                part.texts.append(text)
        return part

    def label(self, part: Part) -> list[OutRow]:
        """The rows of the output; counted in ``part.outcome``. Raises ModelError when the model fails on most."""
        done, outcome = label_carefully(self.classifier, part.texts), part.outcome
        if len(done.failed) > _MOST_FAILURES * len(part.texts):
            reason = next(iter(done.failed.values())).message
            raise ModelError(
                f"{reason} (on {len(done.failed):,} of {len(part.texts):,} texts); mend that and run the same command "
                "again, it goes on where it stopped"
            )
        for place, why in done.failed.items():
            outcome.refuse(part.rows[place].line, why.message)
        outcome.refused.sort()
        version = self.classifier.info.version
        said = Predictions(
            np.array(done.rows, dtype=np.float32).reshape(-1, len(LABELS)), np.array(done.truncated, dtype=np.bool_)
        ).each()
        written: list[OutRow] = []
        for place, prediction in zip(done.places, said, strict=True):
            row = part.rows[place]
            outcome.labels[prediction.label] += 1
            outcome.truncated += prediction.truncated
            for brand in self.decoder.brands(row):
                outcome.brands.setdefault(brand, Counter())[prediction.label] += 1
            kept = [row.fields.get(name, ABSENT) for name in self.table.names]
            shares = prediction.probabilities
            added = (prediction.label, prediction.confidence, *(shares[label] for label in LABELS))
            written.append([*kept, *added, prediction.truncated, version])
        return written


def _parts(
    source: Source, limit: int | None, done: int, read: Callable[[Sequence[Row | Rejected]], Part]
) -> Iterator[Part]:
    rows = islice(source.rows(), done, limit)
    while chunk := list(islice(rows, PART_ROWS)):
        yield read(chunk)


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The items, the next of which is made in a thread meanwhile."""
    with ThreadPoolExecutor(1, thread_name_prefix="read") as thread:
        coming = thread.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = thread.submit(next, items, None)
            yield item


def _require_new(options: PredictOptions) -> None:
    out, path = options.out, options.source.path
    if out.is_dir():
        raise UsageError(f"{out} is a folder; give --out the name of a file")
    if out.exists() and out.samefile(path):
        raise UsageError(f"--out is {path} itself; choose another name")
    if out.exists() and not options.overwrite:
        raise UsageError(f"{out} is there already; choose another name, or give --overwrite")


def _identity(options: PredictOptions, source: Source, table: Table, model: ModelInfo) -> dict[str, Any]:
    """All that the rows of the output depend on."""
    asked = options.source
    return {
        "layout": _LAYOUT,
        "file": source.content.digest,
        "reading": [asked.format, asked.encoding, asked.delimiter, asked.header, source.columns.describe()],
        "limit": asked.limit,
        "columns": table.columns,
        "model": [model.name, model.version, model.engine],
        "rows of a part": PART_ROWS,
        "format": options.out.suffixes[-2:],
    }


def _schema(source: Source, table: Table) -> Any:
    """The Parquet schema of the output; columns of a Parquet input keep their types."""
    if source.content.format != "parquet":
        return arrow_schema(table, None)
    import pyarrow.parquet as pq

    with source.content.open() as file:
        return arrow_schema(table, pq.read_schema(file))
