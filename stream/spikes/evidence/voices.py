"""Who says it: a person who writes ten times is one voice, and so is a text that a hundred people copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.spikes.evidence.sample import Seen
from stream.spikes.evidence.terms import Reading

ALIKE = 0.75
"""Texts that share this part of their words (Jaccard) are copies of each other."""


@dataclass(frozen=True)
class Crowd:
    """Tweets with their readings. ``groups[i]``: number of the copies that tweet i is one of."""

    tweets: Sequence[Seen]
    readings: Sequence[Reading]
    groups: Sequence[int]

    def voices(self, which: Iterable[int] | None = None) -> int:
        """Distinct people or distinct texts, whichever are fewer, among the tweets numbered ``which`` (default: all).

        A retweet flood has many people and one text, a loud author many texts;
        a tweet without an author counts by its text.
        """
        chosen = range(len(self.tweets)) if which is None else which
        people: set[tuple[str, int]] = set()
        texts: set[int] = set()
        for number in chosen:
            author, group = self.tweets[number].author, self.groups[number]
            people.add(("author", author) if author is not None else ("text", group))
            texts.add(group)
        return min(len(people), len(texts))

    def by_term(self) -> dict[str, list[int]]:
        """For each term the numbers of the tweets that have it, ascending."""
        found: dict[str, list[int]] = {}
        for number, reading in enumerate(self.readings):
            for term in reading.terms:
                found.setdefault(term, []).append(number)
        return found


def group_copies(texts: Sequence[frozenset[str]]) -> list[int]:
    """For each text the number of its group: the first text that leads one and that it is ALIKE to.

    Texts without a word are copies of nothing.
    """
    leaders: dict[frozenset[str], int] = {}
    for number, words in enumerate(texts):
        if words:
            leaders.setdefault(words, number)
    distinct = list(leaders)
    joined: list[int] = []
    leads = np.zeros(len(distinct), dtype=bool)
    for row, alike in enumerate(similarities(distinct) >= ALIKE):
        leads[row] = not (alike[:row] & leads[:row]).any()
        joined.append(int(np.flatnonzero(alike & leads)[0]))
    group_of = {words: leaders[distinct[joined[row]]] for row, words in enumerate(distinct)}
    return [group_of[words] if words else number for number, words in enumerate(texts)]


def group_equals(texts: Sequence[frozenset[str]]) -> list[int]:
    """For each text the number of the first with the same words; cheaper than ``group_copies``."""
    leaders: dict[frozenset[str], int] = {}
    return [leaders.setdefault(words, number) if words else number for number, words in enumerate(texts)]


def similarities(texts: Sequence[frozenset[str]]) -> NDArray[np.float32]:
    """Jaccard similarity of each pair of sets, shape (n, n); exact, as counts are below 2^24."""
    vocabulary = {word: column for column, word in enumerate(sorted(set().union(*texts)))}
    rows = np.zeros((len(texts), len(vocabulary)), dtype=np.float32)
    for number, words in enumerate(texts):
        rows[number, [vocabulary[word] for word in words]] = 1
    shared = rows @ rows.T
    sizes = rows.sum(axis=1)
    alike: NDArray[np.float32] = shared / np.maximum(sizes[:, None] + sizes - shared, 1)
    return alike
