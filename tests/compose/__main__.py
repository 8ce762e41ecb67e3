"""``python -m tests.compose``: the compose stack, started, scaled, broken and taken down by a Docker engine.

Everything but Grafana, and kafka-exporter where it cannot be pulled. Each step
says how long it took; the first that fails ends it with exit code 1. Nothing
is left: containers, volumes, networks, and an engine that was started for this.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
import yaml

from infra.settings import Settings
from tests.compose.engine import UnavailableError, engine
from tests.compose.stack import Stack
from tests.compose.stand_ins import ensure
from tests.faults import ROOT

PROJECT = "barometer-test"
SERVICES = ("kafka", "topics", "worker", "serve", "notify", "prometheus", "alertmanager", "scenario")
HEALTHY = ("kafka", "worker", "serve", "notify", "prometheus", "alertmanager")
PARTITIONS = 6
SPEEDUP = 90
"""The scenario's six hours in four minutes: its crisis is open for several scrapes."""
BRAND = "Quillon Bank"
STAGES = 2
KILL = (
    "import glob, os; [os.kill(int(path.split('/')[2]), 9) for path in glob.glob('/proc/[0-9]*/cmdline') "
    "if open(path, 'rb').read().split(b'\\0')[1:2] == [b'/opt/barometer/bin/barometer']]"
)
"""The worker in its container, but not its parent, which ends with it."""


