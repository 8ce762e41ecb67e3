"""The benchmark of the whole flow runs, and says what it promises to say."""

from __future__ import annotations

import subprocess
import sys

import orjson
import pytest

PROMISED = {
    "engine_tweets_per_s",
    "pipeline_tweets_per_s",
    "pipeline_to_engine",
    "constant_time_classify_per_s",
    "constant_time_both_per_s",
    "p99_append_to_labeled_s",
    "rss_mb",
    "cold_start_s",
}


@pytest.mark.bench
def test_the_flow_costs_little_beside_the_model() -> None:
    command = [sys.executable, "-m", "stream", "bench", "pipeline", "--quick", "--json"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    figures = orjson.loads(done.stdout)
    print({key: figures[key] for key in sorted(PROMISED)})  # noqa: T201  (a benchmark)
    assert figures.keys() >= PROMISED
    assert all(figures[key] > 0 for key in PROMISED)
    assert figures["pipeline_to_engine_by_cpu"] > 0.5
    assert figures["rss_mb"] < 600
