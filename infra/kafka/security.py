"""How every client proves who it is and whom it trusts: from the settings, for librdkafka and for aiokafka.

The settings have been checked against each other when they were loaded. Here
files are read, each time a client is made, so that a client made later takes a
new password or certificate. Secrets go from here into a client and nowhere else.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.errors import UsageError
from infra.secrets import readable, secret_of, variable
from infra.settings import Settings

if TYPE_CHECKING:
    from faust.types.auth import CredentialsT


def librdkafka_security(settings: Settings) -> dict[str, Any]:
    """Properties of a librdkafka client. Raises UsageError that names the setting whose file is no good."""
    protocol = settings.kafka_security_protocol
    properties: dict[str, Any] = {}
    if protocol != "PLAINTEXT":
        properties["security.protocol"] = protocol
    if protocol.startswith("SASL"):
        properties["sasl.mechanism"] = settings.kafka_sasl_mechanism
        properties["sasl.username"] = settings.kafka_username
        properties["sasl.password"] = secret_of(settings, "kafka_password")
    if protocol.endswith("SSL"):
        tls_context(settings)  # it says what is wrong with a file better than librdkafka does
        properties["ssl.endpoint.identification.algorithm"] = "https" if settings.kafka_check_hostname else "none"
        if settings.kafka_ca_file:
            properties["ssl.ca.location"] = str(_path(settings.kafka_ca_file))
        if settings.kafka_certificate_file and settings.kafka_key_file:
            properties["ssl.certificate.location"] = str(_path(settings.kafka_certificate_file))
            properties["ssl.key.location"] = str(_path(settings.kafka_key_file))
            if password := secret_of(settings, "kafka_key_password"):
                properties["ssl.key.password"] = password
    return properties


def faust_credentials(settings: Settings) -> CredentialsT | None:
    """What Faust hands to aiokafka's consumer and producer; None where nothing is asked. Raises UsageError."""
    import faust

    context = tls_context(settings)
    if settings.kafka_security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=secret_of(settings, "kafka_password"),
            ssl_context=context,
            mechanism=settings.kafka_sasl_mechanism,
        )
    return None if context is None else faust.SSLCredentials(context)


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """Python's side of TLS; None where the connection is not encrypted. Raises UsageError."""
    if not settings.kafka_security_protocol.endswith("SSL"):
        return None
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
    if settings.kafka_ca_file:
        ca = readable("kafka_ca_file", settings.kafka_ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # that authority, and not the system's too
        try:
            context.load_verify_locations(ca)
        except ssl.SSLError as error:
            raise UsageError(f"{variable('kafka_ca_file')} is {ca}: it holds no certificates in PEM form") from error
    # Python 3.13 refuses private authorities whose certificates lack extensions; librdkafka takes them, so must we.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = settings.kafka_check_hostname
    if settings.kafka_certificate_file and settings.kafka_key_file:
        _load_certificate(context, settings, settings.kafka_certificate_file, settings.kafka_key_file)
    return context


def _load_certificate(context: ssl.SSLContext, settings: Settings, certificate: Path, key: Path) -> None:
    certificate = readable("kafka_certificate_file", certificate)
    key = readable("kafka_key_file", key)
    password = secret_of(settings, "kafka_key_password")
    asked = False

    def tell() -> str:  # without it, OpenSSL would ask at the terminal
        nonlocal asked
        asked = True
        return password

    try:
        context.load_cert_chain(certificate, key, tell)
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or ""
        if reason == "KEY_VALUES_MISMATCH":
            why = f"it is not the key of {variable('kafka_certificate_file')} {certificate}"
        elif asked and not password:
            why = f"it is encrypted; set {variable('kafka_key_password')} or {variable('kafka_key_password_file')}"
        elif asked:
            why = f"{variable('kafka_key_password')} (or its file) does not open it"
        else:
            why = f"it, or {variable('kafka_certificate_file')} {certificate}, is not in PEM form"
    else:
        return
    raise UsageError(f"{variable('kafka_key_file')} is {key}: {why}")


def _path(path: Path) -> Path:
    return path.expanduser()
