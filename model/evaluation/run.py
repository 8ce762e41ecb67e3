"""Label a file's texts with a classifier, timed, in steps that can show progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model.labelled import LabelledTexts
from model.prediction import Classifier, Predictions

STEP = 1_024
"""Texts labelled in one call: enough to fill the engine, few enough for a bar that moves."""


@dataclass(frozen=True)
class Run:
    """Predictions of all texts, and how fast they came (texts per second, loading not counted)."""

    predictions: Predictions
    texts_per_s: float


def label_texts(classifier: Classifier, data: LabelledTexts, advance: Callable[[int], None] = lambda _: None) -> Run:
    """Classify every text of ``data``; ``advance`` is told how many more are done."""
    classifier.classify(data.texts[:16])  # first calls compile kernels
    parts = []
    started = time.perf_counter()
    for start in range(0, len(data.texts), STEP):
        texts = data.texts[start : start + STEP]
        parts.append(classifier.classify(texts))
        advance(len(texts))
    elapsed = time.perf_counter() - started
    predictions = Predictions(
        probabilities=np.concatenate([part.probabilities for part in parts]),
        truncated=np.concatenate([part.truncated for part in parts]),
    )
    return Run(predictions, len(data.texts) / elapsed)
