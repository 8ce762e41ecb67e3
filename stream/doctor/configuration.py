"""Settings: whether they can be read, are all known, and leave no door open."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from infra.errors import BarometerError
from infra.settings import ENV_PREFIX, Settings, load_settings
from stream.doctor.finding import Finding, fail, ok, warn

_SHOWN = 5
_FOR_TESTS = f"{ENV_PREFIX}TEST_"


def load(env_file: Path | None) -> tuple[Settings | None, list[Finding]]:
    """The settings, if they can be read, and what there is to say of them. Values are never told."""
    findings = list(unknown_names(os.environ, "the environment"))
    if env_file is not None and env_file.exists():
        from dotenv import dotenv_values

        findings += unknown_names(dotenv_values(env_file), str(env_file))
    try:
        settings = load_settings()
    except (BarometerError, OSError) as error:
        return None, [*findings, fail("settings", str(error), "correct it; docs/settings.md lists all settings")]
    changed = len(settings.model_fields_set)
    shown = f"{changed} set, {len(Settings.model_fields) - changed} as they come"
    return settings, [ok("settings", shown), *findings, *security(settings), *brands(settings)]


def unknown_names(names: Iterable[str], where: str) -> Iterator[Finding]:
    """Variables that look like settings and are none: they have no effect."""
    known = {f"{ENV_PREFIX}{name}".upper() for name in Settings.model_fields}
    meant: dict[str, str] = {}
    for name in names:
        upper = name.upper()
        if upper.startswith(ENV_PREFIX) and upper not in known and not upper.startswith(_FOR_TESTS):
            close = difflib.get_close_matches(upper, known, n=1)
            meant[name] = close[0] if close else ""
        elif ENV_PREFIX + upper in known and "_" in upper and where != "the environment":
            meant[name] = ENV_PREFIX + upper
    if not meant:
        return
    shown = ", ".join(sorted(meant)[:_SHOWN]) + (", ..." if len(meant) > _SHOWN else "")
    instead = "; ".join(f"{right} instead of {name}" for name, right in sorted(meant.items()) if right)
    fix = f"write {instead}" if instead else "take it out; docs/settings.md lists all settings"
    yield warn("settings", f"{where} has {shown}, which no setting is called", fix)


def security(settings: Settings) -> Iterator[Finding]:
    """How Kafka is connected to, and who may read the files with secrets."""
    protocol = settings.kafka_security_protocol
    if protocol == "SASL_PLAINTEXT":
        yield warn(
            "security", "user and password go to Kafka in clear", "set BAROMETER_KAFKA_SECURITY_PROTOCOL=SASL_SSL"
        )
    if protocol.endswith("SSL") and not settings.kafka_check_hostname:
        fix = "unset BAROMETER_KAFKA_CHECK_HOSTNAME, and connect to a name in the certificate"
        yield warn("security", "Kafka's certificate may name any host", fix)
    for name, path in _secret_files(settings).items():
        yield from _secret_file(name, path.expanduser())
    yield ok("security", f"{protocol} to Kafka")


def _secret_files(settings: Settings) -> Mapping[str, Path]:
    names = [name for name in Settings.model_fields if name.endswith(("_password_file", "_key_file", "_secret_file"))]
    return {name: path for name in names if isinstance(path := getattr(settings, name), Path)}


def _secret_file(name: str, path: Path) -> Iterator[Finding]:
    variable = f"{ENV_PREFIX}{name.upper()}"
    try:
        with path.open("rb"):
            mode = path.stat().st_mode
    except OSError as error:
        yield fail("security", f"{variable} is {path}: {error.strerror}", f"correct {variable}")
        return
    if mode & stat.S_IROTH:
        yield warn("security", f"{path}, which holds a secret, can be read by everybody here", f"run: chmod 600 {path}")


def brands(settings: Settings) -> Iterator[Finding]:
    """Whether the rules that find brands can be read."""
    from stream.brands import BrandRules

    where = str(settings.brands_file) if settings.brands_file else "the bundled ones"
    try:
        BrandRules.load(settings.brands_file)
    except BarometerError as error:
        yield fail("brands", str(error), "correct BAROMETER_BRANDS_FILE; docs/brands.md tells what is in it")
    else:
        yield ok("brands", f"rules can be read: {where}")
