"""Tweets for tests of evidence."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from hypothesis import strategies as st

from model.labels import Label
from stream.records import PANE_S
from stream.spikes.evidence import PANE_TWEETS, Memory, Sample, Seen, see

START = 1_740_988_800
"""A whole hour."""


def number_of(name: str) -> int:
    """64 bits of a name, as ids and authors are hashed."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big")


def tweet(
    text: str, at: int = START, *, id: str | None = None, author: str | None = "?", label: Label = "negative"
) -> Seen:
    """A tweet whose id and author follow from the rest; author None is unknown."""
    name = id or f"{at} {author} {text}"
    hashed = None if author is None else number_of(name if author == "?" else author)
    return see(number_of(name), id=name, at=at, text=text, label=label, author=hashed, source="web", lang="en")


def panes(tweets: Iterable[Seen]) -> dict[int, Sample]:
    """The samples of the panes that the tweets fall into, by start."""
    found: dict[int, Sample] = {}
    for one in tweets:
        found.setdefault(one.at // PANE_S * PANE_S, Sample(PANE_TWEETS)).add(one)
    return found


def remember(tweets: Iterable[Seen], memory: Memory | None = None) -> Memory:
    """A memory after all panes of the tweets have closed."""
    memory = memory or Memory()
    for start, sample in sorted(panes(tweets).items()):
        memory.closed(start, sample)
    return memory


seen = st.builds(
    lambda number, at, text: tweet(text, START + at, id=str(number)),
    st.integers(0, 300),
    st.integers(0, 40 * 3_600),
    st.text(max_size=20),
)
"""With few ids, so that some come twice; an id says all of a tweet, as a redelivered one is the same."""
