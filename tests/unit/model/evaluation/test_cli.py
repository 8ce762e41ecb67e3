"""``barometer evaluate`` as its users call it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from infra.errors import BarometerError
from model.engines import load_classifier
from model.evaluation import cli
from model.evaluation.metrics import compute_metrics
from model.labelled import read_labelled
from model.labels import LABELS


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.evaluate, [str(argument) for argument in arguments])


def test_json_is_one_object_with_the_figures_of_the_model(exported: Path, world: Path) -> None:
    done = call("--data", world / "val.tsv", "--model", exported, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    data = read_labelled(world / "val.tsv")
    loaded = load_classifier(str(exported))
    expected = compute_metrics(loaded.classify(data.texts).probabilities, np.array(data.labels))
    loaded.close()
    assert found["engine"] == "openvino"
    assert found["n"] == len(data.texts)
    assert found["version"] == loaded.info.version
    for key in ("macro_recall", "accuracy", "ece", "macro_f1"):
        assert found[key] == pytest.approx(getattr(expected, key), abs=1e-5)
    assert found["confusion"] == expected.confusion
    assert found["texts_per_s"] > 0


def test_both_engines_say_nearly_the_same(exported: Path, trained: Path, world: Path) -> None:
    figures = [
        json.loads(call("--data", world / "val.tsv", "--model", m, "--json").stdout) for m in (exported, trained)
    ]
    assert abs(figures[0]["macro_recall"] - figures[1]["macro_recall"]) <= 0.02


def test_the_table_shows_each_label(exported: Path, world: Path) -> None:
    done = call("--data", world / "val.tsv", "--model", exported, "--limit", "30")
    assert done.exit_code == 0, done.output
    assert "macro recall" in done.stdout
    assert "30 texts" in done.stdout
    for label in ("negative", "neutral", "positive"):
        assert label in done.stdout


def test_plots_are_pictures(exported: Path, world: Path, tmp_path: Path) -> None:
    done = call("--data", world / "val.tsv", "--model", exported, "--plots", tmp_path / "plots")
    assert done.exit_code == 0, done.output
    for name in ("confusion.png", "roc.png", "calibration.png"):
        content = (tmp_path / "plots" / name).read_bytes()
        assert content.startswith(b"\x89PNG")
        width, height = struct.unpack(">II", content[16:24])
        assert width > 500
        assert height > 500


def test_what_was_assumed_and_left_out_is_said(exported: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("target,text\n0,lost parcel\n4,lovely crew\n2,noon\n9,what\n[b]x[/b],y\n")
    done = call("--data", data, "--model", exported, "--json")
    assert "0 = negative, 2 = neutral, 4 = positive" in done.stderr
    assert "2 rows left out" in done.stderr
    assert "'[b]x[/b]' (1)" in done.stderr  # as it stands in the file: nothing in it is markup
    found = json.loads(done.stdout)
    assert found["label_mapping"] == {"0": "negative", "2": "neutral", "4": "positive"}
    assert found["unreadable_rows"] == 2


def test_labels_can_be_declared(exported: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("label,text\n0,lost parcel\n1,lovely crew\n")
    refused = call("--data", data, "--model", exported)
    assert isinstance(refused.exception, BarometerError)
    assert "--labels 0=negative,1=positive" in str(refused.exception)
    done = call("--data", data, "--model", exported, "--labels", "0=negative,1=positive", "--json")
    assert json.loads(done.stdout)["n"] == 2


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, world: Path) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    done = call("--data", world / "val.tsv")
    assert isinstance(done.exception, BarometerError)
    assert "'.[evaluate]'" in str(done.exception)


def test_shares_are_compared_by_column(exported: Path, world: Path, tmp_path: Path) -> None:
    data = read_labelled(world / "val.tsv")
    file = tmp_path / "brands.csv"
    rows = [
        f'{LABELS[label]},{"ab"[i % 2]},"{text}"'
        for i, (text, label) in enumerate(zip(data.texts, data.labels, strict=False))
    ]
    file.write_text("\n".join(["label,brand,text", *rows]))
    done = call("--data", file, "--model", exported, "--by", "brand")
    assert done.exit_code == 0, done.output
    assert "nearer by" in done.stdout
    found = json.loads(call("--data", file, "--model", exported, "--by", "brand", "--json").stdout)["shares"]
    assert [(one["group"], one["texts"]) for one in found["groups"]] == [("a", 120), ("b", 120)]
    human = np.mean([label == 0 for i, label in enumerate(data.labels) if i % 2 == 0])
    assert found["groups"][0]["human"] == pytest.approx(human)


def test_errors_are_measured_written_and_used(exported: Path, world: Path, tmp_path: Path) -> None:
    written = tmp_path / "confusion.json"
    done = call("--data", world / "val.tsv", "--model", exported, "--write-confusion", written, "--json")
    assert [list(row) for row in json.loads(written.read_text())["counts"]] == json.loads(done.stdout)["confusion"]
    other = json.loads(written.read_text()) | {"model_version": "other"}
    written.write_text(json.dumps(other))
    refused = call("--data", world / "val.tsv", "--model", exported, "--by", "label", "--confusion", written)
    assert isinstance(refused.exception, BarometerError)
    assert "measured with model other" in str(refused.exception)


def test_a_model_of_unknown_errors_is_named(trained: Path, world: Path) -> None:
    refused = call("--data", world / "val.tsv", "--model", trained, "--by", "label")
    assert isinstance(refused.exception, BarometerError)
    assert "--write-confusion" in str(refused.exception)


def test_a_column_that_is_not_there_is_named(exported: Path, world: Path) -> None:
    refused = call("--data", world / "val.tsv", "--model", exported, "--by", "brand")
    assert isinstance(refused.exception, BarometerError)
    assert "no column 'brand'" in str(refused.exception)
