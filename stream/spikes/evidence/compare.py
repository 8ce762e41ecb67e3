"""Which terms are said now and were not before: log-odds with an informative Dirichlet prior.

Monroe, Colaresi and Quinn, "Fightin' Words", Political Analysis 16 (2008),
equations 15 to 22, on voices that use a term instead of words in a corpus. The
prior is how often the term is used anywhere, worth PRIOR_VOICES voices: rare
terms need more of a difference than common ones to stand out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import NamedTuple

from stream.spikes.evidence.terms import contains

PRIOR_VOICES = 50.0
LEAST_Z = 1.28
"""A term less sure than this (one of ten by chance) is left out."""
NEARLY_ALL = 0.75
"""A phrase that so many of a word's voices use says more than the word; two phrases that so many share are one."""


class Usage(NamedTuple):
    """Voices that use a term, of all voices in ``total``."""

    voices: int
    total: int

    @property
    def share(self) -> float:
        return self.voices / self.total if self.total else 0.0


def log_odds_z(now: Usage, before: Usage, anywhere: float) -> float:
    """How many standard deviations higher the log odds of a term are; ``anywhere``: its share of all voices."""
    prior = PRIOR_VOICES * min(max(anywhere, 1e-6), 0.5)
    used_now, used_before = now.voices + prior, before.voices + prior
    silent_now = now.total + PRIOR_VOICES - used_now
    silent_before = before.total + PRIOR_VOICES - used_before
    difference = math.log(used_now / silent_now) - math.log(used_before / silent_before)
    return difference / math.sqrt(1 / used_now + 1 / used_before)


def strongest(scores: Mapping[str, float], users: Mapping[str, Collection[int]], most: int) -> list[str]:
    """The terms of the highest scores, at most ``most``, that say different things; ``users``: tweets that have them.

    None is part of another: of a word and a phrase that nearly all of its users
    use, the phrase stays, of others the higher score. Nor do two share a word and
    nearly all tweets. Equal scores go by length and the alphabet.
    """
    ranked = sorted(scores, key=lambda term: (-scores[term], -len(term), term))[: 20 * most]
    spoken_for = {
        shorter
        for shorter in ranked
        for longer in ranked
        if shorter != longer and contains(longer, shorter) and len(users[longer]) >= NEARLY_ALL * len(users[shorter])
    }
    chosen: list[str] = []
    for term in ranked:
        if len(chosen) == most:
            break
        if term not in spoken_for and not any(_same(term, one, users) for one in chosen):
            chosen.append(term)
    return chosen


def _same(term: str, other: str, users: Mapping[str, Collection[int]]) -> bool:
    if contains(term, other) or contains(other, term):
        return True
    if set(term.split()).isdisjoint(other.split()):
        return False
    mine, theirs = set(users[term]), set(users[other])
    return len(mine & theirs) >= NEARLY_ALL * min(len(mine), len(theirs))
