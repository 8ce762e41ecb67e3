"""A sweep finds with each setting what a backtest with that setting finds."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from infra.errors import UsageError
from infra.settings import Settings
from stream.backtest.incidents import Incident
from stream.backtest.result import Result
from stream.backtest.run import BacktestOptions, backtest_file
from stream.backtest.score import alarm_of, score
from stream.backtest.sweep import SHARE_GRID, VOLUME_GRID, read_grid, sweep
from stream.replay.options import ReplayOptions
from stream.spikes.pane import Kind
from stream.spikes.rules import SpikeRules
from tests.backtest_file import CRISIS, SILENCE, ZERO, write_labelled
from tests.fixed_worker import FixedClassifier

START = int(ZERO.timestamp())
INCIDENTS = [
    Incident(START + CRISIS[0], START + CRISIS[1], "Acme"),
    Incident(START + SILENCE[0], START + SILENCE[0] + 1_200, "Bolt"),
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sweep") / "labelled.jsonl"
    write_labelled(path)
    return path


def run(file: Path, settings: Settings) -> Result:
    return backtest_file(settings, BacktestOptions(ReplayOptions(file), label_column="mood"), FixedClassifier)


def test_each_setting_finds_what_a_backtest_with_it_finds(file: Path) -> None:
    grid = {"min_effect": (0.08, 0.3, 0.9), "min_tweets": (20, 60)}
    found = sweep(run(file, Settings()), INCIDENTS, SpikeRules(), [grid], 0.25, lambda _done, _all: None)
    assert len(found.tries) == 6
    for one in found.tries:
        changed = {f"spike_{name}": value for name, value in one.changed.items()}
        alone = run(file, Settings(**changed))
        assert one.score == score(map(alarm_of, alone.spikes), INCIDENTS, alone.watched), one.changed
    assert found.current.changed == {}
    assert found.current.score.recall == 1.0


def test_the_setting_with_the_best_recall_among_few_false_alarms_is_recommended(file: Path) -> None:
    blind = Settings(spike_min_effect=0.9)
    grid = {"min_effect": (0.2, 0.9)}
    rules = replace(SpikeRules(), min_effect=0.9)
    found = sweep(run(file, blind), INCIDENTS, rules, [grid], 0.25, lambda _done, _all: None)
    assert found.current.score.recall == 0.0
    assert found.best.score.recall == 1.0
    assert found.environment == ["BAROMETER_SPIKE_MIN_EFFECT=0.2"]


def test_the_usual_grids_are_of_thresholds_that_exist_and_hold_the_current_ones() -> None:
    known = {field.name for field in fields(SpikeRules)}
    assert SHARE_GRID.keys() | VOLUME_GRID.keys() <= known
    odd = replace(SpikeRules(), min_effect=0.111)
    [shares] = read_grid((), odd, {Kind.NEGATIVE, Kind.POSITIVE})
    assert 0.111 in shares["min_effect"]
    assert read_grid((), odd, {Kind.VOLUME}) == [
        {name: tuple(sorted({*values, getattr(odd, name)})) for name, values in VOLUME_GRID.items()}
    ]


def test_a_grid_that_is_asked_for_replaces_the_usual_ones() -> None:
    assert read_grid(("spike_min_tweets=10,30",), SpikeRules(), {Kind.NEGATIVE}) == [{"min_tweets": (10, 20, 30)}]


@pytest.mark.parametrize("part", ["min_effect", "min_affect=1", "=1"])
def test_a_grid_of_nothing_is_refused(part: str) -> None:
    with pytest.raises(UsageError, match="is not NAME=A,B,C"):
        read_grid((part,), SpikeRules(), {Kind.NEGATIVE})


def test_a_value_that_no_setting_may_have_is_refused() -> None:
    with pytest.raises(UsageError, match="BAROMETER_SPIKE_MIN_EFFECT is '7'"):
        read_grid(("min_effect=0.1,7",), SpikeRules(), {Kind.NEGATIVE})
