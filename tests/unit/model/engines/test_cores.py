from __future__ import annotations

import os
from pathlib import Path

import pytest

from model.engines.cores import usable_cores


@pytest.mark.parametrize(("content", "most"), [("100000 100000\n", 1), ("50000 100000", 1), ("150000 100000", 2)])
def test_the_quota_of_a_container_counts(content: str, most: int, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert usable_cores(tmp_path / "cpu.max") == min(most, usable_cores(tmp_path / "none"))


@pytest.mark.parametrize("content", ["max 100000\n", "", "what"])
def test_no_quota_leaves_all_cores(content: str, tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text(content)
    assert 1 <= usable_cores(tmp_path / "cpu.max") <= (os.cpu_count() or 1)
