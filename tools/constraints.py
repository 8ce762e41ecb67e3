"""Writes ``constraints.txt``: one version of every dependency, for every Python and system at once.

    python tools/constraints.py                 keep the versions, add and drop what pyproject.toml demands
    python tools/constraints.py torch rich      the newest torch and rich that fit; the others keep theirs
    python tools/constraints.py all             the newest of everything that fits

uv resolves (it can resolve for other systems than this one); it comes into a
temporary environment, because nothing else here needs it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "constraints.txt"
HEADER = """\
# The versions that Barometer is tested with, for every Python and system it supports.
# Names and versions only. Made by `make constraints`.
"""
OLDEST_PYTHON = "3.11"


def main(upgrade: list[str]) -> None:
    """Resolve ``.[dev]`` and write the file."""
    with tempfile.TemporaryDirectory() as folder:
        bin_dir = Path(folder) / "venv" / "bin"
        venv.create(bin_dir.parent, with_pip=True)
        subprocess.run([bin_dir / "pip", "install", "--quiet", "--disable-pip-version-check", "uv"], check=True)
        kept = Path(folder) / "kept.txt"
        kept.write_text("\n".join(without(FILE.read_text(encoding="utf-8").splitlines(), upgrade)), encoding="utf-8")
        command: list[str | Path] = [
            *(bin_dir / "uv", "pip", "compile", "--quiet", "--universal", "--python-version", OLDEST_PYTHON),
            *("--no-annotate", "--no-header", "--extra", "dev", "--constraint", kept, ROOT / "pyproject.toml"),
        ]
        resolved = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    # A marker only says where a package is needed at all.
    lines = [line.partition(" ;")[0] for line in resolved]
    names = [name_of(line) for line in lines]
    if twice := {name for name in names if names.count(name) > 1}:
        sys.exit(f"no single version fits every Python and system for: {', '.join(sorted(twice))}")
    FILE.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stderr.write(f"wrote {FILE.name}: {len(lines)} packages\n")


def without(lines: list[str], upgrade: list[str]) -> list[str]:
    """The constraints that stay."""
    if upgrade == ["all"]:
        return []
    free = {name_of(name) for name in upgrade}
    return [line for line in lines if not line.startswith("#") and name_of(line) not in free]


def name_of(requirement: str) -> str:
    """The normalised name in ``Some_Name==1.0``."""
    return re.sub(r"[-_.]+", "-", requirement.partition("==")[0].strip()).lower()


if __name__ == "__main__":
    main(sys.argv[1:])
