"""``barometer evaluate``: judge a model on a labelled file."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from infra.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from model.evaluation.metrics import Metrics
    from model.evaluation.run import Run
    from model.labelled import LabelledTexts
    from model.prediction import Classifier, ModelInfo
    from model.quantification import Confusion


@click.command(
    epilog="""\b
Examples:
  barometer evaluate --data val.tsv
  barometer evaluate --data Tweets.csv --plots plots/ --json
  barometer evaluate --data Tweets.csv --by airline
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
@click.option("--by", metavar="COLUMN", help="Compare shares with those that people saw, for each value of a column.")
@click.option(
    "--confusion",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Errors to correct shares with, for --by; default: those that come with the model.",
)
@click.option(
    "--write-confusion",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the model's errors on this data, to correct shares with.",
)
@click.option(
    "--balanced-training", is_flag=True, help="For --write-confusion: training gave each label the same weight."
)
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Write PNG plots into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def evaluate(
    *,
    data: Path,
    text_column: str | None,
    label_column: str | None,
    labels: str,
    limit: int | None,
    by: str | None,
    confusion: Path | None,
    write_confusion: Path | None,
    balanced_training: bool,
    plots: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Judge a model on texts that people have labelled.

    With --by also how near the shares of labels in each group come to the truth,
    counted and corrected for the model's errors.

    Prints macro recall (the figure to quote), accuracy, precision, recall, F1
    and AUC of each label, the confusion matrix and the calibration error.
    Labels are read by name, or as 0/1/2, -1/0/1 or 0/2/4; what was assumed is said.
    """
    import numpy as np
    from rich.console import Console

    from infra.settings import load_settings
    from model.engines import load_from_settings
    from model.engines.folder import digest
    from model.evaluation.metrics import roc_curves
    from model.evaluation.report import describe_data, print_metrics, print_shares
    from model.evaluation.shares import compare_shares
    from model.labelled import read_labelled
    from model.labels import parse_mapping
    from model.quantification import measure
    from model.quantification import write_confusion as save_confusion

    require_evaluate_extra()
    settings = load_settings(**flags)
    declared = parse_mapping(labels, where="--labels")
    texts = read_labelled(
        data, text_column=text_column, label_column=label_column, group_column=by, limit=limit, declared=declared
    )
    notes = Console(stderr=True, highlight=False, markup=False)
    for note in describe_data(texts):
        notes.print(note)
    classifier = load_from_settings(settings)
    info = classifier.info
    try:
        errors = errors_to_correct(settings.model, info, confusion) if by else None
        metrics, run = judge(classifier, texts)
    finally:
        classifier.close()
    truth = np.array(texts.labels, dtype=np.intp)
    probabilities, speed = run.predictions.probabilities, run.texts_per_s
    shares = compare_shares(probabilities, truth, texts.groups, errors) if errors else None
    if write_confusion:
        trained = (1, 1, 1) if balanced_training else None
        named = {"model_version": info.version, "file": data.name, "sha256": digest(data)}
        save_confusion(measure(probabilities, truth, trained_prior=trained, **named), write_confusion)
        notes.print(f"wrote {write_confusion}")
    if plots:
        from model.evaluation.plots import save_plots

        for path in save_plots(metrics, roc_curves(probabilities, truth), plots, title=f"{info.name} on {data.name}"):
            notes.print(f"wrote {path}")
    if as_json:
        found = {"model": info.name, "version": info.version, "engine": info.engine, "data": data.name}
        reading = {"label_mapping": texts.mapping, "unreadable_rows": sum(texts.unreadable.values())}
        by_group = {"shares": shares.as_dict()} if shares else {}
        click.echo(json.dumps({**found, **metrics.as_dict(), "texts_per_s": round(speed, 1), **reading, **by_group}))
        return
    console = Console(highlight=False)
    title = f"{info.name} {info.version} ({info.engine}) on {data.name}: {metrics.n:,} texts, {speed:,.0f}/s"
    console.print(title, markup=False)
    print_metrics(console, metrics)
    if shares and by:
        print_shares(console, shares, by)


def judge(classifier: Classifier, texts: LabelledTexts) -> tuple[Metrics, Run]:
    """What ``classifier`` says of each text, and how good that is; with a progress bar on a terminal."""
    import numpy as np
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from model.evaluation.metrics import compute_metrics
    from model.evaluation.run import label_texts

    console = Console(stderr=True)
    columns = (TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("labelling", total=len(texts.texts))
        run = label_texts(classifier, texts, lambda done: progress.advance(task, done))
    return compute_metrics(run.predictions.probabilities, np.array(texts.labels, dtype=np.intp)), run


def errors_to_correct(model: str, info: ModelInfo, file: Path | None) -> Confusion:
    """The errors to correct shares with: those in ``file``, else those that come with the model.

    Raises UsageError when there are none.
    """
    from model.engines import BUNDLED, bundled_folder
    from model.quantification import read_confusion

    folder = bundled_folder() if model == BUNDLED else Path(model).expanduser()
    found = read_confusion(file or folder, model_version=info.version)
    if found is None:
        raise UsageError(
            f"nothing is known of the errors of model {info.name}; measure them on other labelled texts: "
            f"barometer evaluate --data OTHER --write-confusion FILE, then give --confusion FILE"
        )
    return found


def require_evaluate_extra() -> None:
    """Raise MissingExtraError unless scikit-learn and matplotlib are there."""
    if find_spec("sklearn") is None or find_spec("matplotlib") is None:
        raise MissingExtraError("evaluation", "evaluate")
