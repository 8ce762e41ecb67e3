"""``barometer evaluate``: judge a model on a labelled file."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.errors import MissingExtraError

if TYPE_CHECKING:
    from model.evaluation.metrics import Metrics
    from model.labelled import LabelledTexts
    from model.prediction import Classifier


@click.command(
    epilog="""\b
Examples:
  barometer evaluate --data val.tsv
  barometer evaluate --data Tweets.csv --plots plots/ --json
  barometer evaluate --data val.tsv --model cardiffnlp/twitter-roberta-base-sentiment-latest"""
)
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Labelled texts: TSV, CSV or JSONL.",
)
@click.option("--model", help="'bundled', a folder, or the name of a model on the hub.")
@click.option("--engine", type=click.Choice(["auto", "openvino", "torch"]), help="What runs the model.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), help="For the torch engine.")
@click.option("--threads", type=click.IntRange(min=0), help="CPU threads; 0 means all cores.")
@click.option("--model-labels", help="What the model's labels mean: LABEL_0=negative,LABEL_1=positive.")
@click.option("--text-column", help="Column of the text, if its name is unusual.")
@click.option("--label-column", help="Column of the label, if its name is unusual.")
@click.option("--labels", default="", help="What the file's labels mean: 0=negative,1=positive.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first N rows.")
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Write PNG plots into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    data: Path,
    text_column: str | None,
    label_column: str | None,
    labels: str,
    limit: int | None,
    plots: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Judge a model on texts that people have labelled.

    Prints macro recall (the figure to quote), accuracy, precision, recall, F1
    and AUC of each label, the confusion matrix and the calibration error.
    Labels are read by name, or as 0/1/2, -1/0/1 or 0/2/4; what was assumed is said.
    """
    from rich.console import Console

    from infra.settings import load_settings
    from model.engines import load_from_settings
    from model.evaluation.report import describe_data, print_metrics
    from model.labelled import read_labelled
    from model.labels import parse_mapping

    require_evaluate_extra()
    settings = load_settings(**flags)
    declared = parse_mapping(labels, where="--labels")
    texts = read_labelled(data, text_column=text_column, label_column=label_column, limit=limit, declared=declared)
    notes = Console(stderr=True, highlight=False, markup=False)
    for note in describe_data(texts):
        notes.print(note)
    classifier = load_from_settings(settings)
    try:
        metrics, curves, speed = judge(classifier, texts)
    finally:
        classifier.close()
    info = classifier.info
    if plots:
        from model.evaluation.plots import save_plots

        for path in save_plots(metrics, curves, plots, title=f"{info.name} on {data.name}"):
            notes.print(f"wrote {path}")
    if as_json:
        found = {"model": info.name, "version": info.version, "engine": info.engine, "data": data.name}
        reading = {"label_mapping": texts.mapping, "unreadable_rows": sum(texts.unreadable.values())}
        click.echo(json.dumps({**found, **metrics.as_dict(), "texts_per_s": round(speed, 1), **reading}))
        return
    console = Console(highlight=False)
    title = f"{info.name} {info.version} ({info.engine}) on {data.name}: {metrics.n:,} texts, {speed:,.0f}/s"
    console.print(title, markup=False)
    print_metrics(console, metrics)


def judge(classifier: Classifier, texts: LabelledTexts) -> tuple[Metrics, dict[str, Any], float]:
    """Metrics, ROC curves and texts per second of ``classifier``, with a progress bar on a terminal."""
    import numpy as np
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from model.evaluation.metrics import compute_metrics, roc_curves
    from model.evaluation.run import label_texts

    console = Console(stderr=True)
    columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("labelling", total=len(texts.texts))
        run = label_texts(classifier, texts, lambda done: progress.advance(task, done))
    truth = np.array(texts.labels, dtype=np.intp)
    probabilities = run.predictions.probabilities
    return compute_metrics(probabilities, truth), roc_curves(probabilities, truth), run.texts_per_s


def require_evaluate_extra() -> None:
    """Raise MissingExtraError unless scikit-learn and matplotlib are there."""
    if find_spec("sklearn") is None or find_spec("matplotlib") is None:
        raise MissingExtraError("evaluation", "evaluate")
