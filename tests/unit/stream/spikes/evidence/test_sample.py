"""A sample depends on which tweets there were, and on nothing else."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from stream.spikes.evidence.memory import decode_sample, encode_sample
from stream.spikes.evidence.sample import MAX_TEXT, Sample, Seen, merge, see
from tests.unit.stream.spikes.evidence.making import number_of, tweet

numbers = st.lists(st.integers(0, 400), max_size=120)
sizes = st.integers(1, 20)


def made(chosen: list[int]) -> list[Seen]:
    return [tweet(f"text {number}", id=str(number)) for number in chosen]


def sample_of(size: int, tweets: list[Seen]) -> Sample:
    sample = Sample(size)
    for one in tweets:
        sample.add(one)
    return sample


@given(sizes, numbers, st.randoms(use_true_random=False))
def test_order_and_redelivery_do_not_matter(size: int, chosen: list[int], random: object) -> None:
    again = chosen + chosen[: len(chosen) // 2]
    random.shuffle(again)  # type: ignore[attr-defined]
    assert sample_of(size, made(again)) == sample_of(size, made(chosen))


@given(sizes, st.lists(numbers, max_size=6), st.integers(0, 5))
def test_merging_is_union_in_any_steps(size: int, parts: list[list[int]], cut: int) -> None:
    samples = [sample_of(size, made(part)) for part in parts]
    whole = sample_of(size, made([number for part in parts for number in part]))
    assert merge(samples, size) == whole
    assert merge(reversed(samples), size) == whole
    assert merge([merge(samples[:cut], size), merge(samples[cut:], size)], size) == whole


@given(st.lists(numbers, max_size=6), st.integers(0, 5), st.integers(1, 60))
def test_merging_into_another_size_does_not_depend_on_the_steps(parts: list[list[int]], cut: int, coarse: int) -> None:
    samples = [sample_of(5, made(part)) for part in parts]
    at_once = merge(samples, coarse)
    assert merge([merge(samples[:cut], coarse), merge(samples[cut:], coarse)], coarse) == at_once
    below = {one.priority for part in parts for one in made(part) if one.priority < at_once.threshold}
    assert {one.priority for one in at_once} == below  # all there is below the threshold: uniform


@given(sizes, numbers)
def test_it_is_bounded_and_holds_the_smallest(size: int, chosen: list[int]) -> None:
    sample = sample_of(size, made(chosen))
    smallest = sorted({one.priority for one in made(chosen)})
    assert [one.priority for one in sample] == smallest[:size]
    assert sample.threshold == (smallest[size] if len(smallest) > size else 1 << 64)


@given(sizes, numbers)
def test_what_is_saved_is_restored(size: int, chosen: list[int]) -> None:
    sample = sample_of(size, made(chosen))
    assert decode_sample(encode_sample(sample)) == sample


@given(sizes, numbers, numbers)
def test_a_copy_is_independent(size: int, chosen: list[int], more: list[int]) -> None:
    sample = sample_of(size, made(chosen))
    copy = sample.copy()
    for one in made(more):
        copy.add(one)
    assert sample == sample_of(size, made(chosen))
    assert copy == sample_of(size, made(chosen + more))


def test_wants_says_whether_adding_would_change_it() -> None:
    sample = sample_of(3, made(list(range(40))))
    len(sample)
    for one in made(list(range(80))):
        before = [kept.priority for kept in sample]
        wanted = sample.wants(one.priority)
        sample.add(one)
        assert wanted == ([kept.priority for kept in sample] != before)


def test_every_tweet_has_the_same_chance() -> None:
    """Of 2,000 tweets, early and late ones are kept alike: the share of the first half is binomial around one half."""
    sample = sample_of(400, made(list(range(2_000))))
    early = sum(int(one.id) < 1_000 for one in sample)
    assert abs(early - 200) < 4 * 10 * (1 - 400 / 2_000) ** 0.5


def test_a_megabyte_of_text_is_cut() -> None:
    kept = see(1, id="x" * 10_000, at=0, text="y" * 1_000_000, label="neutral", source="s" * 999, lang="l" * 999)
    assert len(kept.text) == MAX_TEXT
    sample = Sample(1, [kept])
    assert len(encode_sample(sample)) < 2_000


def test_a_busy_pane_costs_about_a_microsecond_a_tweet() -> None:
    priorities = [number_of(str(number)) for number in range(50_000)]
    took = []
    for _ in range(3):
        sample = Sample(24)
        started = time.thread_time()
        for number, priority in enumerate(priorities):
            if sample.wants(priority):
                sample.add(see(priority, id=str(number), at=0, text="text", label="negative"))
        took.append((time.thread_time() - started) / len(priorities))
    assert min(took) < 10e-6
