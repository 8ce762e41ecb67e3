from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.errors import UsageError
from stream.bench.compare import Ratio, compare_runs

RATIOS = (Ratio("speed.ratio", "speed"), Ratio("delay", "delay", lower=True))


def stored(folder: Path, **figures: object) -> Path:
    path = folder / "then.json"
    path.write_text(json.dumps({"benchmark": "engine", **figures}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("ratio", "delay", "fine"), [(10.0, 1.0, True), (9.2, 1.05, True), (8.5, 1.0, False), (12.0, 1.2, False)]
)
def test_what_is_worse_by_more_than_a_tenth_is_a_regression(
    tmp_path: Path, ratio: float, delay: float, fine: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    then = stored(tmp_path, speed={"ratio": 10.0}, delay=1.0)
    now = {"benchmark": "engine", "speed": {"ratio": ratio}, "delay": delay}
    assert compare_runs(then, now, RATIOS) is fine
    assert ("WORSE" in capsys.readouterr().err) is not fine


def test_a_figure_that_one_run_lacks_is_not_compared(tmp_path: Path) -> None:
    assert compare_runs(stored(tmp_path, delay=None), {"benchmark": "engine", "speed": {"ratio": 1.0}}, RATIOS)


@pytest.mark.parametrize("content", ["", "[]", '{"benchmark": "spikes"}'])
def test_a_file_of_something_else_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "then.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"then\.json"):
        compare_runs(path, {"benchmark": "engine"}, RATIOS)
