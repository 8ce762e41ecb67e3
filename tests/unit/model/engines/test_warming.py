"""Warming up meets all sizes of batches, gives way to work, stops when told, and changes no answer."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from model.batching import plan_batches
from model.engines.folder import read_config
from model.engines.openvino import OpenVinoClassifier, compile_network
from model.engines.warming import Warming, shapes_of_each_size
from tests.kafka_tools import wait_until


@pytest.fixture
def warming(exported: Path) -> Iterator[Warming]:
    """Of a real network, with far more shapes than a moment is enough for."""
    network = compile_network(exported, read_config(exported), 1, 1)
    started = Warming(network, [(1 + number % 60, 4) for number in range(1_000_000)], 1)
    yield started
    started.close()


def test_there_is_a_shape_for_each_number_of_tokens_that_batches_of_tweets_have() -> None:
    sizes = {texts * width for texts, width in shapes_of_each_size(4, 256, 128)}
    drawn = np.random.default_rng(1)
    for count in (1, 20, 300):
        lengths = drawn.integers(9, 49, count).tolist()
        batches = plan_batches(lengths, step=4, budget=256, most=128)
        assert {len(batch.rows) * batch.width for batch in batches} <= sizes


def test_no_shape_is_wider_than_the_window() -> None:
    assert max(width for _texts, width in shapes_of_each_size(4, 256, 30)) == 28
    assert shapes_of_each_size(4, 256, 8) == []


def test_all_shapes_are_met_and_texts_are_labelled_as_without(exported: Path, scenario_texts: list[str]) -> None:
    cold, warm = OpenVinoClassifier(exported), OpenVinoClassifier(exported, warm=True)
    assert warm._warming is not None
    assert warm._warming.join(60)
    assert warm._warming.met == len(shapes_of_each_size(4, 256, read_config(exported).max_tokens))
    found, expected = (one.classify(scenario_texts).probabilities for one in (warm, cold))
    np.testing.assert_array_equal(found, expected)
    warm.close()
    cold.close()


def test_while_there_is_work_nothing_is_begun(warming: Warming) -> None:
    wait_until(lambda: warming.met > 0, 60, "the first shape")
    with warming.aside(), warming.aside():
        wait_until(lambda: _still(warming), 60, "the end of the one that was under way")
        before = warming.met
        assert not warming.join(0.2)
        assert warming.met == before
    wait_until(lambda: warming.met > before, 60, "the next shape")


def test_closing_ends_it_also_while_there_is_work(exported: Path) -> None:
    classifier = OpenVinoClassifier(exported, warm=True)
    assert classifier._warming is not None
    with classifier._warming.aside():
        classifier.close()
    assert "warm-up" not in {thread.name for thread in threading.enumerate()}


def _still(warming: Warming) -> bool:
    before = warming.met
    warming.join(0.05)
    return warming.met == before


def test_the_first_texts_of_several_threads_do_not_wait_for_each_other_for_ever(exported: Path) -> None:
    """In a new process: the library's first call is not for two threads at once."""
    program = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from model.engines.openvino import OpenVinoClassifier

classifier = OpenVinoClassifier(Path({str(exported)!r}), warm=True)
with ThreadPoolExecutor(4) as threads:
    print(sum(len(one.labels) for one in threads.map(classifier.classify, [["late", "kind"]] * 4)))
classifier.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.split() == ["8"]
