"""Averaging weights: the mean it says, and clear words for what cannot be averaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from infra.errors import UsageError
from model.training.average import average_folders, parse_part


def model(folder: Path, value: float, *, width: int = 2, seed: int = 1) -> Path:
    folder.mkdir(parents=True)
    save_file({"layer.weight": np.full(width, value, dtype=np.float32)}, folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    (folder / "provenance.json").write_text(json.dumps({"config": {"seed": seed, "epochs": 3}}))
    return folder


def test_the_result_is_the_weighted_mean_and_says_of_what(tmp_path: Path) -> None:
    parts = [(model(tmp_path / "a", 1.0), 1.0), (model(tmp_path / "b", 5.0, seed=2), 3.0)]

    average_folders(parts, tmp_path / "mean")

    assert load_file(tmp_path / "mean" / "model.safetensors")["layer.weight"].tolist() == [4.0, 4.0]
    said = json.loads((tmp_path / "mean" / "provenance.json").read_text())["average_of"]
    assert [(part["model"], part["weight"], part["seed"]) for part in said] == [("a", 0.25, 1), ("b", 0.75, 2)]


def test_a_checkpoint_has_the_provenance_of_its_run(tmp_path: Path) -> None:
    run = model(tmp_path / "run", 1.0, seed=9)
    checkpoint = model(run / "checkpoints" / "checkpoint-5", 3.0)
    (checkpoint / "provenance.json").unlink()

    average_folders([(checkpoint, 1.0)], tmp_path / "mean")

    assert json.loads((tmp_path / "mean" / "provenance.json").read_text())["average_of"][0]["seed"] == 9


def test_models_of_different_shapes_are_refused(tmp_path: Path) -> None:
    parts = [(model(tmp_path / "a", 1.0), 1.0), (model(tmp_path / "b", 1.0, width=3), 1.0)]
    with pytest.raises(UsageError, match="other weights"):
        average_folders(parts, tmp_path / "mean")


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no model\.safetensors"):
        average_folders([(tmp_path, 1.0)], tmp_path / "mean")


def test_weights_are_read_from_the_command_line() -> None:
    assert parse_part("runs/a") == (Path("runs/a"), 1.0)
    assert parse_part("runs/a=2.5") == (Path("runs/a"), 2.5)
    for wrong in ("runs/a=", "runs/a=0", "runs/a=-1", "runs/a=nan", "runs/a=x"):
        with pytest.raises(UsageError, match="positive number"):
            parse_part(wrong)
