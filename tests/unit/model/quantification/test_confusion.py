"""``confusion.json``: written, read, refused; and the one that ships."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from infra.errors import UsageError
from model.engines import bundled_folder
from model.engines.folder import read_config
from model.prediction import ModelError
from model.quantification import Confusion, measure, read_confusion, write_confusion
from model.quantification.confusion import CONFUSION_FILE


@pytest.fixture
def confusion() -> Confusion:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 300)
    probabilities = rng.dirichlet(np.ones(3), 300) + 0.8 * np.eye(3)[labels]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return measure(probabilities, labels, model_version="abc", file="val.tsv")


def test_what_is_written_is_read(confusion: Confusion, tmp_path: Path) -> None:
    write_confusion(confusion, tmp_path / CONFUSION_FILE)
    assert read_confusion(tmp_path) == confusion
    assert read_confusion(tmp_path / CONFUSION_FILE, model_version="abc") == confusion


def test_rows_are_true_labels(confusion: Confusion) -> None:
    assert np.array(confusion.counts).sum() == confusion.data.rows == 300
    assert confusion.rates.sum(axis=1) == pytest.approx(np.ones(3))
    assert confusion.rates.argmax(axis=1).tolist() == [0, 1, 2]


def test_a_model_may_have_none(tmp_path: Path) -> None:
    assert read_confusion(tmp_path) is None


def test_one_of_another_model_is_refused(confusion: Confusion, tmp_path: Path) -> None:
    write_confusion(confusion, tmp_path / CONFUSION_FILE)
    with pytest.raises(ModelError, match=r"measured with model abc, the model in use is xyz; measure it again"):
        read_confusion(tmp_path, model_version="xyz")


def test_a_damaged_one_is_named(confusion: Confusion, tmp_path: Path) -> None:
    file = tmp_path / CONFUSION_FILE
    file.write_text(json.dumps({**confusion.model_dump(), "format_version": 2}))
    with pytest.raises(ModelError, match="format_version"):
        read_confusion(tmp_path)
    file.write_text("{")
    with pytest.raises(ModelError, match="damaged"):
        read_confusion(tmp_path)


def test_too_few_texts_of_a_label_are_refused() -> None:
    labels = np.array([0] * 30 + [1] * 30 + [2] * 19)
    with pytest.raises(UsageError, match="19 positive texts; at least 20"):
        measure(np.eye(3)[labels], labels, model_version="v")


def test_the_bundled_model_ships_its_own() -> None:
    folder = bundled_folder()
    found = read_confusion(folder, model_version=read_config(folder).version)
    assert found is not None
    assert found.prior_from == "training"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert [list(row) for row in found.counts] == metrics["exported"]["confusion"]
    assert found.data.sha256 == metrics["data"]["sha256"]
