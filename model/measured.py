"""A classifier that tells the metrics what it does; for programs that run, not for tools."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

from infra import metrics
from model.labels import LABELS
from model.prediction import Classifier, ModelInfo, Predictions


class Measured:
    """``classifier``, with every call counted: texts, labels, confidence, time, failures."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        info = classifier.info
        metrics.MODEL.begin()
        metrics.MODEL_INFO.labels(info.name, info.version, info.engine).set(1)
        self._labels = [metrics.LABELLED.labels(label) for label in LABELS]
        self._confidence = [metrics.CONFIDENCE.labels(label) for label in LABELS]

    @property
    def info(self) -> ModelInfo:
        return self._classifier.info

    def classify(self, texts: Sequence[str]) -> Predictions:
        started = perf_counter()
        try:
            said = self._classifier.classify(texts)
        except BaseException:
            metrics.MODEL_ERRORS.inc()
            raise
        finally:
            metrics.INFERENCE_SECONDS.observe(perf_counter() - started)
        metrics.TEXTS.inc(len(texts))
        metrics.TRUNCATED.inc(int(said.truncated.sum()))
        for row, best in zip(said.probabilities.tolist(), said.labels.tolist(), strict=True):
            self._labels[best].inc()
            self._confidence[best].observe(row[best])
        return said

    def close(self) -> None:
        self._classifier.close()
