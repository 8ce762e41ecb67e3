"""Log-odds, as Monroe, Colaresi and Quinn define them; and which of overlapping terms stay."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.spikes.evidence.compare import PRIOR_VOICES, Usage, log_odds_z, strongest


def test_the_formula() -> None:
    """y=30 of 100 now, 10 of 200 before, used by 10% anywhere: equations 15 and 20 of the paper."""
    prior, prior_all = 0.1 * PRIOR_VOICES, PRIOR_VOICES
    odds_now = (30 + prior) / (100 + prior_all - 30 - prior)
    odds_before = (10 + prior) / (200 + prior_all - 10 - prior)
    spread = math.sqrt(1 / (30 + prior) + 1 / (10 + prior))
    expected = (math.log(odds_now) - math.log(odds_before)) / spread
    assert log_odds_z(Usage(30, 100), Usage(10, 200), 0.1) == pytest.approx(expected)


usages = st.integers(1, 500).flatmap(lambda total: st.builds(Usage, st.integers(0, total), st.just(total)))


@given(usages, usages, st.floats(0, 1))
def test_swapping_now_and_before_turns_the_sign(now: Usage, before: Usage, anywhere: float) -> None:
    assert log_odds_z(now, before, anywhere) == pytest.approx(-log_odds_z(before, now, anywhere))


def test_the_same_share_of_more_people_is_surer() -> None:
    few = log_odds_z(Usage(3, 10), Usage(1, 20), 0.1)
    many = log_odds_z(Usage(30, 100), Usage(10, 200), 0.1)
    assert 0 < few < many


def test_nothing_before_is_no_error() -> None:
    assert log_odds_z(Usage(5, 10), Usage(0, 0), 0.25) > 0
    assert Usage(0, 0).share == 0


def test_of_a_word_and_its_phrase_the_phrase_stays_if_nearly_all_use_it() -> None:
    users = {"card": [1, 2, 3, 4], "declined": [1, 2, 3, 4, 5], "card declined": [1, 2, 3, 4], "outage": [9]}
    scores = {"card": 3.0, "declined": 3.2, "card declined": 2.9, "outage": 1.5}
    assert strongest(scores, users, 5) == ["card declined", "outage"]


def test_a_word_that_most_use_otherwise_stays() -> None:
    users = {"outage": list(range(20)), "outage map": [1, 2, 3]}
    assert strongest({"outage": 5.0, "outage map": 2.0}, users, 5) == ["outage"]


def test_two_phrases_of_the_same_tweets_are_one() -> None:
    users = {"broke my bike": [1, 2, 3], "bike and offered": [1, 2, 3], "refund": [1, 2, 3]}
    scores = {"broke my bike": 2.5, "bike and offered": 2.4, "refund": 2.0}
    assert strongest(scores, users, 5) == ["broke my bike", "refund"]


def test_equal_scores_go_by_length_and_alphabet_and_no_more_than_asked() -> None:
    users = {"b": [1], "a": [2], "cc": [3]}
    assert strongest(dict.fromkeys(users, 1.0), users, 2) == ["cc", "a"]
