"""A classifier whose answer is a function of the text alone, in no time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from model.prediction import ModelInfo, Predictions

POISON = "poison"
WINDOW_CHARS = 200


class FixedClassifier:
    """Probabilities from a digest of the text. Raises ValueError on any batch with POISON in a text."""

    info = ModelInfo("fixed", "1", "test")

    def classify(self, texts: Sequence[str]) -> Predictions:
        if any(POISON in text for text in texts):
            raise ValueError("poisoned")
        digests = [list(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:3]) for text in texts]
        shares = np.array(digests, dtype=np.float32).reshape(len(texts), 3) + 1
        truncated = np.array([len(text) > WINDOW_CHARS for text in texts], dtype=np.bool_)
        return Predictions((shares / shares.sum(axis=1, keepdims=True)).astype(np.float32), truncated)

    def close(self) -> None:
        pass
