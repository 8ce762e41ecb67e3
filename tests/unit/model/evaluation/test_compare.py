from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from model.evaluation.compare import compare
from stream.cli import barometer

pytest.importorskip("sklearn")
LABELS = st.integers(0, 2)


def array(values: list[int]) -> NDArray[np.intp]:
    return np.array(values, dtype=np.intp)


@given(st.lists(st.tuples(LABELS, LABELS, LABELS), min_size=1, max_size=60))
def test_what_is_compared_the_other_way_round_is_the_opposite(rows: list[tuple[int, int, int]]) -> None:
    base, other, truth = (array(list(column)) for column in zip(*rows, strict=True))
    there, back = compare(base, other, truth), compare(other, base, truth)
    assert there.accuracy.value == pytest.approx(-back.accuracy.value)
    assert there.macro_recall.value == pytest.approx(-back.macro_recall.value)
    assert (there.only_base, there.only_other, there.chance) == (back.only_other, back.only_base, back.chance)
    assert np.array_equal(there.changed, np.transpose(back.changed))
    assert there.accuracy.value == pytest.approx((other == truth).mean() - (base == truth).mean())
    assert there.accuracy.low <= there.accuracy.value + 1e-9 <= there.accuracy.high + 2e-9 or len(rows) < 5


def test_a_model_is_no_better_than_itself() -> None:
    truth = array([0, 1, 2] * 30)
    found = compare(truth, truth, truth)
    assert (found.chance, found.same_label, found.verdict) == (1.0, 1.0, "no difference that is not chance")


def test_one_that_gets_much_more_right_is_better_and_not_by_chance() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 900)
    good = np.where(random.random(900) < 0.85, truth, (truth + 1) % 3)
    poor = np.where(random.random(900) < 0.60, truth, (truth + 1) % 3)
    found = compare(poor, good, truth)
    assert found.verdict == "better"
    assert compare(good, poor, truth).verdict == "worse"
    assert found.chance < 1e-6
    assert found.macro_recall.low < 0.25 < found.macro_recall.high


def test_the_interval_holds_the_true_difference_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(5)
    held = 0
    for trial in range(200):
        truth = random.integers(0, 3, 300)
        base = np.where(random.random(300) < 0.7, truth, (truth + 1) % 3)
        other = np.where(random.random(300) < 0.75, truth, (truth + 1) % 3)
        found = compare(base, other, truth, seed=trial)
        held += found.macro_recall.low <= 0.05 <= found.macro_recall.high
    assert 0.90 <= held / 200 <= 0.99


def test_the_command_compares_a_model_with_itself(tmp_path: Path) -> None:
    data = tmp_path / "labelled.tsv"
    rows = ["I love it\tpositive", "worst bank ever\tnegative", "the train leaves at five\tneutral"] * 4
    data.write_text("text\tlabel\n" + "\n".join(rows) + "\n", encoding="utf-8")
    answer = CliRunner().invoke(barometer, ["compare", "bundled", "bundled", "--data", str(data), "--json"])
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["base"]["version"] == found["other"]["version"]
    assert found["same_label"] == 1.0
    assert found["n"] == 12
