"""What a scenario contains, exactly: the account that a run of it must come to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

LATE_AFTER_S = 120
"""Counted as late here: this much older than the newest tweet before it in the file, in whole seconds."""


@dataclass(frozen=True)
class Episode:
    """A stretch in which one brand is suddenly talked about. ``terms`` recur in its tweets, retweets included."""

    brand: str
    start: dt.datetime
    end: dt.datetime
    tweets: int
    retweets: int
    authors: int
    loudest_author: str
    terms: tuple[str, ...]


@dataclass(frozen=True)
class ScenarioFacts:
    """Counts of a scenario's file.

    ``rows`` = ``tweets`` + ``duplicates`` + ``rejected``; blank lines are none.
    ``tweets`` are distinct, ``duplicates`` further rows with the id of one of
    them, ``rejected`` rows that can never be a tweet. ``repaired``: of the
    tweets, those whose time can only be read from their id. ``labeled``:
    tweet-and-brand pairs, where a tweet about no brand makes one. ``brands``
    and ``languages`` count tweets, ``_other`` included; ``moods`` the tweets
    of each brand by the feeling they were written with.
    """

    seed: int
    start: dt.datetime
    end: dt.datetime
    rows: int
    tweets: int
    duplicates: int
    rejected: int
    repaired: int
    late: int
    labeled: int
    distinct_texts: int
    brands: Mapping[str, int]
    moods: Mapping[str, Mapping[str, int]]
    languages: Mapping[str, int]
    crisis: Episode
    viral: Episode

    @property
    def published(self) -> int:
        """Records that a replay of the whole file puts on ``tweets``."""
        return self.tweets + self.duplicates
