"""The whole flow on a Kafka that demands TLS, a user, a certificate and rights; and what is said when it refuses."""

from __future__ import annotations

import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from infra.kafka.access import KafkaAccessError
from infra.kafka.admin import describe_topics, ensure_topics
from infra.kafka.local import LocalBroker, free_port
from infra.kafka.node import HOST, Listener, Security
from infra.settings import Settings
from stream.doctor import kafka as doctor
from stream.topics import all_topic_specs, topic_specs
from tests.certificates import Authority, Identity
from tests.conftest import CACHE, PARTITIONS
from tests.faults import PATIENCE_S, ROOT, Fed, Workers, assert_exact, feed, make_tweets, settled
from tests.kafka_tools import environment, wait_until
from tests.notifying import Notify, alert
from tests.serving import Server
from tests.sink import Sink

ROLES = ("operator", "source", "worker", "server", "reader", "mender", "notifier")
PROMPT_S = 15.0
"""Refusals come well before the timeout of 30 s that is given here."""
COMMAND_S = 28.0
"""The same for a command, which loads much before it connects."""
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required user_reader={password!r};"
_RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional id": ResourceType.TRANSACTIONAL_ID,
    "cluster": ResourceType.BROKER,
}
_OPERATIONS = {
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "IdempotentWrite": AclOperation.IDEMPOTENT_WRITE,
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
}


@dataclass(frozen=True)
class Secured:
    """A Kafka with a listener for passwords (SCRAM) and one for certificates (MTLS), and what opens them."""

    broker: LocalBroker
    authority: Authority
    stranger: Authority
    identities: dict[str, Identity]
    passwords: dict[str, str]
    key_password: str
    folder: Path

    @property
    def all_secrets(self) -> list[str]:
        return [*self.passwords.values(), self.key_password]

    def password_settings(self, role: str, **changes: Any) -> Settings:
        own = {"kafka_username": role, "kafka_password": SecretStr(self.passwords[role])}
        return self._settings("SCRAM", **{"kafka_security_protocol": "SASL_SSL", **own, **changes})

    def certificate_settings(self, role: str, **changes: Any) -> Settings:
        own = {
            "kafka_certificate_file": self.identities[role].certificate,
            "kafka_key_file": self.identities[role].key,
            "kafka_key_password": SecretStr(self.key_password),
        }
        return self._settings("MTLS", **{"kafka_security_protocol": "SSL", **own, **changes})

    def _settings(self, listener: str, **changes: Any) -> Settings:
        common = {
            "kafka_bootstrap_servers": self.broker.address(listener),
            "kafka_ca_file": self.authority.file,
            "topic_prefix": f"{listener.lower()}.",
            "partitions": PARTITIONS,
            "cache_dir": CACHE,
            "log_level": "debug",  # where a secret would be most likely to slip out
        }
        return Settings(**{**common, **changes})


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("secured")
    (folder / "stranger").mkdir()
    authority, stranger = Authority(folder), Authority(folder / "stranger")
    passwords = {role: f"password-{secrets.token_hex(8)}" for role in ROLES}
    key_password = f"key-{secrets.token_hex(8)}"
    kafka = authority.issue(HOST, common_name="kafka")
    shown = {"ssl.keystore.type": "PEM", "ssl.keystore.location": str(kafka.both)}
    by_password = Listener(
        "SCRAM",
        "SASL_SSL",
        {
            **shown,
            "sasl.enabled.mechanisms": "SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
            "scram-sha-256.sasl.jaas.config": _SCRAM,
            "scram-sha-512.sasl.jaas.config": _SCRAM,
            "plain.sasl.jaas.config": _PLAIN.format(password=passwords["reader"]).replace("'", '"'),
        },
    )
    by_certificate = Listener(
        "MTLS",
        "SSL",
        {
            **shown,
            "ssl.client.auth": "required",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority.file),
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
        },
    )
    rules = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    security = Security((by_password, by_certificate), rules)
    identities = {
        role: authority.issue(f"{role}@example.org", common_name=role, key_password=key_password) for role in ROLES
    }
    with LocalBroker(CACHE, security=security) as broker:
        made = Secured(broker, authority, stranger, identities, passwords, key_password, folder)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        _add_users(admin, passwords)
        for listener in ("scram.", "mtls."):
            _grant(admin, listener)
        _wait_for_users(made)
        yield made


