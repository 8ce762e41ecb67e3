"""A Docker engine and ``docker compose``: those that are there, else an engine of our own while it is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMPOSE = "github.com/docker/compose/v2/cmd"
COMPOSE_VERSION = "v2.38.2"
PATIENCE_S = 90


class UnavailableError(Exception):
    """The stack cannot be started here; says what is missing."""


def run(*command: str, env: Mapping[str, str], cwd: Path | None = None, quiet: bool = False) -> str:
    """What a command says on stdout. Raises UnavailableError with the end of what it said, when it fails."""
    done = subprocess.run(command, env=dict(env), cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode and not quiet:
        raise UnavailableError(f"{' '.join(command)}: {(done.stderr or done.stdout)[-1_500:].strip()}")
    return done.stdout if not done.returncode else ""


@contextmanager
def engine(cache: Path) -> Iterator[dict[str, str]]:
    """The environment in which ``docker`` and ``docker compose`` work."""
    env = dict(os.environ)
    if not shutil.which("docker"):
        raise UnavailableError("there is no docker here (Debian: apt-get install docker.io)")
    env = _with_compose(env, cache)
    if run("docker", "info", "--format", "{{.ServerVersion}}", env=env, quiet=True).strip():
        yield env
        return
    if os.geteuid() or not shutil.which("dockerd"):
        raise UnavailableError("no Docker engine answers, and only root can start one (dockerd, from docker.io)")
    with _own_engine(env) as ours:
        yield ours


@contextmanager
def _own_engine(env: dict[str, str]) -> Iterator[dict[str, str]]:
    """A ``dockerd`` with everything in a folder that is removed with it."""
    folder = Path(tempfile.mkdtemp(prefix="barometer-docker-"))
    socket = f"unix://{folder}/docker.sock"
    command = ["dockerd", "--host", socket, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"]
    log = (folder / "dockerd.log").open("wb")
    daemon = subprocess.Popen([*command, "--pidfile", f"{folder}/pid"], stdout=log, stderr=log)
    # buildx may be missing: what is built here needs nothing of it.
    ours = env | {"DOCKER_HOST": socket, "DOCKER_BUILDKIT": "0"}
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not run("docker", "info", "--format", "{{.ServerVersion}}", env=ours, quiet=True).strip():
            if daemon.poll() is not None or time.monotonic() > deadline:
                said = (folder / "dockerd.log").read_text(encoding="utf-8", errors="replace")[-1_500:]
                raise UnavailableError(f"dockerd does not start here:\n{said}")
            time.sleep(0.5)
        yield ours
    finally:
        daemon.terminate()
        daemon.wait(60)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _with_compose(env: dict[str, str], cache: Path) -> dict[str, str]:
    if run("docker", "compose", "version", env=env, quiet=True):
        return env
    plugin = cache / "docker" / "cli-plugins" / "docker-compose"
    if not plugin.exists():
        if not shutil.which("go"):
            raise UnavailableError("docker compose is not installed, and without Go it cannot be built")
        sys.stderr.write(f"building docker compose {COMPOSE_VERSION}, some minutes, once\n")
        plugin.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            module = Path(folder)
            run("go", "mod", "init", "compose-build", env=env, cwd=module)
            run("go", "get", f"{COMPOSE}@{COMPOSE_VERSION}", env=env, cwd=module)
            run("go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(plugin), COMPOSE, env=env, cwd=module)
    return env | {"DOCKER_CONFIG": str(plugin.parent.parent)}
