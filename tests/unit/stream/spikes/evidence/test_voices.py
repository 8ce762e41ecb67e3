"""People count, not tweets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stream.spikes.evidence.sample import Seen
from stream.spikes.evidence.terms import Reader
from stream.spikes.evidence.voices import ALIKE, Crowd, group_copies, group_equals, similarities
from tests.unit.stream.spikes.evidence.making import tweet

OTHERS = ["the queue never ends", "nobody answers here", "wages missing since noon"]


def crowd(tweets: list[Seen]) -> Crowd:
    readings = [Reader.of([]).read(one.text) for one in tweets]
    return Crowd(tweets, readings, group_copies([reading.words for reading in readings]))


def test_one_loud_author_is_one_voice() -> None:
    loud = [tweet(text, author="loud") for text in OTHERS]
    assert crowd(loud).voices() == 1


def test_a_retweet_flood_is_one_voice() -> None:
    flood = [tweet(f"RT @star: app is down, money gone https://t.example/{n}", author=f"fan {n}") for n in range(50)]
    assert crowd(flood).voices() == 1


def test_without_authors_texts_count() -> None:
    anonymous = [tweet(text, author=None, id=str(n)) for n, text in enumerate(OTHERS * 3)]
    assert crowd(anonymous).voices() == 3


def test_distinct_people_with_distinct_texts_all_count() -> None:
    assert crowd([tweet(text, author=text) for text in OTHERS]).voices() == 3


def test_copies_with_a_word_changed_are_copies() -> None:
    texts = [
        frozenset(["my", "bank", "app", "has", "been", "down", "all", "morning", "what", "a", "mess"]),
        frozenset(["my", "bank", "app", "has", "been", "down", "all", "morning", "what", "a", "joke"]),
        frozenset(["the", "bakery", "has", "fresh", "bread"]),
        frozenset(),
        frozenset(),
    ]
    assert group_copies(texts) == [0, 0, 2, 3, 4]
    assert group_equals([texts[0], texts[2], texts[0], texts[3]]) == [0, 1, 0, 3]


words = st.frozensets(st.sampled_from("abcdef"), max_size=6)


@given(st.lists(words, max_size=20))
def test_groups_are_led_by_their_first_and_hold_only_what_is_alike(texts: list[frozenset[str]]) -> None:
    groups = group_copies(texts)
    for number, group in enumerate(groups):
        assert group <= number
        assert groups[group] == group
        if group != number:
            shared = len(texts[number] & texts[group]) / len(texts[number] | texts[group])
            assert shared >= ALIKE


@given(st.lists(words, max_size=12))
def test_similarity_is_jaccards(texts: list[frozenset[str]]) -> None:
    found = similarities(texts)
    for i, one in enumerate(texts):
        for j, other in enumerate(texts):
            union = len(one | other)
            assert abs(found[i, j] - (len(one & other) / union if union else 0)) < 1e-6
