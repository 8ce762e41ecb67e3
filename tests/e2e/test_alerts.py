"""From tweets to a telephone: real workers, Kafka, Prometheus, Alertmanager and ``barometer notify``.

The committed configuration, with other targets, and quickened: in
prometheus.yml, the rules and alertmanager.yml every duration is divided by
QUICKER (scrape and evaluation intervals, ranges, ``for``, group waits alike),
as if the clock of Prometheus ran that many times as fast. Queries, thresholds,
labels, routes and inhibitions are as committed.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
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
from stream.notify.memory import Told
from stream.records import Spike, Tweet
from stream.scenario import ScenarioFacts, write_scenario
from stream.topics import Topics, all_topic_specs
from tests.conftest import CACHE
from tests.faults import ROOT, Workers
from tests.kafka_tools import environment, publish, read_all, wait_until
from tests.monitoring import Alertmanager, Prometheus, alertmanager_config, quicken
from tests.sink import Sink

pytestmark = pytest.mark.timeout(600)

SPEEDUP = "2000"
PATIENCE_S = 120
PARTITIONS = 4
STUCK_S = 10_000.0
"""Seconds for each text: it is never labelled."""
MACHINE = {
    "LatencyBudgetBurnsFast",
    "LatencyBudgetBurnsSlowly",
    "LagDrainsSlowly",
    "DiskFilling",
    "NoTweetsArriving",
    # Quickened, four scrapes of the one worker left that took longer than 0.7 s each are "no worker for a minute".
    "WorkerAbsent",
}
"""Alerts that may well be true of the machine, or of a replay that is over; this test is not about them."""


@dataclass
class Stack:
    """What runs, and what has come of it."""

    settings: Settings
    workers: Workers
    prometheus: Prometheus
    sink: Sink
    paces: dict[int, Path]
    folder: Path

    def told(self) -> Counter[tuple[str, str, str]]:
        """How often (alert, brand, status) was sent."""
        newest = {each.key(): each.value() for each in read_all(self.settings, Topics.of(self.settings).notifications)}
        records = [Told.model_validate_json(value) for value in newest.values() if value]
        return Counter(
            (one.alert.name, one.alert.brand, one.alert.status)
            for one in records
            if one.state == "sent" and one.alert.name not in MACHINE
        )

    def spikes(self) -> list[Spike]:
        values = {each.key(): each.value() for each in read_all(self.settings, Topics.of(self.settings).spikes)}
        return [Spike.model_validate_json(value) for value in values.values() if value]

    def messages(self, title: str) -> list[str]:
        return [one.message for one in self.sink.received if one.title == title]

    @property
    def state(self) -> str:
        """What a failure needs to show."""
        fires = [(one["labels"].get("alertname"), one["labels"].get("brand")) for one in self.prometheus.alerts()]
        notify = (self.folder / "notify.log").read_text()[-2_000:]
        return f"told {self.told()}; fires {fires}\n{notify}\n{self.workers.log()}"

    def wait_for(self, alert: str, brand: str, status: str) -> None:
        try:
            wait_until(lambda: self.told()[alert, brand, status], PATIENCE_S, f"{alert} {brand} {status}")
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.state}") from None


@pytest.fixture(scope="module")
def stack(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two workers, and all that watches them."""
    folder = tmp_path_factory.mktemp("alerts")
    with Sink() as sink, ExitStack() as running:
        settings = Settings(
            kafka_bootstrap_servers=kafka,
            topic_prefix=f"alerts-{time.time_ns()}.",
            partitions=PARTITIONS,
            cache_dir=CACHE,
            session_timeout_s=6,
            threads=1,
            notify_urls=SecretStr(sink.url()),
            notify_port=free_port(),
            page_url="https://barometer.example",
            grafana_url="https://grafana.example",
            docs_url="https://git.example/barometer/blob/main",
        )
        ensure_topics(settings, all_topic_specs(settings))
        ports = {number: free_port() for number in (1, 2)}
        paces = {number: folder / f"pace-{number}" for number in ports}
        workers = running.enter_context(Workers(settings, folder))
        for number, port in ports.items():
            paces[number].write_text("0")
            own = settings.model_copy(update={"metrics_port": port})
            workers.start(number, "--bundled", "--pace", str(paces[number]), settings=own)
        with (folder / "notify.log").open("wb") as log:
            command = [sys.executable, "-m", "stream", "notify"]
            notify = spawn_guarded(command, env=environment(settings), stdout=log, stderr=log)
        running.callback(notify.kill)
        # A worker that is still starting has not reached Kafka: quickened, Prometheus would not wait for that.
        wait_until(lambda: all(map(ready, ports.values())), PATIENCE_S, f"workers are ready\n{workers.log()}")
        manager = running.enter_context(Alertmanager(alertmanager_config(folder, settings.notify_port), folder))
        targets = {"worker": [*ports.values()], "notify": [settings.notify_port], "alertmanager": [manager.port]}
        prometheus = running.enter_context(Prometheus(prometheus_config(folder, targets), folder))
        wait_until(lambda: all_up(prometheus, 4), PATIENCE_S, f"everything is scraped\n{workers.log()}")
        yield Stack(settings, workers, prometheus, sink, paces, folder)


