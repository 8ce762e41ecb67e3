"""The plots of a run show its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream.bench import plots

SECONDS = {"p50": 0.04, "p95": 0.09, "p99": 0.2}
ENGINE: dict[str, Any] = {
    "benchmark": "engine",
    "machine": "2 cores",
    "engines": {
        "pipeline-1": {
            "title": "one at a time",
            "tweets_per_s": {"median": 70.0, "least": 60.0, "most": 75.0},
            "ratio": {"median": 1.0},
        },
        "barometer": {
            "title": "Barometer",
            "tweets_per_s": {"median": 910.0, "least": 880.0, "most": 930.0},
            "ratio": {"median": 13.0},
        },
    },
}
PIPELINE: dict[str, Any] = {
    "benchmark": "pipeline",
    "machine": "2 cores",
    "date": "2026-11-21",
    "engine_tweets_per_s": 900.0,
    "pipeline_tweets_per_s": 850.0,
    "latency": [{"load": load, "append_to_labeled_s": SECONDS} for load in (0.1, 0.5, 0.8)],
    "workers": [{"workers": 2, "tweets_per_s": 840.0}],
    "growth": [
        {"tweets": 10_000, "brands": 0, "cpu_us": 130.0},
        {"tweets": 100_000, "brands": 0, "cpu_us": 125.0},
        {"tweets": 20_000, "brands": 10, "cpu_us": 128.0},
    ],
}


def test_each_engine_has_a_bar_as_long_as_its_median() -> None:
    [axes] = plots._engine(ENGINE).axes
    assert [bar.get_width() for bar in axes.patches] == [910.0, 70.0]  # type: ignore[attr-defined]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Barometer", "one at a time"]


def test_the_pipeline_shows_latency_workers_and_growth() -> None:
    latency, workers, growth = plots._pipeline(PIPELINE).axes
    drawn = {line.get_label(): list(line.get_ydata()) for line in latency.lines}  # type: ignore[arg-type]
    assert drawn["p99"] == [0.2, 0.2, 0.2]
    assert [bar.get_height() for bar in workers.patches] == [900.0, 850.0, 840.0]  # type: ignore[attr-defined]
    assert [list(line.get_xdata()) for line in growth.lines] == [[10_000, 100_000], [10]]  # type: ignore[arg-type]


@pytest.mark.parametrize("figures", [ENGINE, PIPELINE, PIPELINE | {"latency": [], "workers": [], "growth": []}])
def test_a_png_is_written_also_for_a_quick_run(figures: dict[str, Any], tmp_path: Path) -> None:
    path = plots.save_plot(figures, tmp_path / "new")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.name == f"bench-{figures['benchmark']}.png"
