"""Models by name: from the hub's cache as a real hub client fills it, without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.engines import load_classifier
from model.engines.torch import TorchClassifier
from tests.unit.model.tiny import write_classifier

NAME = "someone/tweet-sentiment"
COMMITS = ("1" * 40, "2" * 40)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of one cached model, in the layout of huggingface_hub, at the first of COMMITS."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--someone--tweet-sentiment"
    for commit in COMMITS:
        write_classifier(folder / "snapshots" / commit, ["negative", "neutral", "positive"])
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMITS[0])
    return folder


def test_a_cached_model_loads_by_its_name_with_no_network(hub_cache: Path) -> None:
    loaded = load_classifier(NAME)
    assert loaded.info.name == NAME
    assert loaded.classify(["hello"]).probabilities.shape == (1, 3)


def test_a_new_commit_is_a_new_version(hub_cache: Path) -> None:
    before = TorchClassifier(NAME).info.version
    (hub_cache / "refs" / "main").write_text(COMMITS[1])
    assert TorchClassifier(NAME).info.version != before
