"""What is remembered of counted tweets: the same packed or not, and in little space."""

from __future__ import annotations

import random
import tracemalloc
from itertools import chain
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from stream.aggregate import counted
from stream.aggregate.counted import NO_VOICE, CountedTweets
from stream.aggregate.labelled import LabelledTweet
from stream.aggregate.pane import Pane, PaneKey, id_hash
from stream.aggregate.panes import Panes
from stream.records import WindowBaseline

START = 1_714_521_600
hashes = st.integers(0, 2**64 - 1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(hashes, max_size=12), max_size=8), st.integers(0, 8), hashes)
def test_chunks_on_the_wire_hold_every_tweet_once_whenever_the_pane_closes(
    batches: list[set[int]], closes_after: int, other: int
) -> None:
    """Only chunks that a batch changes are written, and a full one never again."""
    with patch.object(counted, "CHUNK_IDS", 4):
        ids, wire, seen = CountedTweets(), dict[int, list[int]](), set[int]()
        for number, batch in enumerate(batches):
            fresh = {hashed: NO_VOICE - 1 for hashed in batch if hashed not in ids}
            assert fresh.keys() == batch - seen
            for chunk, pairs in ids.chunks_with(fresh).items():
                assert len(wire.get(chunk, ())) < 4
                wire[chunk] = [hashed for hashed, _voice in pairs]
            ids.add(fresh)
            if number >= closes_after:
                ids.pack()
            seen |= batch
            assert sorted(chain(*wire.values())) == sorted(seen)
            assert all(len(wire[chunk]) == 4 for chunk in range(ids.chunks - 1))
            assert (ids.chunks, len(ids), set(ids)) == (len(wire), len(seen), seen)
            assert {hashed for hashed, _voice in ids.all()} == seen
        assert (other in ids) == (other in seen)


def test_a_closed_pane_and_all_that_it_counted_take_little_space() -> None:
    """Panes of 35 tweets by 35 people, still with their ids: as objects, dicts and sets they took 9 KB each."""
    panes = Panes()
    panes.put(_closed(0, 35))  # what is made once
    tracemalloc.start()
    before, _peak = tracemalloc.get_traced_memory()
    for number in range(1, 101):
        panes.put(_closed(number, 35))
    after, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (after - before) / 100 < 1_200


def test_a_packed_pane_reads_as_it_was() -> None:
    for authors in (0, 1, 35, 2_000):  # nobody, a list, a sketch
        panes, pane = Panes(), _closed(7, authors)
        panes.put(pane)
        assert panes.get(pane.key) == pane
        pane.ids = None
        panes.put(pane)
        assert panes.get(pane.key) == pane


def _closed(number: int, authors: int) -> Pane:
    rng = random.Random(number)
    pane = Pane(PaneKey(START + 60 * number, "Acme"))
    tweets = []
    for name in range(max(1, authors)):
        negative = rng.random() * 0.5
        author = f"author {rng.random()} {name}" if authors else None
        tweet = LabelledTweet(
            (START + 60 * number) * 1_000_000, "Acme", f"{number} {name}", 1, negative, 0.5, 0.5 - negative, 0.5, "1",
            author, "text", None, None,
        )  # fmt: skip
        tweets.append((tweet, id_hash(tweet.id)))
    pane.add(tweets)
    pane.close()
    pane.baseline = WindowBaseline(negative_share=0.123, variance=0.001, level_variance=0.0001, alike=0.0)
    pane.saved()
    return pane
