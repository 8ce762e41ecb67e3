"""Prints what pyproject.toml demands, one requirement a line, so that an image can install it before the code is there.

python tools/requirements.py notify         the dependencies, and those of these extras
python tools/requirements.py --only torch   those of these extras alone
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path


def requirements(project: dict[str, object], extras: list[str]) -> list[str]:
    """What the extras demand, including what extras among them demand."""
    optional = project["optional-dependencies"]
    assert isinstance(optional, dict)
    found: list[str] = []
    for extra in extras:
        for requirement in optional[extra]:
            if inner := re.fullmatch(r"barometer\[(.+)\]", requirement):
                found += requirements(project, inner[1].split(","))
            else:
                found.append(requirement)
    return found


def main(arguments: list[str]) -> None:
    """Read the pyproject.toml of the working directory."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    only = arguments[:1] == ["--only"]
    own = [] if only else project["dependencies"]
    sys.stdout.writelines(f"{line}\n" for line in own + requirements(project, arguments[only:]))


if __name__ == "__main__":
    main(sys.argv[1:])
