"""Programs that a test needs and this project does not bring: the test skips without them, except in CI."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
"""Debian's package of each."""


def program(*names: str) -> str:
    """The path of the first of these names that is here; what it is called differs by system."""
    for name in names:
        if found := shutil.which(name):
            return found
    what = f"{names[0]} is not installed (Debian: apt-get install {PACKAGES.get(names[0], names[0])})"
    if os.environ.get("CI"):
        pytest.fail(f"{what}; CI must have it: tools/ci_packages.sh")
    pytest.skip(what)
