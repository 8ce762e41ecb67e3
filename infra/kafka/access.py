"""Why Kafka does not let us in, in one sentence that names the setting.

librdkafka tells little: a listener that encrypts just hangs up on a client that
does not, and a host name that is not in the certificate looks like an unknown
authority. So when a client fails, we knock ourselves: a TCP connection, a TLS
handshake, one request that asks which SASL mechanisms there are.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from confluent_kafka import KafkaError

from infra.errors import BarometerError
from infra.kafka.security import tls_context
from infra.settings import ENV_PREFIX, Settings

_Address = tuple[str, int]
_TIMEOUT_S = 3.0
_MOST_ADDRESSES = 3
_BROKER = re.compile(r"(?:\w+://)?([^/\s]+:\d+)/\w+: ")
"""How librdkafka begins an error: ``sasl_ssl://kafka-1:9093/bootstrap: SASL authentication error``."""
_MOST_BYTES = 64 * 1024
_SASL_HANDSHAKE, _VERSION = 17, 1
_ILLEGAL_SASL_STATE = 34
"""What a listener without SASL answers when it is asked for a mechanism."""
_HOST_MISMATCH = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_DENIED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "a topic",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "a consumer group",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "the cluster",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "a transactional id",
}
_AUTHENTICATION = {KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED}  # noqa: SLF001  librdkafka's name


class KafkaAccessError(BarometerError):
    """Kafka is there, but does not let us in, or not do what we ask. Waiting does not help."""


@dataclass(frozen=True)
class _Answer:
    """What a listener said. ``mechanisms``: those of SASL; None where it takes no user."""

    mechanisms: tuple[str, ...] | None


class _TrustError(Exception):
    """Its certificate is no good to us."""


class _CertificateWantedError(Exception):
    """Ours is no good to it, or we have shown none."""


class _AwayError(Exception):
    """It does not speak as we do, or is not there."""


def denied(settings: Settings, error: KafkaError | None, topic: str = "") -> KafkaAccessError | None:
    """The error where Kafka's rules (ACLs) do not allow what was asked; None for any other error."""
    what = _DENIED.get(error.code()) if error is not None else None
    if error is None or what is None:
        return None
    where = f"topic {topic}" if topic and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED else what
    return KafkaAccessError(
        f"Kafka at {settings.kafka_bootstrap_servers} does not give {_who(settings)} the rights it needs on "
        f"{where} ({error.str()}); docs/security.md lists them"
    )


def refused(settings: Settings, error: KafkaError | None = None) -> KafkaAccessError | None:
    """The error when Kafka can be reached but not entered; None when it is away, or nothing is wrong.

    ``error`` is what a client was told. Takes milliseconds, some seconds where
    something answers slowly. Raises UsageError when a file is no good.
    """
    first: KafkaAccessError | None = None
    for address in _addresses(settings, error)[:_MOST_ADDRESSES]:
        try:
            why = _why_refused(settings, address, error)
        except _AwayError:
            continue
        if why is None:
            return None  # one broker that lets us in is enough
        first = first or KafkaAccessError(f"Kafka at {_written(address)} {why}")
    return first


def _why_refused(settings: Settings, address: _Address, error: KafkaError | None) -> str | None:
    """None where we may enter. Raises _AwayError."""
    context = tls_context(settings)
    try:
        answer = _knock(address, context)
    except _TrustError as bad:
        return str(bad)
    except _CertificateWantedError:
        return (
            "wants a certificate of ours that it trusts: "
            f"{'check' if settings.kafka_certificate_file else 'set'} {_names('certificate_file', 'key_file')}"
        )
    except _AwayError:
        return _other_side(settings, address)
    return _why_no_user(settings, answer, error)


def _why_no_user(settings: Settings, answer: _Answer, error: KafkaError | None) -> str | None:
    protocol = settings.kafka_security_protocol
    if not protocol.startswith("SASL"):
        if answer.mechanisms is None:
            return None
        return (
            f"wants a user and a password: set {_names('security_protocol')} to "
            f"{'SASL_SSL' if protocol == 'SSL' else 'SASL_PLAINTEXT'}, {_names('username', 'password')}"
        )
    if answer.mechanisms is None:
        return f"takes no user on this port: set {_names('security_protocol')} to {protocol.removeprefix('SASL_')}"
    if settings.kafka_sasl_mechanism not in answer.mechanisms:
        return (
            f"does not take {settings.kafka_sasl_mechanism}: set {_names('sasl_mechanism')} to "
            f"{' or '.join(answer.mechanisms)}"
        )
    if error is not None and error.code() in _AUTHENTICATION:
        secret = "password_file" if settings.kafka_password_file else "password"
        return (
            f"does not know {_who(settings)} with this password: check {_names('username', secret, 'sasl_mechanism')}"
        )
    return None


