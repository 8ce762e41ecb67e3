"""Apache Kafka's jar files: which ones, fetched once, verified, kept in the cache.

``jars.lock`` beside this file names every jar with its size and SHA-256, so a
first start needs no dependency resolution, a damaged or replaced download is
refused, and everyone runs the same bytes. Later starts only compare sizes and
touch no network. After a change of KAFKA_VERSION, write the lock again with
``python -m infra.kafka.jars``.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from infra.errors import BrokerStartError, MissingExtraError

if TYPE_CHECKING:
    from jgo.maven import MavenContext

KAFKA_VERSION = "4.3.1"
ROOTS = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:2.0.17")
"""What the lock is resolved from: the broker, and a logger that needs no configuration file."""
WITHOUT_BROKER = "set BAROMETER_KAFKA_BOOTSTRAP_SERVERS, or run docker compose up"
"""What to do where the local broker cannot be had."""
_LOCK = "jars.lock"
_TIMEOUT_S = 20
_PARALLEL = 12

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Jar:
    """One file of the lock. ``size`` is in bytes."""

    group: str
    artifact: str
    version: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.artifact}-{self.version}.jar"

    def __str__(self) -> str:
        return f"{self.group}:{self.artifact}:{self.version} {self.size} {self.sha256}"

    @classmethod
    def parse(cls, line: str) -> Jar:
        """The inverse of ``str()``. Raises ValueError for anything else."""
        coordinates, size, sha256 = line.split()
        group, artifact, version = coordinates.split(":")
        return cls(group, artifact, version, int(size), sha256)


def read_lock() -> list[Jar]:
    """Every jar of the broker, in the order of the class path."""
    text = resources.files(__package__ or "infra.kafka").joinpath(_LOCK).read_text(encoding="utf-8")
    return [Jar.parse(line) for line in text.splitlines() if line and not line.startswith("#")]


def missing_jars(jars: Iterable[Jar], folder: Path) -> list[Jar]:
    """Those that are not in ``folder``, or not with the size of the lock (a download that was cut)."""
    return [jar for jar in jars if _size(folder / jar.file_name) != jar.size]


def ensure_jars(folder: Path, *, repository: str = "", on_progress: Callable[[str], None] | None = None) -> list[Path]:
    """The jars in ``folder``, in the order of the class path; those that are missing are fetched first.

    ``repository`` is the URL of a Maven repository to use instead of Maven
    Central. Safe to run in several processes at once. Raises BrokerStartError
    when a jar cannot be fetched or is not the one of the lock, and
    MissingExtraError when one is needed and the extra is not installed.
    """
    jars = read_lock()
    missing = missing_jars(jars, folder)
    if missing:
        _fetch_all(missing, folder, repository, on_progress or (lambda _: None))
    return [folder / jar.file_name for jar in jars]


def _fetch_all(jars: list[Jar], folder: Path, repository: str, on_progress: Callable[[str], None]) -> None:
    what = f"Fetching Apache Kafka {KAFKA_VERSION} (first time only)"
    on_progress(what)
    with _staging(folder) as staging:
        context = _maven_context(Path(staging), repository)
        pool = ThreadPoolExecutor(_PARALLEL, thread_name_prefix="fetch-kafka")
        try:
            for done, _ in enumerate(pool.map(lambda jar: _fetch(context, jar, folder), jars), start=1):
                on_progress(f"{what}: {done} of {len(jars)} files")
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _staging(folder: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=folder, prefix="fetch-", ignore_cleanup_errors=True)
    except OSError as error:
        raise BrokerStartError(
            f"the cache folder {folder} cannot be written ({error.strerror}); set BAROMETER_CACHE_DIR to one that can"
        ) from error


def _maven_context(staging: Path, repository: str) -> MavenContext:
    try:
        from jgo.constants import MAVEN_CENTRAL_URL
        from jgo.maven import MavenContext
    except ImportError as error:
        raise MissingExtraError("the local Kafka broker", "local") from error
    # jgo logs each step of its own; what matters is in our errors.
    logging.getLogger("jgo").setLevel(logging.ERROR)
    url = (repository or MAVEN_CENTRAL_URL).rstrip("/")
    return MavenContext(repo_cache=staging, local_repos=[], remote_repos={"repository": url}, timeout=_TIMEOUT_S)


def _fetch(context: MavenContext, jar: Jar, folder: Path) -> None:
    from requests import RequestException

    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    try:
        path = artifact.resolve()
    except (RequestException, RuntimeError, OSError) as error:  # jgo raises RuntimeError for "not found"
        log.debug("fetching %s failed", jar.file_name, exc_info=True)
        raise BrokerStartError(
            f"Apache Kafka could not be fetched from {next(iter(context.remote_repos.values()))} "
            f"({jar.file_name}: {type(error).__name__}); {WITHOUT_BROKER}"
        ) from error
    digest = sha256_of(path)
    if digest != jar.sha256:
        raise BrokerStartError(
            f"{jar.file_name} was fetched with SHA-256 {digest}, but Barometer expects {jar.sha256}; "
            "try again, and if it stays so, mistrust the repository or proxy it came from"
        )
    path.replace(folder / jar.file_name)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def resolve_lock() -> list[Jar]:
    """Resolve ROOTS in Maven Central and download everything: the lock as it should be. For maintainers."""
    import jgo
    from jgo.maven import MavenContext

    with tempfile.TemporaryDirectory() as staging:
        context = MavenContext(repo_cache=Path(staging), local_repos=[])
        jars = []
        for found in jgo.resolve("+".join(ROOTS)):
            component = context.project(found.groupId, found.artifactId).at_version(found.version)
            path = component.artifact().resolve()
            jars.append(Jar(found.groupId, found.artifactId, found.version, path.stat().st_size, sha256_of(path)))
        return sorted(jars, key=lambda jar: jar.file_name)


def write_lock(target: Path) -> None:
    """Write ``jars.lock``."""
    lines = [f"# {' + '.join(ROOTS)}; written by python -m infra.kafka.jars", *map(str, resolve_lock())]
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_lock(Path(__file__).with_name(_LOCK))
    shutil.copyfileobj(Path(__file__).with_name(_LOCK).open(), sys.stdout)
