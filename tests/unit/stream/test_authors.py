"""Counting people without remembering them."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from stream.authors import Authors, author_hash


def of(names: list[str]) -> Authors:
    authors = Authors()
    authors.update(map(author_hash, names))
    return authors


@given(st.lists(st.text(max_size=8), max_size=120))
def test_a_few_hundred_authors_are_counted_exactly(names: list[str]) -> None:
    assert of(names).count() == len({name.casefold() for name in names})


@given(st.lists(st.text(max_size=8), max_size=60), st.lists(st.text(max_size=8), max_size=60))
def test_a_merge_counts_who_is_in_either(some: list[str], others: list[str]) -> None:
    together = of(some + others).count()

    assert Authors.union([of(some), of(others)]) == together
    assert Authors.merge([of(some), of(others)]).count() == together


@given(st.lists(st.text(max_size=8), max_size=60), st.randoms(use_true_random=False))
def test_the_order_in_which_authors_came_is_not_seen(names: list[str], rng: random.Random) -> None:
    assert of(rng.sample(names, len(names))) == of(names)


@given(st.lists(st.text(max_size=8), max_size=60))
def test_what_is_written_down_reads_the_same(names: list[str]) -> None:
    authors = of(names)

    assert Authors.decode(authors.encode()) == authors
    assert authors.copy() == authors


def test_a_copy_does_not_change_its_original() -> None:
    authors = of(["a"])
    authors.copy().update([author_hash("b")])

    assert authors.count() == 1


def test_crowds_are_estimated_within_a_few_percent_in_any_order() -> None:
    names = [f"author {number}" for number in range(50_000)]
    shuffled = random.Random(1).sample(names, len(names))

    assert of(names) == of(shuffled)
    assert of(names).count() == of(shuffled).count()
    assert Authors.decode(of(names).encode()).count() == of(names).count()
    assert abs(of(names).count() - 50_000) < 0.05 * 50_000


def test_no_authors_are_nothing() -> None:
    assert Authors().count() == 0
    assert Authors().encode() == ""
