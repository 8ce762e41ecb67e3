"""How fast the bundled model is on this machine, and what batches gain."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from time import perf_counter

import pytest

from model.engines import load_classifier
from model.normalise import normalise
from model.prediction import Classifier
from stream.replay import Rejected, ReplayOptions, read_tweets
from stream.scenario import write_scenario

TEXTS = 2_048
ALONE = 128
REPEATS = 3


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("bench") / "scenario.jsonl"
    write_scenario(path)
    items = read_tweets(ReplayOptions(path, limit=TEXTS))
    return [item.tweet.text for item in items if not isinstance(item, Rejected)]


def rate_of(count: int, work: Callable[[], object]) -> float:
    """Texts a second; the median of some repetitions after one that warms up."""
    work()
    seconds = []
    for _ in range(REPEATS):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    return count / statistics.median(seconds)


@pytest.mark.bench
def test_batches_are_faster_than_texts_alone(texts: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    classifier = load_classifier()
    rates = {
        "one at a time": rate_of(ALONE, lambda: [classifier.classify([text]) for text in texts[:ALONE]]),
        "batches of 64": rate_of(len(texts), lambda: in_batches(classifier, texts, 64)),
        "batches of 256": rate_of(len(texts), lambda: in_batches(classifier, texts, 256)),
        "cleaning alone": rate_of(len(texts), lambda: [normalise(text) for text in texts]),
    }
    classifier.close()
    with capsys.disabled():
        print(f"\n{classifier.info.name} {classifier.info.version} on {os.cpu_count()} cores")  # noqa: T201
        for name, rate in rates.items():
            print(f"  {name:16} {rate:10,.0f} texts/s   {rate / rates['one at a time']:8.1f} x")  # noqa: T201
    assert rates["batches of 256"] > rates["one at a time"]


def in_batches(classifier: Classifier, texts: list[str], size: int) -> None:
    for start in range(0, len(texts), size):
        classifier.classify(texts[start : start + size])
