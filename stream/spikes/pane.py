"""What the detector is told about a pane, and what it says."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from stream.records import PANE_S

AUTHORS_KEPT = 12
"""Author hashes kept for each pane and label: enough to tell a crowd from one loud voice."""
HASH_BITS = 32
_HASH_MASK = (1 << HASH_BITS) - 1
_NAMESPACE = uuid.UUID("6f1d2f6e-6e0c-5b0e-9a53-0d6b7b1a7c11")


class Kind(StrEnum):
    """What rose: the share of negative tweets, that of positive ones, or the number of all."""

    NEGATIVE = "negative"
    POSITIVE = "positive"
    VOLUME = "volume"


@dataclass(frozen=True, slots=True)
class PaneStats:
    """A pane at the moment it first closes; ``start`` in seconds since 1970, a multiple of PANE_S.

    Counts are best taken of people: an author who writes ten times in the minute
    counts once for each label. ``*_authors`` are ``author_sample`` of those who
    wrote the negative and the positive tweets; empty where authors are unknown.
    ``models``: versions of the models that labelled it.
    """

    start: int
    negative: int
    neutral: int
    positive: int
    negative_authors: tuple[int, ...] = ()
    positive_authors: tuple[int, ...] = ()
    models: tuple[str, ...] = ()

    @property
    def tweets(self) -> int:
        return self.negative + self.neutral + self.positive

    @property
    def end(self) -> int:
        return self.start + PANE_S


def author_sample(hashes: Iterable[int]) -> tuple[int, ...]:
    """The AUTHORS_KEPT smallest of ``hashes``, cut to HASH_BITS: a sample in which the same people turn up again."""
    return tuple(sorted({number & _HASH_MASK for number in hashes})[:AUTHORS_KEPT])


@dataclass(frozen=True, slots=True)
class SpikeEvent:
    """A spike opens, is still going on, or closes. Times in seconds since 1970, ends exclusive.

    ``started`` is where the change began, as far as can be told; ``opened`` the
    end of the pane that opened it; ``at`` the end of the pane that this event
    comes from. ``tweets``, ``share``, ``baseline`` and ``z`` are of the window
    from ``window_start`` to ``at``: the share of the kind's tweets and what was
    expected, or for volume the tweets a minute. ``z`` is in standard deviations
    of what such a window may differ by for no reason. ``peak_*`` are of the strongest
    window so far. ``authors``: at least so many wrote the window's tweets of
    this kind; None where unknown, and for volume.
    """

    id: str
    brand: str
    kind: Kind
    change: Literal["opened", "updated", "closed"]
    at: int
    started: int
    opened: int
    window_start: int
    tweets: int
    share: float
    baseline: float
    z: float
    peak_share: float
    peak_z: float
    authors: int | None = None
    closed: int | None = None
    reason: Literal["", "over", "silence", "new level", "new model"] = ""


def spike_id(brand: str, kind: Kind, opening: int) -> str:
    """The same for the same brand, kind and start of the opening pane, whoever decides it."""
    return str(uuid.uuid5(_NAMESPACE, f"{opening}/{kind.value}/{brand}"))