def image(service: str) -> str:
    """The default image of a service in docker-compose.yml."""
    text = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"][service]["image"]
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def base_image() -> str:
    found = re.search(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return f"python:{found[1]}"


def step(name: str, action: Callable[[], object]) -> None:
    """Do it, and say how long it took."""
    began = time.monotonic()
    sys.stderr.write(f"{name} ...\n")
    said = action()
    sys.stderr.write(f"  {time.monotonic() - began:5.0f} s  {said if isinstance(said, str) else 'done'}\n")


def up(stack: Stack) -> str:
    stack.compose("up", "--detach", "--no-build", *SERVICES)
    for service in HEALTHY:
        stack.wait(lambda s=service: set(stack.states(s)) == {"healthy"}, 240, f"{service} is healthy")  # type: ignore[misc]
    return f"{len(HEALTHY)} services healthy"


def hardened(stack: Stack) -> str:
    found = stack.containers()
    for one in found:
        name, host = one["Name"], one["HostConfig"]
        assert one["Config"]["User"].split(":")[0] not in {"", "0", "root"}, f"{name} runs as root"
        assert host["ReadonlyRootfs"], f"{name} can write to its image"
        assert host["CapDrop"] == ["ALL"], f"{name} has capabilities"
        assert not host["CapAdd"], f"{name} has capabilities"
        assert "no-new-privileges:true" in host["SecurityOpt"], f"{name} can gain rights"
        assert host["Memory"] > 0, f"{name} may take all memory"
        assert host["PidsLimit"] > 0, f"{name} may start any number of processes"
        for bindings in (host["PortBindings"] or {}).values():
            assert all(port["HostIp"] == "127.0.0.1" for port in bindings), f"{name} is open to other hosts"
    return f"{len(found)} containers"


def topics(stack: Stack) -> str:
    found = json.loads(stack.compose("exec", "-T", "worker", "barometer", "topics", "list", "--json"))
    rows = found if isinstance(found, list) else found["topics"]
    assert all(row["state"] == "ok" for row in rows), rows
    data = [row for row in rows if row["topic"] == "tweets"]
    assert data[0]["partitions"] == PARTITIONS, data
    return f"{len(rows)} topics"


def flowing(stack: Stack) -> str:
    stack.wait(lambda: len((stack.get("serve", "/brands") or {}).get("brands", [])) >= 5, 120, "the API shows brands")
    stack.wait(lambda: stack.number('sum(up{job=~"worker|serve|notify"})') == 3, 90, "Prometheus scrapes all three")
    counted = 'sum(barometer_records_in_total{stage="aggregate"})'
    stack.wait(lambda: stack.number(counted) > 100, 90, "tweets are counted")
    return f"{stack.number(counted):.0f} tweets counted"


def scaled(stack: Stack) -> str:
    stack.compose("up", "--detach", "--no-build", "--no-deps", "--no-recreate", "--scale", "worker=3", "worker")
    stack.wait(lambda: stack.states("worker") == ["healthy"] * 3, 180, "three workers are healthy")
    _all_owned(stack, workers=3)
    return "three workers share the partitions"


def _all_owned(stack: Stack, *, workers: int) -> None:
    owned = 'sum(barometer_partitions{state="working"})'
    stack.wait(
        lambda: stack.number('sum(up{job="worker"})') == workers and stack.number(owned) == STAGES * PARTITIONS,
        120,
        f"{workers} workers own every partition once",
    )


def killed(stack: Stack) -> str:
    victim = stack.containers("worker")[1]
    # As a crash: the process in it, not the container, which Docker would not start again.
    stack.docker("exec", victim["Id"], "python", "-c", KILL)

    def back() -> bool:
        again = next(one for one in stack.containers("worker") if one["Id"] == victim["Id"])
        return bool(again["RestartCount"]) and again["State"]["Health"]["Status"] == "healthy"

    stack.wait(back, 180, "the killed worker is started again, and healthy")
    _all_owned(stack, workers=3)
    return "started again, owns partitions again"


def without_kafka(stack: Stack) -> str:
    before = [one["RestartCount"] for one in stack.containers("worker")]
    stack.compose("restart", "kafka")
    stack.wait(lambda: stack.states("kafka") == ["healthy"], 120, "Kafka is healthy")
    stack.wait(lambda: stack.states("worker") == ["healthy"] * 3, 180, "the workers are healthy")
    stack.wait(lambda: (stack.get("serve", "/health") or {}) != {}, 120, "the API is healthy")
    assert [one["RestartCount"] for one in stack.containers("worker")] == before, "workers outlive a restart of Kafka"
    return "workers and API went on"


def played(stack: Stack) -> str:
    stack.wait(lambda: stack.states("scenario") == ["exited"], 60 * 6 * 60 / SPEEDUP + 240, "the scenario is played")
    (one,) = stack.containers("scenario")
    assert one["State"]["ExitCode"] == 0, stack.compose("logs", "scenario")
    # Watermarks go on: a few records are always on their way to the aggregate.
    left = 'sum(barometer_lag_records{topic="tweets"}) + (sum(barometer_lag_records) > bool 50)'
    stack.wait(lambda: stack.number(left) == 0, 180, "everything is worked on")
    return re.sub(r"\s+", " ", stack.compose("logs", "--no-log-prefix", "--tail", "3", "scenario"))[:160]


def exact(stack: Stack) -> str:
    """Counted again from the labelled tweets, every window is the same: after a scale-up, a kill, and a restart."""
    said = stack.compose("exec", "-T", "worker", "barometer", "audit")
    return said.strip().splitlines()[-1]


def alerted(stack: Stack) -> str:
    fired = f'max_over_time(ALERTS{{alertname="NegativeSentimentSpike", alertstate="firing", brand="{BRAND}"}}[1h])'
    stack.wait(lambda: stack.number(fired) == 1, 120, f"the negative spike of {BRAND} fires")
    title = f"{BRAND}: negative sentiment spike"

    def told() -> int:
        log = stack.compose("logs", "--no-log-prefix", "notify").replace("\u200b", "")
        return len(re.findall(rf"^Barometer\[\d+\]: {re.escape(title)}:", log, re.MULTILINE))

    stack.wait(lambda: told() > 0, 180, "it is told")
    assert told() == 1, "it is told once"
    return "fired, told once"


def played_once(stack: Stack) -> str:
    stack.compose("up", "--detach", "--no-build", "--no-deps", "scenario")
    stack.wait(lambda: stack.states("scenario") == ["exited"], 60, "the scenario ends at once")
    assert "nothing to do" in stack.compose("logs", "scenario")
    return "it does not play twice"


STEPS = {
    "start everything, wait for health": up,
    "look at what the containers may do": hardened,
    "topics": topics,
    "tweets flow, metrics are scraped": flowing,
    "scale to three workers": scaled,
    "kill a worker": killed,
    "restart Kafka": without_kafka,
    "wait for the end of the scenario": played,
    "count everything again": exact,
    "alert and notification": alerted,
    "play again": played_once,
}


def settings_file(folder: Path) -> tuple[Path, dict[str, int]]:
    """An .env with free ports and a quick scenario."""
    ports = {}
    for service in ("kafka", "serve", "prometheus", "alertmanager", "grafana"):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            ports[service] = int(listener.getsockname()[1])
    lines = [f"{service.upper()}_PORT={port}" for service, port in ports.items()]
    lines += [f"SCENARIO_SPEEDUP={SPEEDUP}", f"BAROMETER_PARTITIONS={PARTITIONS}"]
    path = folder / "env"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path, ports


@click.command()
@click.option("--keep", is_flag=True, help="Leave the stack running (only with an engine that was there before).")
@click.option("--no-build", is_flag=True, help="Take the image that is there.")
def main(keep: bool, no_build: bool) -> None:
    """Start the compose stack, break it, look, and take it down."""
    began = time.monotonic()
    cache = Settings().cache / "compose-test"
    try:
        with engine(cache) as env, tempfile.TemporaryDirectory() as folder:
            file, ports = settings_file(Path(folder))
            own = {"COMPOSE_PROJECT_NAME": PROJECT, "COMPOSE_ENV_FILES": str(file), "ENV_FILE": str(file)}
            stack = Stack(env | own, ports)
            images = {name: image(name) for name in ("kafka", "prometheus", "alertmanager")} | {"python": base_image()}
            step("base images", lambda: f"stand-ins: {', '.join(ensure(images, stack.env, cache)) or 'none'}")
            tag = image("worker")
            if not no_build:
                step("build the image", lambda: stack.docker("build", "--target", "slim", "--tag", tag, str(ROOT))[-1:])
            try:
                for name, action in STEPS.items():
                    step(name, lambda act=action: act(stack))  # type: ignore[misc]
            finally:
                if not keep:
                    step(
                        "take it down",
                        lambda: stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "40"),
                    )
    except (UnavailableError, AssertionError) as error:
        sys.exit(f"compose-test: {error}")
    sys.stderr.write(f"passed in {time.monotonic() - began:.0f} s\n")


if __name__ == "__main__":
    main()