def _other_side(settings: Settings, address: _Address) -> str:
    """Whether it would speak with us with TLS instead of without, or without instead of with. Raises _AwayError."""
    protocol = settings.kafka_security_protocol
    anyone = None
    if not protocol.endswith("SSL"):
        anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # to learn whether it encrypts; nothing is told
        anyone.check_hostname = False
        anyone.verify_mode = ssl.CERT_NONE
    mechanisms: tuple[str, ...] | None = None
    with contextlib.suppress(_CertificateWantedError):  # it encrypts, and wants more than that
        mechanisms = _knock(address, anyone).mechanisms
    if anyone:
        wanted = "SSL" if mechanisms is None else "SASL_SSL"
        return f"encrypts (TLS) on this port: set {_names('security_protocol')} to {wanted}"
    wanted = "PLAINTEXT" if mechanisms is None else "SASL_PLAINTEXT"
    return (
        f"does not encrypt on this port: take another port, or set {_names('security_protocol')} to {wanted} "
        "where everybody on the way may read along"
    )


def _knock(address: _Address, context: ssl.SSLContext | None) -> _Answer:
    try:
        with contextlib.ExitStack() as opened:
            link = opened.enter_context(socket.create_connection(address, _TIMEOUT_S))
            if context is not None:
                link = opened.enter_context(context.wrap_socket(link, server_hostname=address[0]))
            return _ask_for_mechanisms(link)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in _HOST_MISMATCH:
            why = f"has a certificate for other hosts: connect to one that it names, or check {_names('ca_file')}"
        else:
            why = f"has a certificate that we do not trust ({error.verify_message}): check {_names('ca_file')}"
        raise _TrustError(why) from error
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or "") and "PROTOCOL_VERSION" not in (error.reason or ""):
            raise _CertificateWantedError from error
        raise _AwayError from error
    except (OSError, struct.error, ValueError) as error:
        raise _AwayError from error


def _ask_for_mechanisms(link: socket.socket) -> _Answer:
    """Kafka's SaslHandshake request, with no mechanism: the answer lists those that there are."""
    request = struct.pack(">hhih", _SASL_HANDSHAKE, _VERSION, 1, -1) + struct.pack(">h", 0)
    link.sendall(struct.pack(">i", len(request)) + request)
    (size,) = struct.unpack(">i", _read(link, 4))
    if not 10 <= size <= _MOST_BYTES:
        raise ValueError(f"{size} bytes: that is not Kafka")
    answer = _read(link, size)
    correlation, code, count = struct.unpack_from(">ihi", answer)
    if correlation != 1:
        raise ValueError("that is not Kafka")
    return _Answer(None if code == _ILLEGAL_SASL_STATE else tuple(sorted(_strings(answer, 10, count))))


def _strings(data: bytes, at: int, count: int) -> Iterator[str]:
    for _ in range(count):
        (length,) = struct.unpack_from(">h", data, at)
        yield data[at + 2 : at + 2 + length].decode()
        at += 2 + length


def _read(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise ConnectionResetError("closed in the middle of an answer")
        data += more
    return data


def _addresses(settings: Settings, error: KafkaError | None) -> list[_Address]:
    """Where to knock: the broker that an error is about, unless we were told of it ourselves; else all of those."""
    told = [_address(server.strip()) for server in settings.kafka_bootstrap_servers.split(",")]
    about = _BROKER.match(error.str()) if error is not None else None
    if about and (broker := _address(about[1])) not in told:
        return [broker]
    return told


def _address(server: str) -> _Address:
    """Such as ``kafka-1:9092``, ``[::1]:9092``; a name without a port is on Kafka's own."""
    host, colon, port = server.rpartition(":")
    return (host.strip("[]"), int(port)) if colon and port.isdigit() else (server.strip("[]"), 9092)


def _written(address: _Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _who(settings: Settings) -> str:
    if settings.kafka_security_protocol.startswith("SASL"):
        return f"user {settings.kafka_username}"
    return "the user of our certificate" if settings.kafka_certificate_file else "a client without a user"


def _names(*settings: str) -> str:
    names = [f"{ENV_PREFIX}KAFKA_{name.upper()}" for name in settings]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
