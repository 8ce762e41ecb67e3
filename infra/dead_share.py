"""A fuse: when too many of the recent records would be given up, something else is wrong than the records.

A bad deploy or a producer of another format must not divert a whole topic to
the dead letters (as arroyo's ``DlqLimit``). Pure bookkeeping, no clock.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from infra.errors import BarometerError
from infra.kafka.incoming import Incoming

LEAST_RECORDS = 20
"""Of fewer records than this nobody can say that too many are bad."""


class DeadShareError(BarometerError):
    """More records than allowed would be dead letters; the worker must stop rather than divert the topic."""


class DeadShare:
    """The fate of the last ``window`` records, and whether a batch may add its own.

    ``limit`` is the largest share of dead letters allowed, over 0 to 1; 1 allows
    everything.
    """

    def __init__(self, limit: float, window: int) -> None:
        self._limit = limit
        self._recent: deque[bool] = deque(maxlen=window)

    def require(self, dead: Sequence[bool], what: str) -> None:
        """Raise DeadShareError if a batch with these fates (true: dead) would exceed the limit.

        Judged are the last ``window`` records with the batch, and all of a batch
        that is larger. ``what`` names the dead ones in the message.
        """
        counted, bad = self._with(dead)
        if counted >= LEAST_RECORDS and bad > self._limit * counted:
            raise DeadShareError(
                f"{bad} of the last {counted} records would be dead letters, more than the share of {self._limit:g} "
                f"that BAROMETER_DEAD_SHARE_LIMIT allows ({what}); of this batch nothing was published or "
                "acknowledged: mend the producer or the model and start the worker again, or raise the limit"
            )

    def note(self, dead: Sequence[bool]) -> None:
        """Remember a batch whose fate is sealed."""
        self._recent.extend(dead)

    def _with(self, dead: Sequence[bool]) -> tuple[int, int]:
        before = max(0, (self._recent.maxlen or 0) - len(dead))
        kept = [*self._recent][-before:] if before else []
        return len(kept) + len(dead), sum(kept) + sum(dead)


def in_words(dead: Sequence[tuple[Incoming, str, str]]) -> str:
    """What is wrong with records, each with its reason and message: the reasons counted, and the first in full."""
    if not dead:
        return "none in this batch"
    counts = Counter(reason for _record, reason, _message in dead)
    reasons = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    record, _reason, message = dead[0]
    return f"{reasons}; first {record.tp.topic}-{record.tp.partition} offset {record.offset}: {message}"
