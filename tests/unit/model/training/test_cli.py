"""``barometer train`` as its users call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.errors import BarometerError
from model.training import cli


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.train, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def small(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """A run of 60 rows, judged on val.tsv."""
    output = tmp_path_factory.mktemp("runs") / "small"
    options = ("--data", world / "train.tsv", "--config", world / "config.toml", "--limit", "60")
    return output, call(*options, "--output", output, "--val", world / "val.tsv", "--json")


def test_a_limited_run_writes_model_provenance_and_metrics(small: tuple[Path, Result]) -> None:
    output, done = small
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    provenance = json.loads((output / "provenance.json").read_text())
    metrics = json.loads((output / "metrics.json").read_text())
    assert said["provenance"] == provenance
    assert provenance["data"]["rows"] + provenance["data"]["calibration_rows"] == 60
    assert metrics["macro_recall"] == said["metrics"]["macro_recall"]
    assert metrics["data"]["file"] == "val.tsv"
    assert (output / "model.safetensors").exists()


def test_without_a_terminal_progress_is_a_few_plain_lines(small: tuple[Path, Result]) -> None:
    _, done = small
    lines = done.stderr.splitlines()
    assert lines[0] == "training tiny on 60 texts of train.tsv"
    assert lines[-1].startswith("step ")
    assert len(lines) < 20
    assert "\x1b" not in done.stderr
    assert "it/s" not in done.stderr


def test_a_second_call_finds_the_run_done_and_fresh_trains_again(small: tuple[Path, Result], world: Path) -> None:
    output, _ = small
    options = ("--data", world / "train.tsv", "--config", world / "config.toml", "--limit", "60", "--output", output)
    again = call(*options)
    assert again.exit_code == 0, again.output
    assert "already holds this run" in again.stderr
    before = (output / "provenance.json").stat().st_mtime_ns
    fresh = call(*options, "--fresh")
    assert fresh.exit_code == 0, fresh.output
    assert (output / "provenance.json").stat().st_mtime_ns != before


def test_fresh_never_empties_a_folder_that_is_no_run(world: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = call("--data", world / "train.tsv", "--config", world / "config.toml", "--output", tmp_path, "--fresh")
    assert isinstance(done.exception, BarometerError)
    assert (tmp_path / "thesis.txt").exists()


def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, world: Path) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    done = call("--data", world / "train.tsv")
    assert isinstance(done.exception, BarometerError)
    assert "'.[train]'" in str(done.exception)