def _add_users(admin: AdminClient, passwords: dict[str, str]) -> None:
    for mechanism in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # one each in a request
        users: list[UserScramCredentialAlteration] = [
            UserScramCredentialUpsertion(role, ScramCredentialInfo(mechanism, 4096), password.encode())
            for role, password in passwords.items()
        ]
        for done in admin.alter_user_scram_credentials(users).values():
            done.result(30)


def _grant(admin: AdminClient, prefix: str) -> None:
    """The table of rights in docs/security.md, for topics and groups under ``prefix``."""
    text = (ROOT / "docs" / "security.md").read_text()
    rows = re.findall(r"^\| (\w+) \| ([\w ]+) \| `([\w.*-]+)` \| ([\w, ]+) \|$", text, re.MULTILINE)
    assert {role for role, *_ in rows} == set(ROLES)
    rights = [
        AclBinding(
            _RESOURCES[resource],
            prefix + name.removesuffix("*"),
            ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL,
            f"User:{role}",
            "*",
            _OPERATIONS[operation],
            AclPermissionType.ALLOW,
        )
        for role, resource, name, operations in rows
        for operation in operations.split(", ")
    ]
    for done in admin.create_acls(rights).values():
        done.result(30)


def _wait_for_users(made: Secured) -> None:
    """The controller has them; the broker hears of them a moment later."""

    def known() -> bool:
        try:
            describe_topics(made.password_settings("reader"), ["scram.tweets"])
        except KafkaAccessError:
            return False
        return True

    wait_until(known, 30, "users known to the broker")


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stream", *arguments],
        env=environment(settings),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def command_lines() -> str:
    """Those of all processes of this machine, with their arguments."""
    if sys.platform != "linux":
        return subprocess.run(["ps", "-axww", "-o", "command="], check=True, capture_output=True, text=True).stdout
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # gone meanwhile
            continue
    return "\n".join(found)


def work(settings_of: Callable[..., Settings], fed: Fed, folder: Path) -> list[str]:
    """Let a worker do what there is to do; what it, and its command line, told."""
    with Workers(settings_of("worker"), folder) as workers:
        workers.start(1)
        result = settled(settings_of("reader"), fed, workers)
        processes = command_lines()
        assert workers.stop(1) == 0, workers.log()
    assert_exact(result, fed)
    logs = [path.read_text() for path in folder.glob("*.log")]
    assert any("working: " in log for log in logs)
    assert "tests.fixed_worker" in processes
    return [*logs, processes]


def test_the_whole_flow_runs_with_passwords_over_tls(secured: Secured, tmp_path: Path) -> None:
    """Each command by a role that may do nothing else; passwords in no log, output or command line."""
    settings_of, fed, file = secured.password_settings, Fed(), tmp_path / "tweets.jsonl"
    with file.open("w") as lines:
        for tweet in make_tweets(300, seed=8):
            lines.write(f"{tweet.encode().decode()}\n")
            fed.tweets[tweet.id] = tweet
            fed.records += 1
    before = [
        run(settings_of("operator"), "topics", "create"),
        run(settings_of("source"), "replay", str(file), "--max"),
        run(settings_of("source"), "scenario", "play", "--once"),
    ]
    told = work(settings_of, fed, tmp_path)
    after = [
        run(settings_of("reader"), "tail", "reputation.windows", "--from-start", "--until-end"),
        run(settings_of("mender"), "rebuild"),
        run(settings_of("reader"), "audit"),
        run(settings_of("reader"), "report", "brand 1", "--out", str(tmp_path / "report.html")),
    ]
    for done in (*before, *after):
        assert done.returncode == 0, (done.args, done.stderr)
        told += [done.stdout, done.stderr]
    assert not [found for found in doctor.kafka(settings_of("reader")) if found.state == "fail"]
    told += serve(settings_of("server"), tmp_path)
    assert not [secret for secret in secured.all_secrets for text in told if secret in text]


