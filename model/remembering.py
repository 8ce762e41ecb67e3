"""A classifier that keeps the answers to the texts it saw last: retweets and copies cost nothing.

Texts are the same when they are so after ``model.normalise``, which is all that
a model sees of them: a retweet by another user, with another short link, is the
same text. What is kept are probabilities, equal to the last bit to what the
engine would say again, because an engine's answer does not depend on the texts
beside (``model.batching.packing``).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from infra import metrics
from infra.settings import Settings
from model.engines import load_from_settings
from model.labels import LABELS
from model.normalise import normalise
from model.prediction import Classifier, ModelInfo, Predictions

_KEY_BYTES = 16
_Answer = tuple[bytes, bool]
"""A row of probabilities as bytes, and whether the text was truncated: some 250 bytes with its key."""


class Remembering:
    """``classifier``, asked once for each of the ``most`` texts that were seen last; the oldest is forgotten first.

    Within one batch, too, equal texts are asked for once. A call that raises
    keeps nothing.
    """

    def __init__(self, classifier: Classifier, most: int) -> None:
        self._classifier = classifier
        self._most = most
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._lock = threading.Lock()
        self._hits = metrics.REMEMBERED.labels("hit")
        self._misses = metrics.REMEMBERED.labels("miss")

    @property
    def info(self) -> ModelInfo:
        return self._classifier.info

    def classify(self, texts: Sequence[str]) -> Predictions:
        keys = [_key(text) for text in texts]
        with self._lock:
            found = {key: self._answers[key] for key in keys if key in self._answers}
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in found}
        if new:
            said = self._classifier.classify(list(new.values()))
            rows = said.probabilities.astype(np.float32, copy=False)
            found |= {
                key: (row.tobytes(), truncated)
                for key, row, truncated in zip(new, rows, said.truncated.tolist(), strict=True)
            }
        self._hits.inc(len(texts) - len(new))
        self._misses.inc(len(new))
        with self._lock:
            self._keep(found)
        answers = [found[key] for key in keys]
        probabilities = np.frombuffer(b"".join(row for row, _truncated in answers), dtype=np.float32)
        return Predictions(
            probabilities=probabilities.reshape(len(texts), len(LABELS)),
            truncated=np.array([truncated for _row, truncated in answers], dtype=np.bool_),
        )

    def close(self) -> None:
        with self._lock:
            self._answers.clear()
        self._classifier.close()

    def _keep(self, seen: dict[bytes, _Answer]) -> None:
        self._answers.update(seen)
        for key in seen:
            self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)


def load_remembering(settings: Settings) -> Classifier:
    """For a process that stays: the classifier that the settings name, remembering as many texts as they say.

    Errors as in load_classifier.
    """
    classifier = load_from_settings(settings, warm=True)
    return Remembering(classifier, settings.label_cache) if settings.label_cache else classifier


def _key(text: str) -> bytes:
    return blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()
