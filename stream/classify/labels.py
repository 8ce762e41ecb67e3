"""Running the model over a batch so that one bad text costs only itself. Pure but for the model and the waits.

``infra.errors`` says which errors may pass, which are a text's and which are
not: the first are tried again, on the whole batch and on a text alone; then the
batch is halved until the text at fault stands alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.attempts import attempt
from infra.errors import Action, RecordError, Step, policy_of
from model.prediction import Classifier, Predictions
from stream.classify.outcome import Bad, Decoded

log = logging.getLogger(__name__)
Ask = Callable[[Sequence[str]], Predictions]

PATIENT_WITH = 8
"""After this many texts have failed alone, again and again, what ails the model does not pass: each further
text of the batch gets one attempt."""


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
    done = Classified()
    if tweets:
        run = _Run(classifier, sleep, done)
        run.classify(tweets, run.patiently)
    return done


@dataclass(frozen=True)
class _Run:
    classifier: Classifier
    sleep: Callable[[float], object]
    done: Classified

    def classify(self, tweets: Sequence[Decoded], ask: Ask) -> None:
        """Label ``tweets`` by ``ask``, halving them where it raises."""
        try:
            predictions = ask([tweet.text for _record, tweet in tweets])
        except Exception as error:  # noqa: BLE001  the policy of each is looked up
            if len(tweets) == 1:
                self._give_up(tweets[0], error)
                return
            middle = len(tweets) // 2
            for half in (tweets[:middle], tweets[middle:]):
                patient = len(half) == 1 and len(self.done.failed) < PATIENT_WITH
                self.classify(half, self.patiently if patient else self.classifier.classify)
        else:
            self.done.tweets += tweets
            self.done.rows += list(predictions.probabilities)
            self.done.truncated += int(predictions.truncated.sum())

    def patiently(self, texts: Sequence[str]) -> Predictions:
        """Ask the model; errors that may pass are waited out."""
        return attempt(lambda: self.classifier.classify(texts), Step.COMPUTE, self.sleep)

    def _give_up(self, decoded: Decoded, error: Exception) -> None:
        record, tweet = decoded
        policy = policy_of(error, Step.COMPUTE)
        if policy.action is Action.STOP:
            raise error
        log.warning("the model failed on tweet %r: %r", tweet.id, error)
        self.done.failed.append(
            (record, RecordError(policy.reason, f"the model failed: {type(error).__name__}: {error}"))
        )
