"""Which engine runs which model, and what is said when none can."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from infra.errors import BarometerError, MissingExtraError, UsageError
from infra.settings import Settings
from model import engines
from model.engines import load_classifier, load_from_settings
from model.prediction import ModelError


def test_a_folder_is_run_by_what_it_holds(exported: Path, trained: Path) -> None:
    for folder, engine in ((exported, "openvino"), (trained, "torch")):
        loaded = load_classifier(str(folder), threads=1)
        assert loaded.info.engine == engine
        assert loaded.info.name == "tiny"
        loaded.close()


def test_settings_choose_the_model(exported: Path) -> None:
    loaded = load_from_settings(Settings(model=str(exported), threads=1))
    assert loaded.info.name == "tiny"
    loaded.close()


def test_the_bundled_model_is_the_default() -> None:
    loaded = load_classifier()
    assert loaded.info.engine == "openvino"
    loaded.close()


@pytest.mark.parametrize(
    ("model", "options", "error", "message"),
    [
        ("EXPORTED", {"engine": "torch"}, UsageError, "BAROMETER_ENGINE=auto"),
        ("EXPORTED", {"device": "cuda"}, UsageError, "BAROMETER_DEVICE=auto"),
        ("EXPORTED", {"model_labels": "a=positive"}, UsageError, "BAROMETER_MODEL_LABELS"),
        ("TRAINED", {"engine": "openvino"}, UsageError, "barometer export"),
        ("EMPTY", {}, UsageError, "neither model.xml nor config.json"),
        ("EMPTY/file", {}, UsageError, "is a file"),
        ("/no/such/folder", {}, UsageError, "no model folder"),
        ("./nothing", {}, UsageError, "no model folder"),
        ("not a name!", {}, UsageError, "neither a folder nor a name on the hub"),
        ("nobody/no-such-model", {}, ModelError, "the hub cannot be reached"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why_and_what_to_do(
    model: str,
    options: dict[str, str],
    error: type[BarometerError],
    message: str,
    exported: Path,
    trained: Path,
    tmp_path: Path,
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "file").touch()
    for name, folder in (("EXPORTED", exported), ("TRAINED", trained), ("EMPTY", empty)):
        model = model.replace(name, str(folder))
    with pytest.raises(error, match=message):
        load_classifier(model, **options)  # type: ignore[arg-type]


def test_a_missing_bundled_model_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(engines, "__file__", str(tmp_path / "engines" / "__init__.py"))
    with pytest.raises(ModelError, match="bundled model is missing"):
        load_classifier()


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, trained: Path) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[torch\]'"):
        load_classifier(str(trained))


@pytest.mark.parametrize("file", ["model.xml", "model.bin", "tokenizer.json"])
@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_export_names_the_file(file: str, damage: str, exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    if damage == "cut":
        content = (copy / file).read_bytes()
        (copy / file).write_bytes(content[: len(content) // 2])
    else:
        (copy / file).unlink()
    with pytest.raises(BarometerError, match=file):
        load_classifier(str(copy))


@pytest.mark.parametrize(
    "change", [{"temperature": 2.0}, {"max_tokens": 8}, {"labels": ["positive", "neutral", "negative"]}]
)
def test_an_export_edited_by_hand_is_refused(change: dict[str, object], exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelError, match="edited by hand"):
        load_classifier(str(copy))


def test_an_export_for_another_normaliser_is_refused(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "normaliser": config["normaliser"] + 1}))
    with pytest.raises(ModelError, match="normaliser"):
        load_classifier(str(copy))


def test_config_that_is_not_json_is_named(exported: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    (copy / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"config\.json"):
        load_classifier(str(copy))
