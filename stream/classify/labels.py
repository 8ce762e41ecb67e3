"""The model over a batch of decoded tweets: who is labelled, and who goes to the dead letters and why."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.batching.careful import label_carefully
from model.prediction import Classifier
from stream.classify.outcome import Bad, Decoded

log = logging.getLogger(__name__)


@dataclass
class Classified:
    """``rows[i]``: probabilities of ``tweets[i]``, shape (3,), in the order of LABELS."""

    tweets: list[Decoded] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)
    failed: list[Bad] = field(default_factory=list)
    truncated: int = 0


def classify(
    classifier: Classifier, tweets: Sequence[Decoded], sleep: Callable[[float], object] = time.sleep
) -> Classified:
    """Classify a batch; tweets on which the model raises end in ``failed``.

    Raises what the policies say stops the worker, such as MemoryError.
    """
    done = label_carefully(classifier, [tweet.text for _record, tweet in tweets], sleep)
    for place, why in done.failed.items():
        log.warning("tweet %r: %s", tweets[place][1].id, why.message)
    return Classified(
        tweets=[tweets[place] for place in done.places],
        rows=done.rows,
        failed=[(tweets[place][0], why) for place, why in done.failed.items()],
        truncated=sum(done.truncated),
    )
