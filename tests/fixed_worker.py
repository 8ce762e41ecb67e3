"""A real worker around a classifier whose labels are a function of the text alone.

Run as ``python -m tests.fixed_worker DELAY_S``: where tests break the flow, the
model is not the point, and the delay (for each batch) makes a backlog last.
The options do to a worker from inside what cannot be done to it from outside.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infra.logs import set_up_logging
from infra.settings import Settings, load_settings
from model.prediction import Classifier, ModelInfo, Predictions

POISON = "poison"
"""The classifier raises on texts that contain this."""


class FixedClassifier:
    """Labels by checksum. ``name`` is on every record that it labels, so that its worker is known by it."""

    def __init__(self, delay_s: float = 0, name: str = "fixed") -> None:
        self.info = ModelInfo(name, "1", "checksum")
        self._delay_s = delay_s

    def classify(self, texts: Sequence[str]) -> Predictions:
        time.sleep(self._delay_s)
        probabilities = np.full((len(texts), 3), 0.1, np.float32)
        for row, text in zip(probabilities, texts, strict=True):
            row[label_of(_checked(text))] = 0.8
        return Predictions(probabilities, np.zeros(len(texts), dtype=np.bool_))

    def close(self) -> None:
        pass


class Bundled:
    """The model that ships, failing on poison too, under the name of its worker."""

    def __init__(self, settings: Settings, name: str) -> None:
        from model.remembering import load_remembering

        self._model = load_remembering(settings)
        self.info = ModelInfo(name, self._model.info.version, self._model.info.engine)

    def classify(self, texts: Sequence[str]) -> Predictions:
        return self._model.classify([_checked(text) for text in texts])

    def close(self) -> None:
        self._model.close()


class Paced:
    """Slows a classifier down to what a file says, in seconds for each text; the file may change at any time."""

    def __init__(self, classifier: Classifier, pace: Path) -> None:
        self._classifier = classifier
        self._pace = pace
        self.info = classifier.info

    def classify(self, texts: Sequence[str]) -> Predictions:
        time.sleep(float(self._pace.read_text()) * len(texts))
        return self._classifier.classify(texts)

    def close(self) -> None:
        self._classifier.close()


def label_of(text: str) -> int:
    """Index of the label that every text gets here."""
    return zlib.crc32(text.encode()) % 3


def _checked(text: str) -> str:
    if POISON in text:
        raise ValueError("this text is poison")
    return text


def _fill_disk() -> None:
    """From here on this process cannot write one byte to any file, as on a full disk; pipes and sockets work."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
            file.flush()
    except OSError:
        return
    raise AssertionError("the disk is not full")


def _main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("delay_s", type=float, help="seconds for each batch")
    options.add_argument("--name", default="fixed", help="of the model, in every record it labels")
    options.add_argument("--pace", type=Path, help="a file with seconds for each text")
    options.add_argument("--bundled", action="store_true", help="label with the model that ships")
    options.add_argument("--no-disk", action="store_true", help="nothing can be written to any file")
    options.add_argument("--bug", help="break a promise on purpose: a name from tests.chaos.bugs")
    chosen = options.parse_args()
    if chosen.no_disk:
        _fill_disk()
    if chosen.bug:
        from tests.chaos.bugs import BUGS

        BUGS[chosen.bug]()
    settings = load_settings()
    set_up_logging(settings)

    def load() -> Classifier:
        fixed = FixedClassifier(chosen.delay_s, chosen.name)
        classifier = Bundled(settings, chosen.name) if chosen.bundled else fixed
        return Paced(classifier, chosen.pace) if chosen.pace else classifier

    from stream.worker import work

    work(settings, load)


if __name__ == "__main__":
    _main()
