"""From settings to what clients are given: the right files and secrets, and what is said of the wrong ones."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from infra.errors import UsageError
from infra.kafka.clients import common_config, producer_config, reader_config, transactional_producer_config
from infra.kafka.security import faust_credentials, tls_context
from infra.settings import Settings
from stream.topology import build_app
from tests.certificates import Authority

OF_THE_USER = "of-the-user"
OF_THE_KEY = "of-the-key"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    (folder / "other").mkdir()
    authority = Authority(folder)
    open_, locked = (
        authority.issue("u@example.org", common_name=name, key_password=password)
        for name, password in (("open", ""), ("locked", OF_THE_KEY))
    )
    (folder / "password").write_text(f"{OF_THE_USER}\r\n")
    (folder / "empty").touch()
    (folder / "binary").write_bytes(b"\xff\xfe")
    return {
        "ca": authority.file,
        "certificate": open_.certificate,
        "key": open_.key,
        "locked_certificate": locked.certificate,
        "locked_key": locked.key,
        **{name: folder / name for name in ("password", "empty", "binary", "missing")},
    }


def mtls(files: dict[str, Path], **changes: Any) -> Settings:
    own = {
        "kafka_security_protocol": "SSL",
        "kafka_ca_file": files["ca"],
        "kafka_certificate_file": files["certificate"],
        "kafka_key_file": files["key"],
    }
    return Settings(**{**own, **changes})


def sasl(**changes: Any) -> Settings:
    own = {"kafka_security_protocol": "SASL_SSL", "kafka_username": "u", "kafka_password": SecretStr(OF_THE_USER)}
    return Settings(**{**own, **changes})


def test_every_kind_of_client_gets_the_same_way_in(files: dict[str, Path]) -> None:
    settings = sasl(kafka_ca_file=files["ca"], kafka_sasl_mechanism="SCRAM-SHA-256")
    way_in = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "u",
        "sasl.password": OF_THE_USER,
        "ssl.ca.location": str(files["ca"]),
        "ssl.endpoint.identification.algorithm": "https",
    }
    for config in (
        common_config(settings),
        producer_config(settings),
        transactional_producer_config(settings, "id"),
        reader_config(settings),
    ):
        assert way_in.items() <= config.items()
    credentials: Any = build_app(settings).conf.broker_credentials
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == "SCRAM-SHA-256"
    assert (credentials.username, credentials.password) == ("u", OF_THE_USER)
    assert credentials.ssl_context.check_hostname
    assert credentials.ssl_context.verify_mode is ssl.CERT_REQUIRED
    assert OF_THE_USER not in repr(credentials)


def test_without_settings_nothing_is_asked_for() -> None:
    config = common_config(Settings())
    assert not [name for name in config if name.startswith(("ssl", "sasl", "security"))]
    assert faust_credentials(Settings()) is None


def test_a_named_authority_is_trusted_alone(files: dict[str, Path]) -> None:
    context = tls_context(mtls(files))
    assert context is not None
    assert len(context.get_ca_certs()) == 1


def test_the_check_of_the_host_can_be_turned_off_that_of_the_authority_cannot(files: dict[str, Path]) -> None:
    settings = mtls(files, kafka_check_hostname=False)
    context = tls_context(settings)
    assert context is not None
    assert not context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    config = common_config(settings)
    assert config["ssl.endpoint.identification.algorithm"] == "none"
    assert "enable.ssl.certificate.verification" not in config


def test_a_password_file_is_read_without_its_newline_each_time(files: dict[str, Path], tmp_path: Path) -> None:
    settings = sasl(kafka_password=None, kafka_password_file=files["password"])
    assert common_config(settings)["sasl.password"] == OF_THE_USER
    changing = tmp_path / "password"
    settings = sasl(kafka_password=None, kafka_password_file=changing)
    for password in ("first", " second with spaces "):
        changing.write_text(f"{password}\n")
        assert common_config(settings)["sasl.password"] == password


def test_a_locked_key_opens_with_its_password_from_either_source(files: dict[str, Path], tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(OF_THE_KEY)
    locked = {"kafka_certificate_file": files["locked_certificate"], "kafka_key_file": files["locked_key"]}
    for source in ({"kafka_key_password": SecretStr(OF_THE_KEY)}, {"kafka_key_password_file": file}):
        assert common_config(mtls(files, **locked, **source))["ssl.key.password"] == OF_THE_KEY


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kafka_ca_file": "missing"}, "KAFKA_CA_FILE is {missing}: No such file or directory"),
        ({"kafka_ca_file": "empty"}, "KAFKA_CA_FILE is {empty}: it holds no certificates in PEM form"),
        ({"kafka_ca_file": "binary"}, "KAFKA_CA_FILE is {binary}: it holds no certificates in PEM form"),
        ({"kafka_certificate_file": "missing"}, "KAFKA_CERTIFICATE_FILE is {missing}: No such file or directory"),
        (
            {"kafka_key_file": "empty"},
            "KAFKA_KEY_FILE is {empty}: it, or BAROMETER_KAFKA_CERTIFICATE_FILE {certificate}",
        ),
        (
            {"kafka_certificate_file": "binary"},
            "KAFKA_KEY_FILE is {key}: it, or BAROMETER_KAFKA_CERTIFICATE_FILE {binary}",
        ),
        (
            {"kafka_key_file": "locked_key"},
            "KAFKA_KEY_FILE is {locked_key}: it is encrypted; set BAROMETER_KAFKA_KEY_PASS",
        ),
        (
            {"kafka_certificate_file": "locked_certificate"},
            "KAFKA_KEY_FILE is {key}: it is not the key of BAROMETER_KAFKA_CERTIFICATE_FILE {locked_certificate}",
        ),
        (
            {"kafka_key_file": "locked_key", "kafka_key_password_file": "password"},
            "KAFKA_KEY_FILE is {locked_key}: BAROMETER_KAFKA_KEY_PASSWORD (or its file) does not open it",
        ),
        (
            {"kafka_key_file": "locked_key", "kafka_key_password_file": "empty"},
            "KAFKA_KEY_PASSWORD_FILE is {empty}: there is no password in it",
        ),
    ],
)
def test_a_file_that_is_no_good_is_named_with_its_setting(
    files: dict[str, Path], changes: dict[str, str], said: str
) -> None:
    settings = mtls(files, **{setting: files[name] for setting, name in changes.items()})
    for use in (common_config, build_app):
        with pytest.raises(UsageError) as caught:
            use(settings)
        assert str(caught.value).startswith(f"BAROMETER_{said}".format(**files))
        assert OF_THE_USER not in str(caught.value)


@pytest.mark.parametrize("file", ["missing", "empty", "binary"])
def test_a_password_file_without_a_password_is_named(files: dict[str, Path], file: str) -> None:
    with pytest.raises(UsageError, match=f"BAROMETER_KAFKA_PASSWORD_FILE is {files[file]}: "):
        common_config(sasl(kafka_password=None, kafka_password_file=files[file]))
