"""The torch engine with models as one finds them: other labels, other heads, damaged files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from infra.errors import UsageError
from model.engines.torch import TorchClassifier, bf16_pays
from model.prediction import ModelError
from tests.unit.model.tiny import write_base, write_classifier

TEXTS = ["the crew was lovely", "my parcel was lost and broken", "monday at noon", "so http @user", ""]


def probabilities(model: Path, labels: str = "") -> np.ndarray:
    loaded = TorchClassifier(str(model), model_labels=labels, precision="float32")
    found = loaded.classify(TEXTS).probabilities
    loaded.close()
    return found


def raw(model: Path) -> np.ndarray:
    """Probabilities by transformers' own means, in the model's order of labels."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from model.normalise import normalise

    network = AutoModelForSequenceClassification.from_pretrained(model).eval()
    tokenizer = AutoTokenizer.from_pretrained(model)
    with torch.inference_mode():
        logits = [network(**tokenizer(normalise(text), return_tensors="pt")).logits[0] for text in TEXTS]
    return torch.stack(logits).softmax(dim=1).numpy()


def test_labels_in_another_order_are_put_in_ours(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["POS", "NEG", "NEU"])
    np.testing.assert_allclose(probabilities(model), raw(model)[:, [1, 2, 0]], atol=1e-5)


def test_stars_are_added_up(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"])
    stars = raw(model)
    expected = np.stack([stars[:, 0] + stars[:, 1], stars[:, 2], stars[:, 3] + stars[:, 4]], axis=1)
    np.testing.assert_allclose(probabilities(model), expected, atol=1e-5)


def test_a_model_of_two_classes_never_says_neutral(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["NEGATIVE", "POSITIVE"])
    found = probabilities(model)
    assert (found[:, 1] == 0).all()
    np.testing.assert_allclose(found[:, [0, 2]], raw(model), atol=1e-5)


def test_names_that_say_nothing_are_refused_with_the_setting_to_write(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["LABEL_0", "LABEL_1", "LABEL_2"])
    with pytest.raises(UsageError, match=r"BAROMETER_MODEL_LABELS=LABEL_0=\?,LABEL_1=\?,LABEL_2=\?"):
        TorchClassifier(str(model))
    found = probabilities(model, "LABEL_0=positive,LABEL_1=neutral,LABEL_2=negative")
    np.testing.assert_allclose(found, raw(model)[:, ::-1], atol=1e-5)


def test_a_mapping_of_labels_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["LABEL_0", "LABEL_1"])
    with pytest.raises(UsageError, match="LABEL_7"):
        TorchClassifier(str(model), model_labels="LABEL_0=negative,LABEL_1=positive,LABEL_7=neutral")


def test_a_model_of_several_labels_at_once_is_refused(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["negative", "positive"], problem_type="multi_label_classification")
    with pytest.raises(UsageError, match="multi_label_classification"):
        TorchClassifier(str(model))


def test_an_encoder_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    write_base(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    names = {"0": "negative", "1": "neutral", "2": "positive"}
    (tmp_path / "config.json").write_text(json.dumps({**config, "id2label": names}))
    with pytest.raises(ModelError, match="no trained classifier"):
        TorchClassifier(str(tmp_path))


def test_damaged_weights_are_one_sentence(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["negative", "neutral", "positive"])
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    with pytest.raises(ModelError, match="missing or damaged"):
        TorchClassifier(str(model))


def test_weights_that_are_not_numbers_are_an_error_not_a_label(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    model = write_classifier(tmp_path, ["negative", "neutral", "positive"])
    weights = load_file(model / "model.safetensors")
    weights["classifier.bias"][:] = float("nan")
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="not a number"):
        TorchClassifier(str(model)).classify(["hello"])


def test_the_version_follows_everything_that_labels_depend_on(tmp_path: Path, trained: Path) -> None:
    versions = {TorchClassifier(str(trained)).info.version}
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    assert {TorchClassifier(str(copy)).info.version} == versions
    (copy / "calibration.json").write_text('{"temperature": 3.0}')
    versions.add(TorchClassifier(str(copy)).info.version)
    tokenizer = copy / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text().replace("lovely", "lovelx"))
    versions.add(TorchClassifier(str(copy)).info.version)
    assert len(versions) == 3


def test_the_declared_mapping_is_part_of_the_version(tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["LABEL_0", "LABEL_1"])
    mappings = ("LABEL_0=negative,LABEL_1=positive", "LABEL_0=positive,LABEL_1=negative")
    assert len({TorchClassifier(str(model), model_labels=mapping).info.version for mapping in mappings}) == 2


@pytest.mark.parametrize("content", ["{", '{"temperature": 0}', '{"temperature": -1}', "[]"])
def test_a_damaged_calibration_is_named(content: str, tmp_path: Path) -> None:
    model = write_classifier(tmp_path, ["negative", "positive"])
    (model / "calibration.json").write_text(content)
    with pytest.raises(ModelError, match="calibration"):
        TorchClassifier(str(model))


def test_a_missing_gpu_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UsageError, match="no CUDA device"):
        TorchClassifier("unused", device="cuda")


def test_bf16_changes_little(trained: Path) -> None:
    import torch

    exact = TorchClassifier(str(trained), precision="float32")
    quick = TorchClassifier(str(trained))
    difference = np.abs(exact.classify(TEXTS).probabilities - quick.classify(TEXTS).probabilities).max()
    assert difference < 0.05
    if bf16_pays(torch.device("cpu")):
        assert difference > 0
