"""What settings say when they are wrong, and what they never say."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as example_count
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from infra.errors import UsageError
from infra.settings import ENV_PREFIX, Settings, load_settings
from infra.settings_reference import env_example, markdown

HIDDEN = "hunter2-of-the-test"
SASL: dict[str, Any] = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_username": "u",
    "kafka_password": SecretStr(HIDDEN),
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"kafka_security_protocol": "SASL_SSL", "kafka_username": "u"},
            "KAFKA_SECURITY_PROTOCOL is SASL_SSL: set BAROMETER_KAFKA_PASSWORD or BAROMETER_KAFKA_PASSWORD_FILE too",
        ),
        (
            {**SASL, "kafka_username": ""},
            "KAFKA_SECURITY_PROTOCOL is SASL_SSL: set BAROMETER_KAFKA_USERNAME too",
        ),
        (
            {**SASL, "kafka_security_protocol": "PLAINTEXT"},
            (
                "KAFKA_USERNAME, BAROMETER_KAFKA_PASSWORD are set, but BAROMETER_KAFKA_SECURITY_PROTOCOL=PLAINTEXT "
                "takes no user: set it to SASL_SSL"
            ),
        ),
        (
            {**SASL, "kafka_password_file": Path("p")},
            "KAFKA_PASSWORD and BAROMETER_KAFKA_PASSWORD_FILE are both set: unset one of them",
        ),
        (
            {"kafka_ca_file": Path("ca.pem")},
            (
                "KAFKA_CA_FILE is set, but BAROMETER_KAFKA_SECURITY_PROTOCOL=PLAINTEXT does not encrypt: set "
                "it to SSL or SASL_SSL"
            ),
        ),
        (
            {**SASL, "kafka_security_protocol": "SASL_PLAINTEXT", "kafka_check_hostname": False},
            (
                "KAFKA_CHECK_HOSTNAME is set, but BAROMETER_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT does not encrypt: "
                "set it to SSL or SASL_SSL"
            ),
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_certificate_file": Path("c")},
            "KAFKA_CERTIFICATE_FILE is set, but BAROMETER_KAFKA_KEY_FILE is not: set both, or neither",
        ),
        (
            {"kafka_security_protocol": "SSL", "kafka_key_password": SecretStr(HIDDEN)},
            "KAFKA_KEY_PASSWORD is set, but BAROMETER_KAFKA_KEY_FILE is not: set both, or neither",
        ),
        ({"kafka_security_protocol": "tls"}, "KAFKA_SECURITY_PROTOCOL is 'tls': Input should be 'PLAINTEXT', "),
    ],
)
def test_what_does_not_fit_together_is_told_with_its_remedy(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_settings(**given)
    assert str(caught.value).startswith(f"{ENV_PREFIX}{said}")
    assert HIDDEN not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "given",
    [
        SASL,
        {**SASL, "kafka_password": None, "kafka_password_file": Path("p"), "kafka_security_protocol": "SASL_PLAINTEXT"},
        {"kafka_security_protocol": "SSL"},
        {
            "kafka_security_protocol": "SSL",
            "kafka_ca_file": Path("ca"),
            "kafka_certificate_file": Path("c"),
            "kafka_key_file": Path("k"),
            "kafka_key_password": SecretStr(HIDDEN),
        },
        {**SASL, "kafka_certificate_file": Path("c"), "kafka_key_file": Path("k")},
    ],
)
def test_what_fits_together_is_taken_and_reaches_a_child_process_as_it_is(
    given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(**given)
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


@example_count(max_examples=20)
@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1))
def test_a_secret_is_in_no_form_in_which_settings_are_shown(tail: str) -> None:
    secret = f"{HIDDEN}{tail}"
    settings = Settings(**{**SASL, "kafka_password": SecretStr(secret)})
    shown = [str(settings), repr(settings), f"{settings!r}", settings.model_dump_json(), str(settings.model_dump())]
    shown.append(logging.LogRecord("n", 20, "p", 1, "settings: %s %r", (settings, settings), None).getMessage())
    with pytest.raises(ValidationError) as caught:
        Settings(**{**SASL, "kafka_password": SecretStr(secret), "kafka_username": "", "partitions": -1})
    shown += [str(caught.value), repr(caught.value)]
    with pytest.raises(UsageError) as wrong:
        load_settings(kafka_password=secret)
    shown.append("".join(traceback.format_exception(wrong.value)))
    assert not [text for text in shown if HIDDEN in text]


def test_the_reference_shows_no_default_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{ENV_PREFIX}KAFKA_PASSWORD", HIDDEN)
    assert "#BAROMETER_KAFKA_PASSWORD=\n" in env_example()
    assert HIDDEN not in env_example() + markdown()