def prometheus_config(folder: Path, targets: dict[str, list[int]]) -> Path:
    """The committed prometheus.yml and rules, quickened. What does not run here (serve, exporters) has no target."""
    config: dict[str, Any] = yaml.safe_load(quicken((ROOT / "prometheus.yml").read_text()))
    rules = []
    for pattern in config["rule_files"]:
        for rule in sorted(ROOT.glob(pattern)):
            rules.append(folder / rule.name)
            rules[-1].write_text(quicken(rule.read_text()))
    config["rule_files"] = [str(rule) for rule in rules]
    for job in config["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        addresses = [f"127.0.0.1:{port}" for port in targets.get(job["job_name"], [])]
        job["static_configs"] = [{"targets": addresses}]
    (manager,) = targets["alertmanager"]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [f"127.0.0.1:{manager}"]}]}]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def all_up(prometheus: Prometheus, count: int) -> bool:
    return [one["value"][1] for one in prometheus.query("up")].count("1") == count


def ready(port: int) -> bool:
    """Whether a worker is ready, and has reached Kafka."""
    try:
        told = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200 and "\nbarometer_kafka_up 1" in told
    except httpx.TransportError:
        return False


def replay(settings: Settings, path: Path) -> None:
    command = [sys.executable, "-m", "stream", "replay", str(path), "--order", "file", "--speedup", SPEEDUP]
    done = subprocess.run(command, env=environment(settings), check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def crisis(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> ScenarioFacts:
    """The scenario has been replayed."""
    path = tmp_path_factory.mktemp("scenario") / "scenario.jsonl"
    facts = write_scenario(path)
    replay(stack.settings, path)
    return facts


def test_the_spike_is_told_once_with_its_evidence_and_once_when_it_is_over(stack: Stack, crisis: ScenarioFacts) -> None:
    brand = crisis.crisis.brand
    # While it is open, or has just closed, a worker dies: its partitions move, and with them the series of the brand.
    stack.wait_for("NegativeSentimentSpike", brand, "firing")
    stack.workers.kill(2)
    stack.wait_for("NegativeSentimentSpike", brand, "resolved")
    (first,) = stack.messages(f"{brand}: negative sentiment spike")
    (spike,) = (one for one in stack.spikes() if one.kind == "negative")
    said = re.sub("\u200b", "", first)
    assert f"Brand: {brand}" in said
    assert f"Began: {spike.started_at:%d %b %Y %H:%M} UTC" in said
    assert re.search(r"Size: \d\d% negative where \d\d% negative was expected", said)
    assert any(term in said for term in crisis.crisis.terms)
    assert said.count(" UTC, negative") == 3, "three tweets"
    assert f"https://barometer.example/#/spike/{spike.id}" in said
    assert "https://grafana.example/d/barometer-brand?var-brand=" in said
    assert "https://git.example/barometer/blob/main/docs/runbooks/NegativeSentimentSpike.md" in said
    assert "Next:" in said
    (plotted,) = (one for one in stack.sink.received if one.message == first)
    assert plotted.attachments["spike.png"].startswith(b"\x89PNG")
    (over,) = stack.messages(f"Over: {brand}: negative sentiment spike")
    assert spike.sentence in re.sub("\u200b", "", over)


def test_a_killed_worker_pages(stack: Stack, crisis: ScenarioFacts) -> None:
    stack.wait_for("WorkerDown", "", "firing")
    assert any("does not answer" in one.title and one.level == "failure" for one in stack.sink.received)


def test_a_stuck_partition_pages(stack: Stack, crisis: ScenarioFacts) -> None:
    stack.paces[1].write_text(str(STUCK_S))
    tweet = Tweet(id="stuck", text="one tweet for one partition", created_at=crisis.end, brands=["Lumora"])
    publish(stack.settings, Topics.of(stack.settings).tweets, [(b"stuck", tweet.encode())])
    stack.wait_for("PartitionStuck", "", "firing")
    (page,) = (one for one in stack.sink.received if "is stuck" in one.title)
    assert page.level == "failure"
    assert "docs/runbooks/PartitionStuck.md" in re.sub("\u200b", "", page.message)


def test_nothing_else_was_told_and_nothing_twice(stack: Stack, crisis: ScenarioFacts) -> None:
    names = {"negative": "NegativeSentimentSpike", "positive": "PositiveSentimentSpike", "volume": "MentionVolumeSpike"}
    about_brands = {
        (names[spike.kind], spike.brand, status) for spike in stack.spikes() for status in ("firing", "resolved")
    }
    told = stack.told()
    assert told.keys() == about_brands | {("WorkerDown", "", "firing"), ("PartitionStuck", "", "firing")}, stack.state
    titles = Counter((one.path, one.title) for one in stack.sink.received)
    assert titles.most_common(1)[0][1] == 1, titles
