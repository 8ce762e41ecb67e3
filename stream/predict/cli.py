"""``barometer predict``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stream.replay.cli import FILE, file_options, one_character


@click.command(
    epilog="""\b
Examples:
  barometer predict tweets.csv --out labelled.csv
  barometer predict export.jsonl.gz --out labelled.parquet --text-column body
  barometer predict tweets.parquet --out labelled.jsonl.gz --json | jq .labels
"""
)
@click.argument("path", metavar="FILE", type=FILE)
@click.option(
    "--out",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to; ends in .csv, .tsv, .jsonl (these also with .gz) or .parquet.",
)
@click.option("--model", metavar="NAME", help="'bundled', a folder, or the name of a model on the hub.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the first N rows.")
@click.option("--overwrite", is_flag=True, help="Replace --out if it is there already.")
@click.option("--restart", is_flag=True, help="Begin anew instead of going on where an earlier run stopped.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@file_options
def predict(as_json: bool, **asked: Any) -> None:
    """Label every row of a file, without Kafka.

    FILE is anything that `barometer replay` reads: CSV, JSON Lines or Parquet,
    plain or gzip. All its columns are kept, and what the model says is added:
    label, confidence, negative, neutral, positive (probabilities), truncated
    (longer than the model's window) and model_version; with predicted_ before
    each name if the file has one of them already.

    A row that cannot be read, or has no text, is shown with its line and the
    reason, and left out.

    Interrupted, by Ctrl-C or in any other way, the same command goes on where
    it stopped. The output gets its name when it is complete.
    """
    from stream.predict.command import run

    asked["format"] = asked.pop("format_")
    asked["header"] = {None: "auto", True: "yes", False: "no"}[asked["header"]]
    asked["delimiter"] = one_character(asked["delimiter"])
    run(asked, as_json=as_json)
