"""Running a model over a batch so that one bad text costs only itself. Pure but for the model and the waits.

``infra.errors`` says which errors may pass, which are a text's and which are
not: the first are tried again, on the whole batch and on a text alone; then the
batch is halved until the text at fault stands alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from infra.attempts import attempt
from infra.errors import Action, RecordError, Step, policy_of
from model.prediction import Classifier, Predictions

Ask = Callable[[Sequence[str]], Predictions]

PATIENT_WITH = 8
"""After this many texts have failed alone, again and again, what ails the model does not pass: each further
text of the batch gets one attempt."""


@dataclass
class Labelled:
    """What came of a batch. Each text is in ``places`` or in ``failed``, by its index.

    ``rows[i]``: probabilities of text ``places[i]``, shape (3,), in the order of
    LABELS; ``truncated[i]``: whether it was longer than the model's window.
    """

    places: list[int] = field(default_factory=list)
    rows: list[NDArray[np.float32]] = field(default_factory=list)
    truncated: list[bool] = field(default_factory=list)
    failed: dict[int, RecordError] = field(default_factory=dict)


def label_carefully(
    classifier: Classifier, texts: Sequence[str], sleep: Callable[[float], object] = time.sleep
) -> Labelled:
    """Label a batch; texts on which the model raises end in ``failed``, in their order as the others.

    Raises what the policies say stops the worker, such as MemoryError.
    """
    done = Labelled()
    if texts:
        run = _Run(classifier, texts, sleep, done)
        run.label(range(len(texts)), run.patiently)
    return done


@dataclass(frozen=True)
class _Run:
    classifier: Classifier
    texts: Sequence[str]
    sleep: Callable[[float], object]
    done: Labelled

    def label(self, places: Sequence[int], ask: Ask) -> None:
        """Label the texts at ``places`` by ``ask``, halving them where it raises."""
        try:
            predictions = ask([self.texts[place] for place in places])
        except Exception as error:  # noqa: BLE001  the policy of each is looked up
            if len(places) == 1:
                self._give_up(places[0], error)
                return
            middle = len(places) // 2
            for half in (places[:middle], places[middle:]):
                patient = len(half) == 1 and len(self.done.failed) < PATIENT_WITH
                self.label(half, self.patiently if patient else self.classifier.classify)
        else:
            self.done.places += places
            self.done.rows += list(predictions.probabilities)
            self.done.truncated += predictions.truncated.tolist()

    def patiently(self, texts: Sequence[str]) -> Predictions:
        """Ask the model; errors that may pass are waited out."""
        return attempt(lambda: self.classifier.classify(texts), Step.COMPUTE, self.sleep)

    def _give_up(self, place: int, error: Exception) -> None:
        policy = policy_of(error, Step.COMPUTE)
        if policy.action is Action.STOP:
            raise error
        message = f"the model failed: {type(error).__name__}: {error}"
        self.done.failed[place] = RecordError(policy.reason, message)
