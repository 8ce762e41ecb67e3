"""An export says what its parent says, in any batch, or it is not written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from infra.errors import BarometerError, UsageError
from model import export as export_module
from model.engines import load_classifier
from model.engines.torch import TorchClassifier
from model.export import ExportRefusedError, export, export_model
from model.labelled import LabelledTexts, read_labelled
from model.prediction import softmax
from model.quantification import read_confusion
from tests.unit.model.tiny import write_classifier


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(export, [str(argument) for argument in arguments])


def test_the_exported_model_agrees_with_its_parent(exported: Path, trained: Path, world: Path) -> None:
    texts = read_labelled(world / "val.tsv").texts
    parent = TorchClassifier(str(trained), precision="float32").classify(texts)
    child = load_classifier(str(exported))
    found = child.classify(texts)
    child.close()
    assert (found.labels == parent.labels).mean() > 0.97
    assert np.abs(found.probabilities - parent.probabilities).mean() < 0.01
    assert found.truncated.tolist() == parent.truncated.tolist()


def test_probabilities_are_the_same_to_the_last_bit_in_any_batch(exported: Path) -> None:
    metrics = json.loads((exported / "metrics.json").read_text())
    assert metrics["batch_invariance"] == {"texts": 256, "max_difference": 0.0, "changed_labels": 0}


def test_the_card_tells_quality_fidelity_and_training(exported: Path) -> None:
    card = (exported / "README.md").read_text()
    metrics = json.loads((exported / "metrics.json").read_text())
    version = json.loads((exported / "config.json").read_text())["version"]
    assert card.startswith(f"# tiny {version}\n")
    assert (
        f"| macro recall | {metrics['parent']['macro_recall']:.4f} | {metrics['exported']['macro_recall']:.4f} |"
        in card
    )
    for heading in ("## Quality", "## Fidelity", "## Training"):
        assert heading in card


def test_the_errors_by_which_shares_are_corrected_come_with_it(exported: Path) -> None:
    version = json.loads((exported / "config.json").read_text())["version"]
    found = read_confusion(exported, model_version=version)
    assert found is not None
    assert found.prior_from == "training"  # with full class weights, by its provenance
    metrics = json.loads((exported / "metrics.json").read_text())
    assert [list(row) for row in found.counts] == metrics["exported"]["confusion"]


def test_without_labelled_data_generated_texts_are_compared(trained: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("## Intended use\n\nTests.\n")
    done = call(trained, "--output", tmp_path / "out", "--name", "mine", "--notes", notes, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["agreement_with_parent"]["texts"] == 1_000
    assert found["agreement_with_parent"]["same_label"] > 0.97
    assert "exported" not in found
    card = (tmp_path / "out" / "README.md").read_text()
    assert "## Intended use\n\nTests." in card
    assert "# mine " in card


def test_the_same_parent_and_texts_give_the_same_version(
    exported: Path, trained: Path, world: Path, tmp_path: Path
) -> None:
    again = export_model(str(trained), tmp_path / "again", data=read_labelled(world / "val.tsv"))
    assert again.version == json.loads((exported / "config.json").read_text())["version"]


def test_other_networks_with_labels_in_any_order_can_be_exported(tmp_path: Path) -> None:
    parent = write_classifier(tmp_path / "parent", ["POS", "NEG", "NEU"])
    export_model(str(parent), tmp_path / "out")
    texts = ["the crew was lovely", "lost and broken", "noon"]
    child = load_classifier(str(tmp_path / "out"))
    expected = TorchClassifier(str(parent), precision="float32").classify(texts).probabilities
    np.testing.assert_allclose(child.classify(texts).probabilities, expected, atol=0.05)
    child.close()


def test_the_last_layer_is_asked_once_and_the_card_says_so(exported: Path) -> None:
    assert json.loads((exported / "metrics.json").read_text())["last_layer_for"] == "mean"
    assert "Its last layer is asked once" in (exported / "README.md").read_text()


def test_where_asking_once_costs_too_many_labels_the_last_layer_stays_whole(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_module, "LEAST_SAME", 1.01)
    done = export_model(str(trained), tmp_path / "out")

    assert done.metrics["last_layer_for"] is None
    assert "last layer" not in (tmp_path / "out" / "README.md").read_text()
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["temperature"] == done.metrics["parent_temperature"]


@given(arrays(np.float32, (40, 3), elements=st.floats(-4, 4, width=32)), st.floats(0.4, 2.5))
def test_the_nearest_temperature_is_the_one_that_was_taken_away(logits: NDArray[np.float32], ratio: float) -> None:
    logits[:, 0] += np.linspace(-3, 3, 40, dtype=np.float32)  # not all alike
    sharp, meant = softmax(logits, 1.0), softmax(logits, ratio)
    assert export_module.nearest_temperature(sharp, meant) == pytest.approx(ratio, rel=0.02)


def test_a_model_without_one_output_for_each_label_is_refused(tmp_path: Path) -> None:
    parent = write_classifier(tmp_path / "parent", ["NEGATIVE", "POSITIVE"])
    with pytest.raises(UsageError, match="2 labels"):
        export_model(str(parent), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_that_lost_quality_is_refused_and_leaves_nothing(
    trained: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damage done to the weights on their way is found by the comparison."""
    from model.engines import torch_to_openvino

    sound = torch_to_openvino.convert

    def damaging(parent: TorchClassifier, folder: Path, **more: Any) -> None:
        head = parent.network.classifier.weight.data
        kept = head.clone()
        head[0] = head[2]
        sound(parent, folder, **more)
        head.copy_(kept)

    monkeypatch.setattr(torch_to_openvino, "convert", damaging)
    with pytest.raises(ExportRefusedError, match="macro recall") as caught:
        export_model(str(trained), tmp_path / "out", data=read_labelled(world / "val.tsv"))
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_an_export_that_minds_its_batch_is_refused(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with one activation scale for a whole batch: the more neighbours, the further off."""
    from model.engines import openvino

    def drifting(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
        return softmax(logits * np.float32(1 + len(logits) / 100), temperature)

    monkeypatch.setattr(openvino, "softmax", drifting)
    with pytest.raises(ExportRefusedError, match="depend on the batch"):
        export_model(str(trained), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_export_is_not_replaced(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = call(trained, "--output", tmp_path)
    assert isinstance(done.exception, BarometerError)
    assert "not an exported model" in str(done.exception)
    assert (tmp_path / "thesis.txt").exists()


def test_without_nncf_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, trained: Path, tmp_path: Path) -> None:
    monkeypatch.setattr(export_module, "find_spec", lambda name: None)
    done = call(trained, "--output", tmp_path / "out")
    assert isinstance(done.exception, BarometerError)
    assert "'.[train]'" in str(done.exception)


def test_labels_of_the_comparison_are_those_of_the_file(trained: Path, tmp_path: Path) -> None:
    data = LabelledTexts(["lovely crew", "lost parcel", "noon"] * 30, [2, 0, 1] * 30)
    done = export_model(str(trained), tmp_path / "out", data=data)
    assert done.metrics["data"] == {"rows": 90}
    assert done.metrics["exported"]["n"] == 90
