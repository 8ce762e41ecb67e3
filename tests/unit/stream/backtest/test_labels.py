"""Labels come from the model once, and from then on from disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from infra.errors import BarometerError
from model.prediction import ModelInfo, Predictions
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.cache import FILE, LabelCache
from stream.backtest.entry import Entry, Item, only_time
from stream.backtest.labels import Labeller
from tests.fixed_worker import POISON, FixedClassifier, label_of


class Asked(FixedClassifier):
    """Notes what it is asked."""

    def __init__(self, version: str = "1") -> None:
        super().__init__()
        self.info = ModelInfo("fixed", version, "checksum")
        self.texts: list[str] = []
        self.largest = 0

    def classify(self, texts: Sequence[str]) -> Predictions:
        self.texts += texts
        self.largest = max(self.largest, len(texts))
        return super().classify(texts)


START_US = 1_700_000_000_000_000


def entry(number: int, text: str, *brands: str) -> Entry:
    return Entry(START_US + number, str(number), text, None, None, None, brands or ("Acme",))


def label(items: Sequence[Item], classifier: Asked, cache: LabelCache | None) -> tuple[list[Item], Labeller]:
    labeller = Labeller(lambda: classifier, cache, lambda _done: None)
    return [item for chunk in labeller.label(iter(items)) for item in chunk], labeller


ENTRIES = [entry(number, f"text {number % 7}") for number in range(50)]


def test_equal_texts_are_asked_once_and_known_ones_never(tmp_path: Path) -> None:
    first, second = Asked(), Asked()
    with LabelCache(tmp_path) as cache:
        fresh, done = label(ENTRIES, first, cache)
    assert sorted(first.texts) == [f"text {number}" for number in range(7)]
    assert (done.done.by_model, done.done.from_cache) == (7, 0)
    with LabelCache(tmp_path) as cache:
        known, done = label(ENTRIES, second, cache)
    assert not second.texts
    assert (done.done.by_model, done.done.from_cache) == (0, 7)
    assert known == fresh
    assert [item.label for item in known if isinstance(item, LabelledTweet)] == [label_of(e.text) for e in ENTRIES]


def test_texts_that_the_model_reads_alike_share_a_label(tmp_path: Path) -> None:
    classifier = Asked()
    with LabelCache(tmp_path) as cache:
        label([entry(1, "look https://t.co/a"), entry(2, "look  https://t.co/b")], classifier, cache)
    assert len(classifier.texts) == 1


def test_another_model_is_asked_anew(tmp_path: Path) -> None:
    newer = Asked("2")
    with LabelCache(tmp_path) as cache:
        label(ENTRIES, Asked("1"), cache)
        items, _done = label(ENTRIES, newer, cache)
    assert len(newer.texts) == 7
    assert {item.model for item in items if isinstance(item, LabelledTweet)} == {"2"}


def test_a_tweet_about_two_brands_is_labelled_once_and_counts_for_both() -> None:
    classifier = Asked()
    items, _done = label([entry(1, "text", "Acme", "Bolt")], classifier, None)
    assert len(classifier.texts) == 1
    assert [(item.brand, item.id) for item in items if isinstance(item, LabelledTweet)] == [
        ("Acme", "1"),
        ("Bolt", "1"),
    ]


def test_a_text_on_which_the_model_fails_costs_only_itself(tmp_path: Path) -> None:
    with LabelCache(tmp_path) as cache:
        items, done = label([*ENTRIES, entry(99, POISON)], Asked(), cache)
    assert items[-1] == only_time(START_US + 99)
    assert len(items) == 51
    assert [(dead.reason, "tweet 99" in dead.message) for dead in done.done.failed] == [("model_error", True)]


def test_what_needs_no_label_needs_no_model() -> None:
    def none() -> Asked:
        raise AssertionError("nothing to label")

    labelled = LabelledTweet(1, "Acme", "1", 0, 1.0, 0.0, 0.0, 1.0, "1", None, "text", None, None)
    labeller = Labeller(none, None, lambda _done: None)
    assert list(labeller.label(iter([labelled, only_time(5)]))) == [[labelled, only_time(5)]]


def test_probabilities_come_back_from_disk_as_they_were(tmp_path: Path) -> None:
    row = np.array([0.123456789, 0.3, 0.576543211], dtype=np.float32)
    with LabelCache(tmp_path) as cache:
        cache.keep({b"k" * 16: row})
    with LabelCache(tmp_path) as cache:
        assert (cache.find([b"k" * 16, b"x" * 16])[b"k" * 16] == row).all()
        assert cache.find([b"x" * 16]) == {}


def test_a_damaged_cache_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(BarometerError, match="remove it, or give --no-cache"):
        LabelCache(tmp_path)
