"""``barometer backtest --openmetrics`` into a real Prometheus, by the real promtool."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from prometheus_client.openmetrics import parser

from infra import metrics
from stream.backtest.cli import backtest
from tests.backtest_file import CRISIS, END, ZERO, write_labelled
from tests.monitoring import Prometheus
from tests.programs import program


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def told(folder: Path) -> Result:
    """The backtest that wrote the history."""
    write_labelled(folder / "tweets.jsonl")
    asked = [str(folder / "tweets.jsonl"), "--label-column", "mood", "--openmetrics", str(folder / "past.om"), "--json"]
    result = CliRunner().invoke(backtest, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def prometheus(folder: Path, told: Result) -> Iterator[Prometheus]:
    command = [program("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    made = subprocess.run(
        [*command, str(folder / "past.om"), str(folder / "data")], check=False, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    config = folder / "prometheus.yml"
    config.write_text("global: {}\n")
    with Prometheus(config, folder, "--storage.tsdb.retention.time=100y") as running:
        yield running


def at(second: float) -> float:
    return ZERO.timestamp() + second


def test_the_file_is_openmetrics_and_each_series_stands_whole_and_in_order(folder: Path, told: Result) -> None:
    names = {metrics.BRAND_MENTIONS.name, metrics.BRAND_VOLUME.name, metrics.BRAND_NEGATIVE_Z.name}
    text = (folder / "past.om").read_text()
    assert text.endswith("\n# EOF\n")
    untyped: Any = parser
    found = {family.name: family for family in untyped.text_string_to_metric_families(text)}
    assert names <= found.keys()
    for family in found.values():
        ended: set[tuple[tuple[str, str], ...]] = set()
        for before, after in pairwise(family.samples):
            one, other = tuple(before.labels.items()), tuple(after.labels.items())
            if one == other:
                assert before.timestamp < after.timestamp
            else:
                ended.add(one)
                assert other not in ended


def test_a_real_prometheus_shows_the_crisis_where_it_was(prometheus: Prometheus, told: Result) -> None:
    share = metrics.BRAND_NEGATIVE_SHARE.name
    (before,) = prometheus.query(f'{share}{{brand="Acme"}}', at(CRISIS[0] - 60))
    (during,) = prometheus.query(f'{share}{{brand="Acme"}}', at(CRISIS[1] - 60))
    assert float(before["value"][1]) < 0.5 < float(during["value"][1])
    active = f'{metrics.BRAND_SPIKE_ACTIVE.name}{{brand="Acme",kind="negative"}}'
    (line,) = prometheus.query_range(active, at(0), at(END), 60)
    on = [float(when) for when, value in line["values"] if value == "1"]
    first = orjson.loads(told.stdout)["spikes"][0]
    assert first["brand"] == "Acme"
    assert on[0] - at(CRISIS[0]) < 1_800
    (z,) = prometheus.query(f'{metrics.BRAND_NEGATIVE_Z.name}{{brand="Acme"}}', on[0])
    (bar,) = prometheus.query(f'{metrics.BRAND_NEGATIVE_Z_THRESHOLD.name}{{brand="Acme"}}', on[0])
    assert float(z["value"][1]) >= float(bar["value"][1])


def test_mentions_add_up_to_the_tweets_of_the_backtest(prometheus: Prometheus, told: Result) -> None:
    counted = orjson.loads(told.stdout)["brands"]
    for brand in ("Acme", "Calm", "Both"):
        (total,) = prometheus.query(f'sum(barometer_brand_mentions_total{{brand="{brand}"}})', at(END))
        assert float(total["value"][1]) == counted[brand]["tweets"]


def test_a_brand_that_falls_silent_ends_at_zero(prometheus: Prometheus, told: Result) -> None:
    (line,) = prometheus.query_range(f'{metrics.BRAND_VOLUME.name}{{brand="Bolt"}}', at(0), at(END), 60)
    assert float(line["values"][-1][1]) == 0
    assert float(line["values"][-1][0]) < at(END) - 3_600


def test_where_nothing_can_be_written_one_sentence_says_so(tmp_path: Path) -> None:
    write_labelled(tmp_path / "tweets.jsonl")
    out = tmp_path / "no such folder" / "past.om"
    asked = [str(tmp_path / "tweets.jsonl"), "--label-column", "mood", "--openmetrics", str(out)]
    result = CliRunner().invoke(backtest, asked)
    assert result.exit_code == 1
    assert "give another --openmetrics" in str(result.exception)
