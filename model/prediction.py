"""The contract between whoever has texts and whoever can label them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from infra.errors import BarometerError
from model.labels import LABELS, Label


class ModelError(BarometerError):
    """A model cannot be loaded, or gave an answer that is none; the message names the model and the fix."""


@dataclass(frozen=True)
class ModelInfo:
    """Identity of a loaded model. ``version`` changes whenever a label may; ``tuning``, in words, changes no label."""

    name: str
    version: str
    engine: str
    tuning: str = ""


class Prediction(NamedTuple):
    """What a classifier says of one text. ``probabilities``: by label, to six digits; ``confidence``: the label's."""

    label: Label
    confidence: float
    probabilities: dict[Label, float]
    truncated: bool


@dataclass(frozen=True)
class Predictions:
    """What a classifier says of n texts.

    ``probabilities``: float32, shape (n, 3), columns in the order of LABELS,
    each row summing to 1. ``truncated``: bool, shape (n,), true where a text
    was longer than the model's window.
    """

    probabilities: NDArray[np.float32]
    truncated: NDArray[np.bool_]

    @property
    def labels(self) -> NDArray[np.intp]:
        """Indices into LABELS, shape (n,)."""
        best: NDArray[np.intp] = self.probabilities.argmax(axis=1)
        return best

    def each(self) -> list[Prediction]:
        """The same, one by one: for callers of few texts."""
        said = []
        for row, best, truncated in zip(self.probabilities, self.labels, self.truncated, strict=True):
            probabilities = {label: round(float(share), 6) for label, share in zip(LABELS, row, strict=True)}
            label = LABELS[best]
            said.append(Prediction(label, probabilities[label], probabilities, bool(truncated)))
        return said


class Classifier(Protocol):
    """Raw texts in, probabilities out.

    Batch-invariant: alone or in any batch, a text gets the same probabilities
    to 0.01, and the same label unless its two best lie closer than that. It
    normalises texts itself, accepts any str (also the empty one), and may be
    called from several threads at once.
    """

    @property
    def info(self) -> ModelInfo: ...

    def classify(self, texts: Sequence[str]) -> Predictions:
        """Label ``texts``, in their order. Raises ModelError when the model's answer is not finite."""

    def close(self) -> None:
        """Give memory and threads back; the classifier cannot be used after."""


def softmax(logits: NDArray[np.float32], temperature: float = 1.0) -> NDArray[np.float32]:
    """Probabilities of ``logits`` (shape (n, k)) over ``temperature`` (Guo et al. 2017); rows sum to 1."""
    scaled = logits.astype(np.float32) / np.float32(temperature)
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True, initial=-np.inf))
    shares: NDArray[np.float32] = powers / powers.sum(axis=1, keepdims=True)
    return shares
