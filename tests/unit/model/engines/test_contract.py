"""What every engine promises, held to by real models: the bundled one, one exported here, one on torch."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from model.engines import load_classifier
from model.evaluation.fidelity import measure_invariance
from model.labels import LABELS
from model.prediction import Classifier, ModelError
from model.probe import probe_texts

MODELS = ("bundled", "exported", "trained")


@pytest.fixture(scope="module", params=MODELS)
def classifier(request: pytest.FixtureRequest) -> Iterator[Classifier]:
    model = "bundled" if request.param == "bundled" else str(request.getfixturevalue(request.param))
    loaded = load_classifier(model)
    yield loaded
    loaded.close()


def test_each_text_gets_a_probability_of_each_label(classifier: Classifier) -> None:
    found = classifier.classify(probe_texts(50))
    assert found.probabilities.shape == (50, len(LABELS))
    assert found.probabilities.dtype == np.float32
    assert found.truncated.shape == (50,)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (found.probabilities >= 0).all()


def test_probabilities_do_not_depend_on_the_batch(classifier: Classifier, scenario_texts: list[str]) -> None:
    texts = [*scenario_texts[:160], *probe_texts(96)]
    found = measure_invariance(classifier, texts, sizes=(2, 64))
    assert found.max_difference <= 0.01
    assert found.changed_labels == 0


def test_results_are_in_the_order_of_the_texts(classifier: Classifier, scenario_texts: list[str]) -> None:
    texts = scenario_texts[:40]
    forward = classifier.classify(texts).probabilities
    backward = classifier.classify(texts[::-1]).probabilities
    np.testing.assert_allclose(forward, backward[::-1], atol=0.01)
    assert len(np.unique(forward.round(4), axis=0)) > 1


def test_several_threads_at_once_get_the_same_as_one(classifier: Classifier, scenario_texts: list[str]) -> None:
    batches = [scenario_texts[start : start + 40] for start in range(0, 320, 40)]
    alone = [classifier.classify(texts).probabilities for texts in batches]
    with ThreadPoolExecutor(4) as threads:
        for one, among_others in zip(alone, threads.map(classifier.classify, batches), strict=True):
            np.testing.assert_allclose(one, among_others.probabilities, atol=0.01)


def test_no_texts_make_no_predictions(classifier: Classifier) -> None:
    found = classifier.classify([])
    assert found.probabilities.shape == (0, len(LABELS))
    assert found.labels.shape == (0,)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u200b", "\x00\x01", "\ud800", "\U0001f621" * 500, "a" * 100_000, "\u202e\u0301" * 50, "[MASK] [SEP]"],
)
def test_any_text_is_labelled(classifier: Classifier, text: str) -> None:
    [row] = classifier.classify([text]).probabilities
    assert np.isfinite(row).all()


def test_texts_longer_than_the_window_are_marked(classifier: Classifier) -> None:
    found = classifier.classify(["short", "the flight was late and " * 200, ""])
    assert found.truncated.tolist() == [False, True, False]


def test_texts_are_normalised(classifier: Classifier) -> None:
    [written, cleaned] = classifier.classify(
        ["@bob   the crew &amp; gate were kind https://x.y/z", "@user the crew & gate were kind http"]
    ).probabilities
    np.testing.assert_allclose(written, cleaned, atol=1e-6)


def test_the_identity_is_the_same_in_every_load(classifier: Classifier, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["classifier"]
    again = load_classifier("bundled" if name == "bundled" else str(request.getfixturevalue(name)))
    assert again.info == classifier.info
    assert len(again.info.version) == 12
    again.close()


@pytest.mark.parametrize("model", MODELS)
def test_a_closed_classifier_says_so(model: str, request: pytest.FixtureRequest) -> None:
    loaded = load_classifier("bundled" if model == "bundled" else str(request.getfixturevalue(model)))
    loaded.close()
    loaded.close()
    with pytest.raises(ModelError, match="closed"):
        loaded.classify(["hello"])
