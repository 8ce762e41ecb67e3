"""Base images under their real names and tags, where a registry cannot be reached: Debian, and the same programs.

Kafka is that of the local broker, Prometheus and Alertmanager are Debian's. What no package has (Grafana,
kafka-exporter) has no stand-in. They prove the compose file and our image, not those images.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.kafka.jars import KAFKA_VERSION, ensure_jars
from infra.kafka.node import find_java
from infra.settings import Settings
from tests.compose.engine import UnavailableError, run

HERE = Path(__file__).parent / "images"
DEBIAN = "barometer-stand-in/debian"
PACKAGES = "ca-certificates,python3,python3-venv,python3-pip"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"""What this machine trusts, so that a build behind a proxy reaches its package registry."""


def ensure(images: Mapping[str, str], env: Mapping[str, str], cache: Path) -> list[str]:
    """Have every image (role to name): pulled, else as a stand-in. Says which are stand-ins."""
    made = []
    for role, name in images.items():
        if run("docker", "image", "inspect", "--format", "x", name, env=env, quiet=True):
            continue
        if _pulled(name, env):
            continue
        if role not in MAKERS:
            raise UnavailableError(f"{name} cannot be pulled, and there is no stand-in for it")
        sys.stderr.write(f"making a stand-in for {name}\n")
        _debian(env, cache)
        with tempfile.TemporaryDirectory() as folder:
            context = Path(folder) / role
            shutil.copytree(HERE / role, context)
            MAKERS[role](context)
            run("docker", "build", "--quiet", "--tag", name, str(context), env=env)
        made.append(name)
    return made


def _pulled(name: str, env: Mapping[str, str]) -> bool:
    try:
        return not subprocess.run(
            ["docker", "pull", "--quiet", name], env=dict(env), check=False, capture_output=True, timeout=300
        ).returncode
    except subprocess.TimeoutExpired:
        return False


def _debian(env: Mapping[str, str], cache: Path) -> None:
    """A small Debian with Python; its files are kept, since making them takes a minute or two."""
    if run("docker", "image", "inspect", "--format", "x", DEBIAN, env=env, quiet=True):
        return
    archive = cache / "debian.tar"
    if not archive.exists():
        if os.geteuid() or not shutil.which("debootstrap"):
            raise UnavailableError("stand-ins need root and debootstrap (Debian: apt-get install debootstrap)")
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            run("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", f"{folder}/tree", env=env)
            run("tar", "-C", f"{folder}/tree", "-cf", str(archive.with_suffix(".part")), ".", env=env)
        archive.with_suffix(".part").rename(archive)
    run("docker", "import", str(archive), DEBIAN, env=env)


def _python(context: Path) -> None:
    shutil.copy(CA_BUNDLE, context / "ca.crt")


def _kafka(context: Path) -> None:
    settings = Settings()
    (context / "libs").mkdir()
    for jar in ensure_jars(settings.cache / f"kafka-{KAFKA_VERSION}" / "jars", repository=settings.maven_repository):
        shutil.copy(jar, context / "libs")
    shutil.copytree(find_java().parents[1], context / "java", symlinks=False)


def _programs(*names: tuple[str, str]) -> Callable[[Path], None]:
    def copy(context: Path) -> None:
        for installed, called in names:
            found = shutil.which(installed)
            if not found:
                raise UnavailableError(f"a stand-in needs {installed}: tools/ci_packages.sh")
            shutil.copy(found, context / called)

    return copy


def _alertmanager(context: Path) -> None:
    _programs(("prometheus-alertmanager", "alertmanager"), ("amtool", "amtool"))(context)
    shutil.copytree("/usr/share/prometheus/alertmanager", context / "templates", symlinks=False)


MAKERS: Mapping[str, Callable[[Path], None]] = {
    "python": _python,
    "kafka": _kafka,
    "prometheus": _programs(("prometheus", "prometheus"), ("promtool", "promtool")),
    "alertmanager": _alertmanager,
}
