"""Training for real: it learns, it can be killed, it never overwrites another run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import BarometerError, MissingExtraError, UsageError
from model.engines.torch import TorchClassifier
from model.evaluation.metrics import compute_metrics
from model.labelled import LabelledTexts, read_labelled
from model.training.config import TrainingConfig
from model.training.run import CHECKPOINTS, Progress, fit_temperature, resolve_base, train
from tests.kafka_tools import wait_until

PATIENCE_S = 240


def weights(run: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(run / "model.safetensors")


def test_a_trained_model_has_learnt(trained: Path, world: Path) -> None:
    val = read_labelled(world / "val.tsv")
    found = TorchClassifier(str(trained)).classify(val.texts).probabilities
    assert compute_metrics(found, np.array(val.labels)).macro_recall > 0.8


def test_provenance_says_what_was_trained_on_what(trained: Path, world: Path) -> None:
    provenance = json.loads((trained / "provenance.json").read_text())
    assert provenance["name"] == "tiny"
    assert provenance["data"]["file"] == "train.tsv"
    assert provenance["data"]["rows"] + provenance["data"]["calibration_rows"] == 480
    assert provenance["config"]["learning_rate"] == 3e-3
    assert provenance["steps"] == provenance["config"]["epochs"] * -(-provenance["data"]["rows"] // 16)
    assert not (trained / CHECKPOINTS).exists()


def test_a_killed_run_goes_on_where_it_was_and_ends_with_the_same_weights(trained: Path, world: Path) -> None:
    """The promise of resuming, with a real kill -9 of a real process."""
    output = world / "killed"
    command = [sys.executable, "-m", "stream.cli", "train", "--data", str(world / "train.tsv")]
    command += ["--config", str(world / "config.toml"), "--output", str(output)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        wait_until(partial(_checkpoint_or_end, output, process), PATIENCE_S, "the run has a checkpoint")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors.decode()
    assert not (output / "provenance.json").exists()

    steps: list[int] = []
    config = TrainingConfig.load(world / "config.toml")
    provenance = train(
        config, read_labelled(world / "train.tsv"), output, on_step=lambda progress: steps.append(progress.step)
    )
    assert provenance["resumed_at_step"] >= config.checkpoint_steps
    assert steps[0] == provenance["resumed_at_step"] + 1
    whole, resumed = weights(trained), weights(output)
    assert whole.keys() == resumed.keys()
    for name, expected in whole.items():
        np.testing.assert_allclose(resumed[name], expected, atol=1e-4, err_msg=name)


def _checkpoint_or_end(output: Path, process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is not None or any((output / CHECKPOINTS).glob("*/trainer_state.json"))


def test_a_finished_run_is_not_trained_again(trained: Path, world: Path) -> None:
    def forbidden(progress: Progress) -> None:
        raise AssertionError(f"step {progress.step} of a run that is done")

    data = read_labelled(world / "train.tsv")
    again = train(TrainingConfig.load(world / "config.toml"), data, trained, on_step=forbidden)
    assert again == json.loads((trained / "provenance.json").read_text())


@pytest.mark.parametrize("change", ["config", "data"])
def test_another_run_is_never_overwritten(change: str, trained: Path, world: Path) -> None:
    config, data = TrainingConfig.load(world / "config.toml"), read_labelled(world / "train.tsv")
    if change == "config":
        config = config.model_copy(update={"seed": 6})
    else:
        data = LabelledTexts(data.texts[:-1], data.labels[:-1])
    with pytest.raises(UsageError, match="--fresh"):
        train(config, data, trained)


def test_a_base_that_is_not_there_names_the_extra_or_the_fix(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"'\.\[train\]'"):
        resolve_base("package:no_such_package/model")
    assert resolve_base("someone/some-bert") == "someone/some-bert"
    data = LabelledTexts(["a", "b"] * 10, [0, 2] * 10)
    with pytest.raises(UsageError, match="cannot be loaded"):
        train(TrainingConfig(base=str(tmp_path / "none")), data, tmp_path / "run")


def test_one_label_is_not_enough_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="positive"):
        train(TrainingConfig(), LabelledTexts(["a", "b"], [2, 2]), tmp_path)


@given(st.floats(0.4, 3), st.integers(0, 2**32 - 1))
def test_the_temperature_that_made_the_labels_is_found(temperature: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    logits = draw.normal(scale=2, size=(3_000, 3))
    noise = draw.gumbel(size=logits.shape)  # argmax of logits / T + noise is a draw from softmax(logits / T)
    labels = (logits / temperature + noise).argmax(axis=1)
    assert fit_temperature(logits, labels) == pytest.approx(temperature, rel=0.2)


BAD_CONFIGS: dict[str, Callable[[], str]] = {
    "epochs": lambda: "epochs = 0",
    "learning_rat": lambda: "learning_rat = 0.1",
    "TOML": lambda: "epochs = = 1",
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_a_bad_config_names_the_field(name: str, tmp_path: Path) -> None:
    from model.training.cli import load_config

    path = tmp_path / "config.toml"
    path.write_text(BAD_CONFIGS[name]())
    with pytest.raises(BarometerError, match=name) as caught:
        load_config(path)
    assert caught.value.exit_code == 2


def test_the_bundled_config_is_valid() -> None:
    from model.training.cli import BUNDLED_CONFIG, load_config

    assert load_config(BUNDLED_CONFIG).name == "barometer-minilm"