def serve(settings: Settings, folder: Path) -> list[str]:
    """Let a server read what there is, and take in a tweet; what it told."""
    tweet = {"id": "by http", "text": "hello", "created_at": "2024-05-01T00:00:00Z", "brands": ["brand 1"]}
    with Server(settings, folder, "--no-model") as server:
        assert len(server.get("/brands")["brands"]) == 20
        assert server.ask("POST", "/tweets", json=tweet).status_code == 202
    return [server.log]


def test_the_whole_flow_runs_with_certificates(secured: Secured, tmp_path: Path) -> None:
    settings_of = secured.certificate_settings
    ensure_topics(settings_of("operator"), topic_specs(settings_of("operator")), timeout=30)
    told = work(settings_of, feed(settings_of("source"), make_tweets(300, seed=8)), tmp_path)
    assert not [secret for secret in secured.all_secrets for text in told if secret in text]


def test_notifications_are_queued_with_the_rights_of_a_notifier(secured: Secured, tmp_path: Path) -> None:
    ensure_topics(secured.password_settings("operator"), all_topic_specs(secured.password_settings("operator")))
    with Sink() as sink:
        own = {"notify_urls": SecretStr(sink.url("a-secret-path")), "notify_port": free_port()}
        notify = Notify(secured.password_settings("notifier", **own), tmp_path / "notify.log")
        try:
            notify.start()
            down = {"alertname": "WorkerDown", "severity": "critical"}
            assert notify.post(alert(brand="", kind="", **down)).status_code == 200
            assert notify.post(alert()).status_code == 200
            wait_until(lambda: len(sink.received) == 2, PATIENCE_S, f"both are told\n{notify.said}")
        finally:
            notify.kill()
    assert not [secret for secret in [*secured.all_secrets, "a-secret-path"] if secret in notify.said]


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_other_mechanisms_and_a_password_in_a_file_open_it_too(
    secured: Secured, mechanism: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{secured.passwords['reader']}\n")
    settings = secured.password_settings(
        "reader", kafka_sasl_mechanism=mechanism, kafka_password=None, kafka_password_file=file
    )
    assert describe_topics(settings, ["scram.tweets.none"]) == {}


Change = Callable[[Secured], dict[str, Any]]
REFUSED_PASSWORDS: dict[str, tuple[Change, str]] = {
    "wrong password": (
        lambda _: {"kafka_password": SecretStr("a-wrong-one")},
        "does not know user reader with this password: check BAROMETER_KAFKA_USERNAME, BAROMETER_KAFKA_PASSWORD and",
    ),
    "wrong authority": (
        lambda secured: {"kafka_ca_file": secured.stranger.file},
        "has a certificate that we do not trust .*: check BAROMETER_KAFKA_CA_FILE",
    ),
    "wrong host": (
        lambda secured: {"kafka_bootstrap_servers": secured.broker.address("SCRAM").replace(HOST, "localhost")},
        "has a certificate for other hosts: ",
    ),
    "no encryption": (
        lambda _: {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_ca_file": None},
        r"encrypts \(TLS\) on this port: set BAROMETER_KAFKA_SECURITY_PROTOCOL to SASL_SSL",
    ),
    "encryption where there is none": (
        lambda secured: {"kafka_bootstrap_servers": secured.broker.bootstrap_servers},
        "does not encrypt on this port: ",
    ),
    "a user where a certificate is wanted": (
        lambda secured: {"kafka_bootstrap_servers": secured.broker.address("MTLS")},
        "wants a certificate of ours that it trusts: set BAROMETER_KAFKA_CERTIFICATE_FILE and BAROMETER_KAFKA_KEY_FILE",
    ),
}
REFUSED_CERTIFICATES: dict[str, tuple[Change, str]] = {
    "no certificate": (
        lambda _: {"kafka_certificate_file": None, "kafka_key_file": None, "kafka_key_password": None},
        "wants a certificate of ours that it trusts: set BAROMETER_KAFKA_CERTIFICATE_FILE and BAROMETER_KAFKA_KEY_FILE",
    ),
    "a stranger's certificate": (
        lambda secured: _strange(secured.stranger),
        "wants a certificate of ours that it trusts: check BAROMETER_KAFKA_CERTIFICATE_FILE and",
    ),
    "a certificate where a user is wanted": (
        lambda secured: {"kafka_bootstrap_servers": secured.broker.address("SCRAM")},
        "wants a user and a password: set BAROMETER_KAFKA_SECURITY_PROTOCOL to SASL_SSL, BAROMETER_KAFKA_USERNAME and",
    ),
}


def _strange(authority: Authority) -> dict[str, Any]:
    identity = authority.issue("reader@example.org", common_name="reader")
    return {
        "kafka_certificate_file": identity.certificate,
        "kafka_key_file": identity.key,
        "kafka_key_password": None,
    }


def assert_refused(secured: Secured, settings: Settings, why: str) -> None:
    begin = time.monotonic()
    with pytest.raises(KafkaAccessError, match=why) as caught:
        describe_topics(settings, ["scram.tweets"], timeout=30)
    assert time.monotonic() - begin < PROMPT_S
    assert "\n" not in str(caught.value)
    assert not any(secret in repr(caught.getrepr(chain=True)) for secret in [*secured.all_secrets, "a-wrong-one"])


@pytest.mark.parametrize("case", REFUSED_PASSWORDS)
def test_who_comes_with_a_password_and_is_refused_learns_why_at_once(secured: Secured, case: str) -> None:
    change, why = REFUSED_PASSWORDS[case]
    assert_refused(secured, secured.password_settings("reader", **change(secured)), why)


@pytest.mark.parametrize("case", REFUSED_CERTIFICATES)
def test_who_comes_with_a_certificate_and_is_refused_learns_why_at_once(secured: Secured, case: str) -> None:
    change, why = REFUSED_CERTIFICATES[case]
    assert_refused(secured, secured.certificate_settings("reader", **change(secured)), why)


def test_a_client_without_any_security_learns_that_kafka_wants_it(secured: Secured) -> None:
    settings = Settings(kafka_bootstrap_servers=secured.broker.address("SCRAM"))
    assert_refused(secured, settings, "encrypts .*: set BAROMETER_KAFKA_SECURITY_PROTOCOL to SASL_SSL")


def test_a_host_name_that_is_not_in_the_certificate_is_taken_only_when_told_so(secured: Secured) -> None:
    elsewhere = secured.broker.address("SCRAM").replace(HOST, "localhost")
    settings = secured.password_settings("reader", kafka_bootstrap_servers=elsewhere, kafka_check_hostname=False)
    assert describe_topics(settings, ["scram.tweets.none"]) == {}


@pytest.mark.parametrize(
    "command", [["worker"], ["audit"], ["tail", "tweets"], ["topics", "list"], ["topics", "create"]], ids=" ".join
)
def test_each_command_that_is_refused_ends_at_once_with_one_sentence(secured: Secured, command: list[str]) -> None:
    wrong = secured.password_settings("reader", kafka_password=SecretStr("a-wrong-one"), log_level="info")
    begin = time.monotonic()
    done = run(wrong, *command)
    assert time.monotonic() - begin < COMMAND_S
    assert done.returncode == 1
    *before, last = done.stderr.strip().splitlines()
    assert last.startswith("barometer: Kafka at ")
    assert "does not know user reader with this password" in last
    assert not before
    assert "a-wrong-one" not in done.stderr + done.stdout


def test_who_lacks_a_right_learns_on_what(secured: Secured) -> None:
    reader = secured.password_settings("reader", topic_prefix="not.granted.")
    with pytest.raises(KafkaAccessError, match=r"user reader the rights it needs on topic not.granted.tweets "):
        describe_topics(reader, ["not.granted.tweets"])


def test_a_worker_that_may_not_join_its_group_stops_and_says_so(secured: Secured, tmp_path: Path) -> None:
    operator = secured.password_settings("operator", topic_prefix="mtls.")
    ensure_topics(operator, topic_specs(operator), timeout=30)
    settings = secured.password_settings("worker", topic_prefix="mtls.", consumer_group="another", log_level="info")
    with Workers(settings, tmp_path) as workers:
        workers.start(1)
        assert workers.running[1].wait(PATIENCE_S) == 1, workers.log()
        assert workers.log().strip().splitlines()[-1] == (
            "barometer: Kafka does not let us join the consumer group mtls.another: give our user the right to Read "
            "it, as docs/security.md says"
        )
