"""Running the model over a batch so that one bad text costs only itself. Pure but for the model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.errors import BarometerError
from model.prediction import Classifier
from stream.classify.outcome import Bad, Decoded
from stream.decode import BadRecord

log = logging.getLogger(__name__)

HOPELESS_FROM = 8
"""A batch of at least this many tweets of which none can be classified is the model's fault, not theirs."""


class ModelError(BarometerError):
    """The model fails on everything; the worker must stop rather than divert the topic."""


@dataclass
class Classified:
    """``rows[i]``: probabilities of ``tweets[i]``, shape (3,), in the order of LABELS."""

    tweets: list[Decoded] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)
    failed: list[Bad] = field(default_factory=list)
    truncated: int = 0


def classify(classifier: Classifier, tweets: Sequence[Decoded]) -> Classified:
    """Classify a batch; tweets on which the model raises end in ``failed``.

    Raises ModelError when it raises on every one of many.
    """
    done = Classified()
    _classify(classifier, tweets, done)
    if not done.tweets and len(done.failed) >= HOPELESS_FROM:
        raise ModelError(
            f"model {classifier.info.name} {classifier.info.version} fails on every tweet, first: "
            f"{done.failed[0][1].message}; fix the model and start the worker again, nothing was acknowledged"
        )
    return done


def _classify(classifier: Classifier, tweets: Sequence[Decoded], done: Classified) -> None:
    """Halve a batch on which the model raises until the tweet at fault stands alone."""
    if not tweets:
        return
    try:
        predictions = classifier.classify([tweet.text for _record, tweet in tweets])
    except Exception as error:  # noqa: BLE001  whatever a model raises must not take its batch with it
        if len(tweets) > 1:
            middle = len(tweets) // 2
            _classify(classifier, tweets[:middle], done)
            _classify(classifier, tweets[middle:], done)
            return
        record, tweet = tweets[0]
        log.warning("the model failed on tweet %s: %r", tweet.id, error)
        done.failed.append((record, BadRecord("model_error", f"the model failed: {type(error).__name__}: {error}")))
    else:
        done.tweets += tweets
        done.rows += list(predictions.probabilities)
        done.truncated += int(predictions.truncated.sum())
