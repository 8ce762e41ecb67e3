"""A real worker around a classifier whose labels are a function of the text alone.

Run as ``python -m tests.fixed_worker DELAY_S``: where tests break the flow, the
model is not the point, and the delay (for each batch) makes a backlog last.
"""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Sequence

import numpy as np

from infra.logs import set_up_logging
from infra.settings import load_settings
from model.prediction import ModelInfo, Predictions
from stream.worker import work

POISON = "poison"
"""The classifier raises on texts that contain this."""


class FixedClassifier:
    """Labels by checksum."""

    info = ModelInfo("fixed", "1", "checksum")

    def __init__(self, delay_s: float = 0) -> None:
        self._delay_s = delay_s

    def classify(self, texts: Sequence[str]) -> Predictions:
        time.sleep(self._delay_s)
        probabilities = np.full((len(texts), 3), 0.1, np.float32)
        for row, text in zip(probabilities, texts, strict=True):
            if POISON in text:
                raise ValueError("this text is poison")
            row[label_of(text)] = 0.8
        return Predictions(probabilities, np.zeros(len(texts), dtype=np.bool_))

    def close(self) -> None:
        pass


def label_of(text: str) -> int:
    """Index of the label that every text gets here."""
    return zlib.crc32(text.encode()) % 3


if __name__ == "__main__":
    delay = float(sys.argv[1])
    settings = load_settings()
    set_up_logging(settings)
    work(settings, lambda: FixedClassifier(delay))
