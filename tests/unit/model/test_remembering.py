"""A remembering classifier says what the classifier would, and asks it only for what is new."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from infra.settings import Settings
from model.normalise import normalise
from model.prediction import ModelInfo, Predictions
from model.remembering import Remembering, load_remembering


class ByText:
    """Says something else of every text, and writes down what it was asked."""

    info = ModelInfo("by-text", "1", "none")

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.closed = False

    def classify(self, texts: Sequence[str]) -> Predictions:
        if "poison" in texts:
            raise RuntimeError("poison")
        self.asked += texts
        raw = np.array([_numbers(text) for text in texts], dtype=np.float32).reshape(len(texts), 3)
        return Predictions(
            raw / raw.sum(axis=1, keepdims=True), np.array([len(text) > 6 for text in texts], dtype=np.bool_)
        )

    def close(self) -> None:
        self.closed = True


def _numbers(text: str) -> list[float]:
    clean = normalise(text)
    return [1 + sum(map(ord, clean)) % 97, 1 + len(clean), 1 + sum(map(ord, clean[::2])) % 89]


texts = st.lists(st.sampled_from(["", "good", "bad", "@a bad", "@b bad", "x" * 9, "é", "\ud800", "&amp;", "&amp;amp;"]))


@given(batches=st.lists(texts, max_size=6), most=st.integers(1, 4))
def test_what_it_says_is_what_the_classifier_says_whatever_came_before(batches: list[list[str]], most: int) -> None:
    remembering = Remembering(ByText(), most)
    for batch in batches:
        said, truth = remembering.classify(batch), ByText().classify(batch)
        assert np.array_equal(said.probabilities, truth.probabilities)
        assert said.truncated.shape == truth.truncated.shape
        assert said.probabilities.dtype == np.float32


def test_threads_that_ask_at_once_get_their_own_answers_and_no_more_is_kept_than_said() -> None:
    batches = [[f"{number % 70} {thread}" for number in range(200)] for thread in range(8)]
    remembering, truth = Remembering(ByText(), 50), ByText()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(5):
            for batch, said in zip(batches, threads.map(remembering.classify, batches), strict=True):
                assert np.array_equal(said.probabilities, truth.classify(batch).probabilities)
    assert len(remembering._answers) == 50


def test_a_text_is_asked_for_once_also_within_a_batch_and_with_another_mention_or_link() -> None:
    classifier = ByText()
    remembering = Remembering(classifier, 10)
    before = {outcome: _told(outcome) for outcome in ("hit", "miss")}
    remembering.classify(["@ann late again https://t.co/a", "@bob late again https://t.co/b", "fine"])
    remembering.classify(["fine", "@eve late again https://t.co/c", "new"])
    assert [normalise(text) for text in classifier.asked] == ["@user late again http", "fine", "new"]
    assert _told("hit") - before["hit"] == 3
    assert _told("miss") - before["miss"] == 3


def test_no_more_than_the_most_are_kept_and_the_oldest_goes_first() -> None:
    classifier = ByText()
    remembering = Remembering(classifier, 2)
    for batch in (["a"], ["b"], ["a"], ["c"], ["a", "b"]):
        remembering.classify(batch)
    assert classifier.asked == ["a", "b", "c", "b"]


def test_a_batch_that_fails_keeps_nothing_and_the_texts_are_asked_for_again() -> None:
    classifier = ByText()
    remembering = Remembering(classifier, 10)
    with pytest.raises(RuntimeError, match="poison"):
        remembering.classify(["a", "poison"])
    assert remembering.classify(["a"]).labels.shape == (1,)
    assert classifier.asked == ["a"]


def test_a_batch_may_be_larger_than_what_is_kept_or_empty() -> None:
    remembering = Remembering(ByText(), 1)
    assert remembering.classify([str(number) for number in range(50)]).probabilities.shape == (50, 3)
    assert remembering.classify([]).probabilities.shape == (0, 3)


def test_the_settings_say_how_many_are_kept_and_the_bundled_model_says_the_same_again() -> None:
    batch = ["@united thank you so much", "@united lost my bag, again", "@delta lost my bag, again", ""]
    kept, plain = (load_remembering(Settings(label_cache=size, threads=1)) for size in (100, 0))
    assert isinstance(kept, Remembering)
    assert not isinstance(plain, Remembering)
    first, again, alone = kept.classify(batch), kept.classify(batch), plain.classify(batch)
    assert np.array_equal(first.probabilities, alone.probabilities)
    assert np.array_equal(again.probabilities, alone.probabilities)
    kept.close()
    plain.close()


def _told(outcome: str) -> float:
    return REGISTRY.get_sample_value("barometer_label_cache_texts_total", {"outcome": outcome}) or 0
