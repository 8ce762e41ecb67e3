"""The contract between whoever has texts and whoever can label them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ModelInfo:
    """Identity of a loaded model. ``version`` changes whenever a label may."""

    name: str
    version: str
    engine: str


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


class Classifier(Protocol):
    """Raw texts in, probabilities out.

    Batch-invariant: alone or in any batch, a text gets the same probabilities
    to 0.01, and the same label unless its two best lie closer than that. It
    normalises texts itself, accepts any str (also the empty one) and is called
    from one thread at a time.
    """

    @property
    def info(self) -> ModelInfo: ...

    def classify(self, texts: Sequence[str]) -> Predictions: ...

    def close(self) -> None: ...
