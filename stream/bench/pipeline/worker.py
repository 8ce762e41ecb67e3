"""A real worker that writes down what it uses: ``python -m stream.bench.pipeline.worker FILE``.

With ``--constant`` the model is a classifier that takes no time worth
mentioning, so that what is left is the cost of everything else.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model.bench.rounds import peak_mb
from model.prediction import Classifier, ModelInfo, Predictions

TELL_EVERY_S = 0.1


class ConstantClassifier:
    """Labels by the length of a text: the same work for every one, a microsecond or less."""

    info = ModelInfo("constant", "1", "none")

    def classify(self, texts: Sequence[str]) -> Predictions:
        labels = np.fromiter(map(len, texts), np.intp, len(texts)) % 3
        probabilities = np.full((len(texts), 3), 0.1, np.float32)
        probabilities[np.arange(len(texts)), labels] = 0.8
        return Predictions(probabilities, np.zeros(len(texts), np.bool_))

    def close(self) -> None:
        pass


def tell(file: Path) -> None:
    """Write a line every TELL_EVERY_S: milliseconds since 1970, CPU seconds so far, largest resident set in MB."""
    with file.open("a", buffering=1, encoding="ascii") as lines:
        while True:
            lines.write(f"{time.time_ns() // 1_000_000} {time.process_time():.3f} {peak_mb():.1f}\n")
            time.sleep(TELL_EVERY_S)


def _main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("usage", type=Path)
    options.add_argument("--constant", action="store_true")
    chosen: Any = options.parse_args()
    threading.Thread(target=tell, args=(chosen.usage,), name="usage", daemon=True).start()

    from infra.logs import set_up_logging
    from infra.settings import load_settings

    settings = load_settings()
    set_up_logging(settings)

    def load() -> Classifier:
        from model.engines import load_from_settings

        return ConstantClassifier() if chosen.constant else load_from_settings(settings, warm=True)

    from stream.worker import work

    work(settings, load)


if __name__ == "__main__":
    _main()
