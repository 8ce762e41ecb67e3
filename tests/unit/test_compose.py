"""The compose file and the Dockerfile: valid, hardened, and at one with what they start."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.settings import Settings
from tests.programs import program

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "docker-compose.yml"
SCHEMA = ROOT / "tests/compose/schema/compose-spec.json"
"""That of compose-spec/compose-go v2 (Apache License 2.0), which docker compose has in it."""
ONCE = {"topics", "scenario"}
OURS = {"topics", "scenario", "worker", "serve", "notify"}
DISTROLESS = {"kafka-exporter"}
"""Images with nothing in them to ask how they are."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file, with defaults in place of variables."""
    text = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", COMPOSE.read_text(encoding="utf-8"))
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_nothing_runs_as_root_or_can_gain_rights_or_write_to_its_image(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["user"].split(":")[0] not in {"0", "root"}, name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert not service.get("privileged"), name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_every_container_has_limits(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert {"cpus", "memory", "pids"} <= service["deploy"]["resources"]["limits"].keys(), name


def test_ports_are_open_to_this_host_alone(compose: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published.keys() == {"kafka", "serve", "prometheus", "alertmanager", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert compose["networks"]["data"]["internal"], "what needs no way out has none"


def test_what_keeps_running_says_how_it_is_and_what_ends_is_not_started_again(compose: dict[str, Any]) -> None:
    own = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "HEALTHCHECK" in own, "the worker's"
    for name, service in compose["services"].items():
        if name in ONCE:
            assert service["restart"] in {"no", "on-failure:5"}, name
            assert service["healthcheck"] == {"disable": True}, name
        else:
            assert service["restart"] == "unless-stopped", name
            assert name in DISTROLESS | {"worker"} or service["healthcheck"]["test"], name


def test_data_is_in_named_volumes_and_files_of_the_repository_are_not_written_to(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert volume.endswith(":ro"), f"{name}: {volume}"
                assert (ROOT / source).exists(), f"{name}: {volume}"
            else:
                assert source in compose["volumes"], f"{name}: {volume}"


def test_ports_and_health_checks_are_those_of_the_settings_and_of_prometheus(compose: dict[str, Any]) -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    scraped = yaml.safe_load((ROOT / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    ports = {job["job_name"]: job["dns_sd_configs"][0]["port"] for job in scraped if "dns_sd_configs" in job}
    defaults = Settings.model_construct()
    assert ports == {"worker": 9464, "serve": defaults.serve_port, "notify": defaults.notify_port}
    assert f"BAROMETER_METRICS_PORT={ports['worker']}" in dockerfile
    assert f"http://127.0.0.1:{ports['worker']}/" in dockerfile
    for name in ("serve", "notify"):
        assert f":{ports[name]}/" in compose["services"][name]["healthcheck"]["test"][-1]
    hosts = {
        target.split(":")[0] for job in scraped for one in job.get("static_configs", []) for target in one["targets"]
    }
    assert hosts - {"localhost"} <= compose["services"].keys()


def test_settings_that_the_stack_gives_exist(compose: dict[str, Any]) -> None:
    texts = COMPOSE.read_text(encoding="utf-8") + (ROOT / "Dockerfile").read_text(encoding="utf-8")
    given = set(re.findall(r"BAROMETER_[A-Z_]+", texts))
    assert {name.removeprefix("BAROMETER_").lower() for name in given} <= Settings.model_fields.keys()


def test_the_file_is_one_by_the_compose_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    check = jsonschema.Draft7Validator(schema)
    check.validate(compose)
    assert not check.is_valid({**compose, "services": {"worker": {"read_onli": True}}})


def test_compose_can_read_the_file() -> None:
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], check=False, capture_output=True).returncode:
        pytest.skip("docker compose is not installed")
    done = subprocess.run(
        [docker, "compose", "--file", str(COMPOSE), "config", "--quiet"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    hadolint = shutil.which("hadolint") or (str(beside) if beside.exists() else program("hadolint"))
    done = subprocess.run([hadolint, str(ROOT / "Dockerfile")], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_image_holds_only_what_it_needs() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    for source in " ".join(copied).split():
        assert f"!{source}" in ignored, source
        assert (ROOT / source).exists(), source
