"""What is known of a model's errors: ``confusion.json`` beside a model.

Beside the confusion matrix it says which class shares the model's probabilities
*assume*. A classifier's probability is a likelihood times an assumed prior; to
use it where shares differ, the prior is divided out (Saerens, Latinne and
Decaestecker 2002). A model trained with full class weights assumes equal shares.
The same can be measured on labelled texts: it is the prior that, divided out and
replaced by the texts' own shares, makes their likelihood largest (the bias of
Alexandari, Kundaje and Shrikumar 2020). Where both are known the first is used,
and their distance counts as uncertainty: texts from elsewhere will differ as much.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.errors import UsageError
from model.labels import LABELS
from model.prediction import ModelError

CONFUSION_FILE = "confusion.json"
LEAST_TEXTS = 20
"""Of each label, to say anything about errors on it."""

Three = tuple[float, float, float]


class MeasuredOn(BaseModel):
    """The labelled texts: never those the model was trained on."""

    model_config = ConfigDict(frozen=True)

    file: str | None = None
    sha256: str | None = None
    rows: int = Field(gt=0)


class Confusion(BaseModel):
    """``confusion.json``. Rows are true labels, columns what the model says; both in the order of LABELS."""

    model_config = ConfigDict(frozen=True)

    format_version: Literal[1] = 1
    model_version: str
    data: MeasuredOn
    counts: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]] = Field(
        description="texts by true label and by the model's"
    )
    mean_probabilities: tuple[Three, Three, Three] = Field(
        description="mean probability of each label, by the true one"
    )
    prior: Three = Field(description="class shares that the probabilities assume; used by the correction")
    prior_from: Literal["training", "evaluation"]
    measured_prior: Three = Field(description="the same, measured on the data")
    log_prior_covariance: tuple[tuple[float, float], tuple[float, float]] = Field(
        description="uncertainty of log(negative/neutral) and log(positive/neutral) of the prior"
    )

    @property
    def rates(self) -> NDArray[np.float64]:
        """P(the model says column | true label is row), shape (3, 3)."""
        counts = np.array(self.counts, dtype=np.float64)
        shares: NDArray[np.float64] = counts / counts.sum(axis=1, keepdims=True)
        return shares


def measure(
    probabilities: NDArray[Any],
    labels: NDArray[np.intp],
    *,
    model_version: str,
    trained_prior: Sequence[float] | None = None,
    file: str | None = None,
    sha256: str | None = None,
) -> Confusion:
    """Measure errors on texts with known ``labels`` (shape (n,)); ``probabilities`` has shape (n, 3).

    ``trained_prior``: the class shares that training made the model assume, if
    known. Raises UsageError when a label has fewer than 20 texts.
    """
    exact = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-9, 1)
    support = np.bincount(labels, minlength=len(LABELS))
    for label, count in zip(LABELS, support.tolist(), strict=True):
        if count < LEAST_TEXTS:
            raise UsageError(
                f"the data has {count} {label} texts; at least {LEAST_TEXTS} of each label are needed to measure errors"
            )
    said = exact.argmax(axis=1)
    everything = range(len(LABELS))
    measured, covariance = _fit_prior(exact, labels)
    prior = measured
    if trained_prior is not None:
        prior = np.asarray(trained_prior, dtype=np.float64) / sum(trained_prior)
        distance = _log_ratios(measured) - _log_ratios(prior)
        covariance = covariance + np.outer(distance, distance)
    return Confusion.model_validate(
        {
            "model_version": model_version,
            "data": {"file": file, "sha256": sha256, "rows": len(labels)},
            "counts": [
                np.bincount(said[labels == true], minlength=len(LABELS)).tolist() for true in range(len(LABELS))
            ],
            "mean_probabilities": [_rounded(exact[labels == true].mean(axis=0)) for true in everything],
            "prior": _rounded(prior),
            "prior_from": "evaluation" if trained_prior is None else "training",
            "measured_prior": _rounded(measured),
            "log_prior_covariance": [_rounded(row) for row in covariance],
        }
    )


def write_confusion(confusion: Confusion, path: Path) -> None:
    """Write ``confusion.json``, one field a line."""
    fields = confusion.model_dump(exclude_none=True).items()
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in fields)
    path.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


def read_confusion(path: Path, *, model_version: str | None = None) -> Confusion | None:
    """Read a confusion file, or the one in a model's folder; None when there is none.

    Raises ModelError when it is damaged, or measured with another model than ``model_version``.
    """
    file = path / CONFUSION_FILE if path.is_dir() else path
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from error
    again = "measure it again: barometer evaluate --data FILE --write-confusion FILE"
    try:
        confusion = Confusion.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "content"
        raise ModelError(f"{file} is damaged or of another version ({where}: {first['msg']}); {again}") from error
    if model_version is not None and confusion.model_version != model_version:
        raise ModelError(
            f"{file} was measured with model {confusion.model_version}, the model in use is {model_version}; {again}"
        )
    return confusion


def _fit_prior(exact: NDArray[np.float64], labels: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The prior that ``exact`` assume, and the covariance of its two log ratios to neutral.

    A logistic regression with nothing but two intercepts on top of the given
    log odds. Texts drawn by label would give the same intercepts up to the
    label shares, whose variance is taken off (Prentice and Pyke 1979).
    """
    free = [0, 2]
    truth = np.eye(len(LABELS))[labels]
    shift = np.zeros(2)
    for _ in range(50):
        weights = exact * np.exp(np.array([shift[0], 0.0, shift[1]]))
        fitted = weights / weights.sum(axis=1, keepdims=True)
        information = np.diag(fitted.sum(axis=0)) - fitted.T @ fitted
        step = np.linalg.solve(information[np.ix_(free, free)], (truth - fitted).sum(axis=0)[free])
        shift = shift + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    support = truth.sum(axis=0)
    log_prior = np.log(support[free] / support[1]) - shift
    by_label = np.diag(1 / support[free]) + 1 / support[1]
    covariance = np.linalg.inv(information[np.ix_(free, free)]) - by_label
    ratios = np.exp(np.array([log_prior[0], 0.0, log_prior[1]]))
    return ratios / ratios.sum(), covariance


def _log_ratios(prior: NDArray[np.float64]) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = np.log(prior[[0, 2]] / prior[1])
    return ratios


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 6) for value in values]
