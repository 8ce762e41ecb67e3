"""A measured classifier says the same, and tells of every call."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from prometheus_client import REGISTRY

from model.measured import Measured
from model.prediction import ModelInfo, Predictions


class Scripted:
    """Says what it was given; an empty text makes it fail."""

    closed = False

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("scripted", "1", "none")

    def classify(self, texts: Sequence[str]) -> Predictions:
        if "" in texts:
            raise RuntimeError("no text")
        rows = np.array([[0.7, 0.2, 0.1] if "bad" in text else [0.05, 0.05, 0.9] for text in texts], np.float32)
        return Predictions(rows, np.array([len(text) > 9 for text in texts]))

    def close(self) -> None:
        self.closed = True


def told(name: str, /, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"barometer_{name}", labels) or 0


def test_texts_labels_confidence_and_truncation_are_counted() -> None:
    names = ("texts_total", "truncated_total", "inference_seconds_count")
    measured = Measured(Scripted())
    before = [told(name) for name in names]
    negatives, sure = (
        told("labels_total", label="negative"),
        told("confidence_ratio_bucket", label="positive", le="0.9"),
    )
    said = measured.classify(["bad", "good", "good and long"])
    assert said.labels.tolist() == [0, 2, 2]
    assert [told(name) for name in names] == [before[0] + 3, before[1] + 1, before[2] + 1]
    assert told("labels_total", label="negative") == negatives + 1
    assert told("confidence_ratio_bucket", label="positive", le="0.9") == sure + 2
    assert told("model_info", name="scripted", version="1", engine="none") == 1


def test_a_call_that_fails_is_counted_and_fails() -> None:
    scripted = Scripted()
    measured = Measured(scripted)
    before, texts = told("model_errors_total"), told("texts_total")
    with pytest.raises(RuntimeError):
        measured.classify(["good", ""])
    assert told("model_errors_total") == before + 1
    assert told("texts_total") == texts
    measured.close()
    assert scripted.closed
