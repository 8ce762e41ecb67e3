"""``barometer compare``: one model against another, on texts that people have labelled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from model.evaluation.compare import Comparison, Difference


@click.command(
    epilog="""\b
Examples:
  barometer compare bundled runs/new --data val.tsv
  barometer compare bundled cardiffnlp/twitter-roberta-base-sentiment-latest --data Tweets.csv --json"""
)
@click.argument("base")
@click.argument("other")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labelled texts: TSV, CSV or JSONL. Neither model may have been trained on them.",
)
@click.option("--text-column", help="Column of the text, if its name is unusual.")
@click.option("--label-column", help="Column of the label, if its name is unusual.")
@click.option("--labels", default="", help="What the file's labels mean: 0=negative,1=positive.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N rows.")
@click.option("--threads", type=click.IntRange(min=0), help="CPU threads; 0 means all cores.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(
    *,
    base: str,
    other: str,
    data: Path,
    text_column: str | None,
    label_column: str | None,
    labels: str,
    limit: int | None,
    threads: int | None,
    as_json: bool,
) -> None:
    """Tell whether model OTHER is better than model BASE, or whether the difference may be chance.

    A model is 'bundled', a folder, or the name of one on the hub. Both label
    the same texts; macro recall and accuracy are compared in pairs, with a 95%
    interval of the difference and McNemar's exact test.
    """
    import numpy as np
    from rich.console import Console

    from infra.settings import load_settings
    from model.engines import load_from_settings
    from model.evaluation.cli import judge, require_evaluate_extra
    from model.evaluation.compare import compare as compare_labels
    from model.evaluation.report import describe_data
    from model.labelled import read_labelled
    from model.labels import parse_mapping

    require_evaluate_extra()
    declared = parse_mapping(labels, where="--labels")
    texts = read_labelled(data, text_column=text_column, label_column=label_column, limit=limit, declared=declared)
    notes = Console(stderr=True, highlight=False, markup=False)
    for note in describe_data(texts):
        notes.print(note)
    judged: list[dict[str, Any]] = []
    predicted = []
    for name in (base, other):
        classifier = load_from_settings(load_settings(model=name, threads=threads))
        try:
            metrics, run = judge(classifier, texts)
            info = classifier.info
        finally:
            classifier.close()
        predicted.append(run.predictions.labels)
        judged.append(
            {
                "model": info.name,
                "version": info.version,
                "engine": info.engine,
                "macro_recall": round(metrics.macro_recall, 5),
                "accuracy": round(metrics.accuracy, 5),
                "ece": round(metrics.ece, 5),
                "texts_per_s": round(run.texts_per_s, 1),
            }
        )
    found = compare_labels(predicted[0], predicted[1], np.array(texts.labels, dtype=np.intp))
    if as_json:
        click.echo(json.dumps({"data": data.name, "base": judged[0], "other": judged[1], **found.as_dict()}))
        return
    _print(Console(highlight=False), judged, found, data.name)


def _print(console: Console, judged: list[dict[str, Any]], found: Comparison, data: str) -> None:
    from rich.table import Table

    from model.labels import LABELS

    console.print(f"{data}: {found.n:,} texts", markup=False)
    table = Table("", "base", "other", "difference (95%)")
    for name in ("model", "version", "engine"):
        table.add_row(name, *(str(one[name]) for one in judged), "")
    for name, difference in (("macro_recall", found.macro_recall), ("accuracy", found.accuracy)):
        table.add_row(name.replace("_", " "), *(f"{one[name]:.4f}" for one in judged), _points(difference))
    table.add_row("calibration error", *(f"{one['ece']:.4f}" for one in judged), "")
    ratio = judged[1]["texts_per_s"] / judged[0]["texts_per_s"]
    table.add_row("texts/s", *(f"{one['texts_per_s']:,.0f}" for one in judged), f"{ratio:.2f} x")
    console.print(table)
    changed = Table("base \\ other", *LABELS, title="labels of both", title_justify="left")
    for label, row in zip(LABELS, found.changed, strict=True):
        changed.add_row(label, *(f"{count:,}" for count in row))
    console.print(changed)
    console.print(
        f"{found.same_label:.1%} have the same label. Only the base is right on {found.only_base:,} texts, only the "
        f"other on {found.only_other:,}; by chance alone they would differ so with probability {found.chance:.2g}."
    )
    console.print(f"By macro recall the other is: {found.verdict}.")


def _points(difference: Difference) -> str:
    value, low, high = (100 * number for number in (difference.value, difference.low, difference.high))
    return f"{value:+.2f} points ({low:+.2f} to {high:+.2f})"
