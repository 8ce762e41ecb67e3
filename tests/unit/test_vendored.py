"""Other people's files that the page and the tests use are what their packages ship."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "vendor_page.py"


@pytest.fixture
def vendor_page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("vendor_page", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_vendored_files_are_as_recorded(vendor_page: ModuleType) -> None:
    assert [found for record in vendor_page.RECORDS for found in vendor_page.differences(record)] == []


def test_a_vendored_file_that_was_edited_is_found(vendor_page: ModuleType, tmp_path: Path) -> None:
    vendor_page.__dict__["ROOT"] = tmp_path
    files = {"a.js": {"from": "a.js", "sha256": vendor_page.sha256(b"as shipped")}}
    record = tmp_path / "vendor.json"
    record.write_text(json.dumps([{"name": "a", "version": "1", "licence": "MIT", "files": files}]))
    (tmp_path / "a.js").write_bytes(b"as shipped")
    assert vendor_page.differences(record) == []
    (tmp_path / "a.js").write_bytes(b"edited")
    (tmp_path / "b.js").write_bytes(b"")
    assert vendor_page.differences(record) == ["a.js is not what a 1 ships", "b.js in . is not recorded"]
