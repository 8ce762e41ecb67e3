"""``barometer tune``: measured here, kept for this machine, and taken by the engine from then on."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.errors import UsageError
from infra.settings import Settings
from model.engines import load_from_settings
from model.engines.tuning import FILE
from stream.bench.engine import FEWEST
from stream.tune_cli import tune

QUICK = ["--texts", str(FEWEST), "--rounds", "1"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BAROMETER_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("BAROMETER_THREADS", "1")
    return tmp_path


def test_what_was_measured_is_kept_and_taken(own_cache: Path) -> None:
    told = CliRunner().invoke(tune, QUICK, catch_exceptions=False)
    assert told.exit_code == 0
    assert "as measured by barometer tune" in told.output
    assert str(own_cache / FILE) in told.output
    loaded = load_from_settings(Settings(cache_dir=own_cache, threads=1))
    assert loaded.info.tuning.endswith("as measured by barometer tune")
    loaded.close()


def test_a_dry_run_keeps_nothing(own_cache: Path) -> None:
    told = CliRunner().invoke(tune, [*QUICK, "--dry-run"], catch_exceptions=False)
    assert told.exit_code == 0
    assert "would keep" in told.output
    assert not (own_cache / FILE).exists()


def test_what_cannot_be_tuned_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = tmp_path / "few.csv"
    few.write_text("text,label\nlate again,negative\n", encoding="utf-8")
    with pytest.raises(UsageError, match="has 1 labelled texts; 64 are needed"):
        CliRunner().invoke(tune, ["--data", str(few)], catch_exceptions=False)
    monkeypatch.setenv("BAROMETER_MODEL", "someone/some-bert")
    with pytest.raises(UsageError, match="not exported"):
        CliRunner().invoke(tune, QUICK, catch_exceptions=False)
