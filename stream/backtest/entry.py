"""Tweets of a file on their way through a backtest, in plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stream.aggregate.labelled import LabelledTweet
from stream.classify.outcome import Verdict


class Entry(NamedTuple):
    """A tweet that is not labelled. ``at_us``: event time in microseconds since 1970.

    ``brands``: those that are counted; without any, it only tells how far event time has come.
    """

    at_us: int
    id: str
    text: str
    author: str | None
    source: str | None
    lang: str | None
    brands: tuple[str, ...]

    def labelled(self, verdict: Verdict, model: str) -> Iterator[LabelledTweet]:
        """What is counted of it, one about each brand. ``model``: the version of what gave the verdict."""
        for brand in self.brands:
            yield LabelledTweet(
                self.at_us, brand, self.id, *verdict, model, self.author, self.text, self.source, self.lang
            )


Item = LabelledTweet | Entry
"""Both have their event time in front."""


def only_time(at_us: int) -> Entry:
    """What is left of a tweet that is not counted."""
    return Entry(at_us, "", "", None, None, None, ())


class Dead(NamedTuple):
    """A row that is not counted: where it is in the file, why in one word, and why in a sentence."""

    line: int
    reason: str
    message: str
