"""Uses the built wheel as a stranger would: outside this folder, on each Python from 3.11 to 3.13 found here.

    python tools/wheel_check.py dist/barometer-*.whl

For each Python: a fresh environment, the wheel with the extra ``local``, the
command's version and help, and the bundled model labels a text without torch.
With the first of them a whole demo, on a real Kafka, on the generated scenario.
Exit code 1 if anything is not as promised, or if no Python is found.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("3.11", "3.12", "3.13")
PACKAGES = ("infra", "model", "stream")
DEMO_TWEETS = 300
INSTALL_LIMIT_S = 900
COMMAND_LIMIT_S = 300

LABEL_A_TEXT = """
import importlib.util, sys
from model.engines import load_classifier

absent = {"torch", "transformers"}
assert not any(importlib.util.find_spec(name) for name in absent), "torch came with the wheel"
classifier = load_classifier()
texts = ["what a wonderful flight, thank you!", "they lost my bag, worst airline ever"]
good, bad = classifier.classify(texts).labels
classifier.close()
assert (good, bad) == (2, 0), f"labels {good} and {bad} instead of 2 (positive) and 0 (negative)"
"""


class CheckError(Exception):
    """The wheel is not as promised."""


def main(wheel: Path) -> None:
    """Check the contents, then the wheel on every Python found."""
    missing = sorted(tracked_files() - set(zipfile.ZipFile(wheel).namelist()))
    require(not missing, f"not in {wheel.name}: {', '.join(missing)}")
    say(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB, all files of {', '.join(PACKAGES)} are in it")
    found = {version: python for version in PYTHONS if (python := find_python(version))}
    require(bool(found), f"none of Python {', '.join(PYTHONS)} was found")
    for version in PYTHONS:
        if version not in found:
            say(f"Python {version}: not found here, not checked")
    with tempfile.TemporaryDirectory(prefix="barometer-wheel-") as folder:
        for number, (version, python) in enumerate(found.items()):
            started = time.monotonic()
            home = Path(folder) / version
            check(python, wheel.resolve(), home, whole_demo=number == 0)
            shutil.rmtree(home)
            what = "installed, labelled texts" + (", ran a demo" if number == 0 else "")
            say(f"Python {version}: {what} ({time.monotonic() - started:.0f} s)")


def tracked_files() -> set[str]:
    """Files of the packages that git knows: each of them belongs in the wheel."""
    listing = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return set(listing.stdout.splitlines())


def find_python(version: str) -> Path | None:
    """An interpreter of this version that runs: on the PATH, or one of pyenv's."""
    name = f"python{version}"
    pyenv = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    on_path = (Path(folder) / name for folder in os.environ.get("PATH", "").split(os.pathsep) if folder)
    for python in [*on_path, *sorted(pyenv.glob(f"{version}.*/bin/{name}"), reverse=True)]:
        # pyenv's shims stand on the PATH for versions that are not switched on: they exist, and fail.
        if (
            python.exists()
            and subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode == 0
        ):
            return python
    return None


def check(python: Path, wheel: Path, home: Path, *, whole_demo: bool) -> None:
    """Install the wheel under ``home`` and use it from there."""
    run([python, "-m", "venv", home / "venv"], INSTALL_LIMIT_S)
    bin_dir = home / "venv" / "bin"
    pip = [bin_dir / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile"]
    run([*pip, "--constraint", ROOT / "constraints.txt", f"{wheel}[local]"], INSTALL_LIMIT_S)
    barometer = bin_dir / "barometer"
    require(
        "barometer" in run([barometer, "--version"], COMMAND_LIMIT_S, cwd=home), "--version does not name barometer"
    )
    require("demo" in run([barometer, "--help"], COMMAND_LIMIT_S, cwd=home), "--help does not name the demo")
    run([bin_dir / "python", "-c", LABEL_A_TEXT], COMMAND_LIMIT_S, cwd=home)
    if whole_demo:
        summary = home / "summary.json"
        flags = ["--limit", str(DEMO_TWEETS), "--exit-when-done", "--summary", summary]
        run([barometer, "demo", *flags], COMMAND_LIMIT_S, cwd=home)
        check_summary(json.loads(summary.read_text(encoding="utf-8")))


def check_summary(summary: dict[str, object]) -> None:
    """What must hold of any demo."""
    require(summary["replayed"] == DEMO_TWEETS, f"replayed {summary['replayed']} instead of {DEMO_TWEETS}")
    brands = summary["brands"]
    require(isinstance(brands, dict) and bool(brands), "no brands")
    assert isinstance(brands, dict)
    in_windows = sum(brand["tweets"] for brand in brands.values())
    require(in_windows == summary["labeled"], f"{summary['labeled']} labelled, but {in_windows} in windows")
    require(bool(summary["windows"]), "no windows")


def run(command: Sequence[object], limit_s: float, cwd: Path | None = None) -> str:
    """Output of a command, which must succeed within the limit, without this folder's settings and modules."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=limit_s,
        check=False,
    )
    require(done.returncode == 0, f"{shown(command)} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def shown(command: Iterable[object]) -> str:
    """A command as one would type it."""
    return " ".join(str(part) for part in command)


def require(holds: bool, otherwise: str) -> None:
    """Raise CheckError with this message unless it holds."""
    if not holds:
        raise CheckError(otherwise)


def say(text: str) -> None:
    """Write a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]))
    except (CheckError, subprocess.TimeoutExpired) as problem:
        sys.exit(f"wheel check: {problem}")
