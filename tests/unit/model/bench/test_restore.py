from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from model.bench.restore import restore
from model.engines import bundled_folder, load_classifier
from stream.scenario import write_scenario

pytest.importorskip("torch")


def test_the_shipped_model_in_float32_says_what_the_shipped_model_says(tmp_path: Path) -> None:
    from model.engines.torch import TorchClassifier

    texts = ["I love it, thank you!", "worst bank ever, two hours on hold", "the train leaves at five", "", "😀 #great"]
    texts += _scenario_texts(tmp_path / "scenario.jsonl", 200)
    folder = tmp_path / "float32"
    folder.mkdir()
    restore(bundled_folder(), folder)
    restored = TorchClassifier(str(folder), device="cpu", precision="float32").classify(texts)
    shipped = load_classifier().classify(texts)
    assert (restored.labels == shipped.labels).mean() > 0.97
    assert np.abs(restored.probabilities - shipped.probabilities).mean() < 0.03  # its last layer is asked once


def test_a_new_export_can_be_restored_too(exported: Path, trained: Path, world: Path, tmp_path: Path) -> None:
    from model.engines.torch import TorchClassifier
    from model.labelled import read_labelled

    restore(exported, tmp_path)
    restored, parent = (
        TorchClassifier(str(folder), device="cpu", precision="float32") for folder in (tmp_path, trained)
    )
    assert restored.temperature == parent.temperature
    texts = read_labelled(world / "val.tsv").texts
    found, wanted = (classifier.classify(texts) for classifier in (restored, parent))
    assert np.abs(found.probabilities - wanted.probabilities).mean() < 0.005


def _scenario_texts(path: Path, count: int) -> list[str]:
    from stream.replay import Rejected, ReplayOptions, read_tweets

    write_scenario(path, tweets=1_000)
    items = read_tweets(ReplayOptions(path, limit=count))
    return [item.tweet.text for item in items if not isinstance(item, Rejected)]
