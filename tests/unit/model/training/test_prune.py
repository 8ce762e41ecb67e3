"""Pruning: what is said twice goes first, what stays makes up for what went, and a model like any other comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from infra.errors import UsageError
from model.engines.torch import TorchClassifier
from model.evaluation.fidelity import compare
from model.export import export_model
from model.labelled import read_labelled
from model.training.distil import distil
from model.training.prune import keep_best
from model.training.prune_cli import Plan, prune, prune_model
from model.training.run import tokenise

Layer = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def layer(seed: int, inputs: int, outputs: int = 5, samples: int = 400) -> Layer:
    """Weight, bias, and what goes into it (samples, inputs), of which no two columns are alike."""
    draw = torch.Generator().manual_seed(seed)
    mix = torch.randn(inputs, inputs, generator=draw)
    seen = torch.nn.functional.gelu(torch.randn(samples, inputs, generator=draw) @ mix)
    return torch.randn(outputs, inputs, generator=draw), torch.randn(outputs, generator=draw), seen


def moments(seen: torch.Tensor) -> torch.Tensor:
    with_one = torch.cat([seen, torch.ones(len(seen), 1)], 1).double()
    return with_one.T @ with_one / len(seen)


@given(st.integers(0, 1_000), st.integers(2, 12))
def test_units_that_say_what_others_say_go_first_and_nothing_is_lost(seed: int, inputs: int) -> None:
    weight, bias, seen = layer(seed, inputs)
    twice, doubled = torch.cat([weight, weight], 1), torch.cat([seen, 2 * seen], 1)

    kept = keep_best(twice, bias, moments(doubled), inputs)

    assert sorted(unit % inputs for unit in kept.units.tolist()) == list(range(inputs)), "one of each two"
    wanted, got = doubled @ twice.T + bias, doubled[:, kept.units] @ kept.weight.T + kept.bias
    assert (wanted - got).square().mean() < 1e-3 * wanted.square().mean()
    assert kept.loss < 1e-3


@given(st.integers(0, 1_000), st.integers(3, 12), st.data())
def test_what_stays_makes_up_for_what_went_as_well_as_it_can(seed: int, inputs: int, data: st.DataObject) -> None:
    """No worse than least squares on the units that it kept, and the loss it tells is what is lost."""
    width = data.draw(st.integers(1, inputs - 1))
    weight, bias, seen = layer(seed, inputs)
    wanted = seen @ weight.T + bias

    kept = keep_best(weight, bias, moments(seen), width)

    lost = (wanted - seen[:, kept.units] @ kept.weight.T - kept.bias).square().mean() / wanted.square().mean()
    left = torch.cat([seen[:, kept.units], torch.ones(len(seen), 1)], 1).double()
    best = left @ torch.linalg.lstsq(left, wanted.double()).solution
    floor = (wanted - best).square().mean() / wanted.square().mean()
    assert len(kept.units) == width
    assert float(lost) == pytest.approx(kept.loss, rel=0.01, abs=1e-6)
    assert float(lost) <= float(floor) * 1.02 + 1e-3


@pytest.fixture(scope="module")
def pruned(trained: Path, world: Path) -> Path:
    data, output = world / "train.tsv", world / "pruned"
    prune_model(str(trained), read_labelled(data), data, output, Plan(width=None, epochs=1, learning_rate=1e-4, seed=1))
    return output


def test_the_result_is_half_as_wide_and_says_what_its_parent_says(pruned: Path, trained: Path, world: Path) -> None:
    texts = read_labelled(world / "val.tsv").texts
    parent, narrow = TorchClassifier(str(trained)), TorchClassifier(str(pruned))

    same = compare(parent.classify(texts).probabilities, narrow.classify(texts).probabilities).as_dict()

    assert (parent.network.config.intermediate_size, narrow.network.config.intermediate_size) == (64, 32)
    assert same["same_label"] > 0.95
    assert narrow.temperature == parent.temperature


def test_a_student_that_knows_nothing_learns_what_its_teacher_says(trained: Path, world: Path) -> None:
    """Its head is blank, so that it calls each label as likely as the others."""
    data = read_labelled(world / "train.tsv")
    teacher, student = TorchClassifier(str(trained)), TorchClassifier(str(trained))
    student.network.classifier.weight.data.zero_()
    wanted = teacher.classify(data.texts).probabilities

    def distance() -> float:
        return float(np.abs(student.classify(data.texts).probabilities - wanted).mean())

    before = distance()
    rows = tokenise(teacher.tokenizer, data, teacher.max_tokens)
    steps = distil(teacher.network, student.network, teacher.tokenizer, rows, epochs=4, learning_rate=1e-2, seed=1)

    assert steps == 4 * len(rows) // 32
    assert distance() < before / 3


def test_it_is_exported_like_any_other_and_the_card_says_how_it_was_made(pruned: Path, tmp_path: Path) -> None:
    said = json.loads((pruned / "provenance.json").read_text())["pruned"]
    assert (said["width_before"], said["width"], len(said["lost_by_layer"])) == (64, 32, 2)

    export_model(str(pruned), tmp_path / "exported")

    card = (tmp_path / "exported" / "README.md").read_text()
    assert "Of 64 units in each feed-forward layer 32 were kept" in card
    assert said["from"] in card


def test_a_width_that_is_not_less_is_refused(trained: Path, world: Path, tmp_path: Path) -> None:
    data = world / "train.tsv"
    with pytest.raises(UsageError, match="give 1 to 63"):
        prune_model(str(trained), read_labelled(data), data, tmp_path, Plan(64, 0, 1e-4, 1))


def test_a_folder_that_holds_something_is_left_alone(trained: Path, world: Path) -> None:
    told = ["--data", str(world / "train.tsv"), "--output", str(world)]
    result = CliRunner().invoke(prune, [str(trained), *told])
    assert isinstance(result.exception, UsageError)
    assert "is not empty; give another --output" in str(result.exception)
