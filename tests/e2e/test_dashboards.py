"""Every query of every dashboard, on a real Prometheus that watched a real worker and API through the scenario."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from pydantic import SecretStr

from infra.guard import spawn_guarded
from infra.kafka.admin import ensure_topics
from infra.kafka.local import free_port
from infra.settings import Settings
from stream.scenario import write_scenario
from stream.topics import all_topic_specs
from tests.conftest import CACHE
from tests.dashboards import Span, all_queries, answer, wrong_with
from tests.faults import ROOT, Workers
from tests.kafka_tools import environment, wait_until
from tests.monitoring import Prometheus

pytestmark = pytest.mark.timeout(600)

PATIENCE_S = 180
SPEEDUP = "720"
"""Half a minute for the scenario's six hours."""


@pytest.fixture(scope="module")
def seen(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prometheus, Span]]:
    """A Prometheus that has seen the scenario go by, and when, and the brand of the crisis."""
    folder = tmp_path_factory.mktemp("dashboards")
    own = {"worker": free_port(), "serve": free_port(), "notify": free_port()}
    settings = Settings(
        kafka_bootstrap_servers=kafka,
        topic_prefix=f"dashboards-{time.time_ns()}.",
        partitions=2,
        cache_dir=CACHE,
        threads=1,
        serve_port=own["serve"],
        metrics_port=own["worker"],
        notify_port=own["notify"],
        notify_urls=SecretStr("json://127.0.0.1:9"),
    )
    ensure_topics(settings, all_topic_specs(settings))
    with ExitStack() as running:
        workers = running.enter_context(Workers(settings, folder))
        workers.start(1, "--bundled")
        for command in (["serve", "--no-model"], ["notify"]):
            with (folder / f"{command[0]}.log").open("wb") as log:
                started = spawn_guarded(
                    [sys.executable, "-m", "stream", *command], env=environment(settings), stdout=log, stderr=log
                )
            running.callback(started.kill)
        prometheus = running.enter_context(Prometheus(_config(folder, own), folder))
        wait_until(lambda: _up(prometheus) == len(own), PATIENCE_S, f"all are scraped\n{workers.log()}")
        start = time.time()
        facts = write_scenario(folder / "scenario.jsonl")
        _replay(settings, folder / "scenario.jsonl")
        for path in ("/brands", "/health", "/nothing-here"):
            httpx.get(f"http://127.0.0.1:{own['serve']}{path}", timeout=30)
        labelled = 'sum(barometer_records_in_total{stage="aggregate"}) >= ' + str(facts.labeled)
        wait_until(lambda: prometheus.query(labelled), PATIENCE_S, f"all is counted\n{workers.log()}")
        asked = "sum(rate(barometer_http_requests_total[10s]))"
        wait_until(lambda: prometheus.query(asked), PATIENCE_S, "the requests are seen")
        yield prometheus, Span(start, time.time(), facts.crisis.brand)


def _config(folder: Path, targets: dict[str, int]) -> Path:
    """The committed configuration with other targets, no rules, and a scrape every second."""
    config = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))
    del config["alerting"], config["rule_files"]
    config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s"}
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        port = targets.get(job["job_name"])
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"] if port else []}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def _up(prometheus: Prometheus) -> int:
    return [series["value"][1] for series in prometheus.query("up")].count("1")


def _replay(settings: Settings, path: Path) -> None:
    command = [sys.executable, "-m", "stream", "replay", str(path), "--order", "file", "--speedup", SPEEDUP]
    done = subprocess.run(command, env=environment(settings), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_query_of_every_dashboard_gives_what_its_panel_shows(seen: tuple[Prometheus, Span]) -> None:
    prometheus, span = seen
    wrong = {str(query): wrong_with(query, answer(prometheus, query, span)) for query in all_queries()}
    assert {name: why for name, why in wrong.items() if why} == {}


def test_the_crisis_is_seen_where_an_analyst_looks(seen: tuple[Prometheus, Span]) -> None:
    _prometheus, span = seen
    shaded = _found(seen, "reputation", "Spikes", "A", kind="annotation")
    assert {"brand": span.brand, "kind": "negative"} in [series["metric"] for series in shaded]
    (share,) = _found(seen, "brand", "Negative share", "C")
    (usual,) = _found(seen, "brand", "Negative share", "D")
    (low,) = _found(seen, "brand", "Negative share", "A")
    expected = dict(usual["values"])
    clear = [at for at, value in low["values"] if at in expected and float(value) > float(expected[at])]
    assert clear, "at its height the interval is above what is usual"
    assert all(0 <= float(value) <= 1 for _at, value in [*share["values"], *low["values"]])
    (z,) = _found(seen, "brand", "z of the negative share", "A")
    (bar,) = _found(seen, "brand", "z of the negative share", "B")
    needed = dict(bar["values"])
    assert any(float(value) >= float(needed[at]) for at, value in z["values"] if at in needed)


def _found(seen: tuple[Prometheus, Span], board: str, panel: str, ref: str, kind: str = "timeseries") -> list[Any]:
    prometheus, span = seen
    (query,) = (q for q in all_queries() if (q.board, q.panel, q.ref, q.kind) == (board, panel, ref, kind))
    return answer(prometheus, query, span)
