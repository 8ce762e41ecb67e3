"""``barometer demo``: wrong use is refused before anything starts."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.errors import BarometerError
from stream.cli import barometer
from stream.demo.command import make_options
from stream.replay.pace import AsFastAsPossible, Rate, Speedup

NOTHING_ASKED = {
    "data": None,
    "seed": None,
    "limit": None,
    "rate": None,
    "speedup": None,
    "maximum": False,
    "text_column": None,
    "time_column": None,
    "id_column": None,
    "author_column": None,
    "brand_column": None,
    "exit_when_done": False,
    "kafka_dir": None,
    "no_browser": False,
    "picture": None,
}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go, so that what is left of them shows."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--data", "no-such-file.csv"], "no-such-file.csv"),
        (["--data", "."], "is a directory"),
        (["--data", "empty.csv"], "empty.csv is empty"),
        (["--rate", "5", "--max"], "--rate and --max cannot go together"),
        (["--rate", "5", "--speedup", "2", "--max"], "--rate and --speedup and --max cannot go together"),
        (["--rate", "0"], "--rate"),
        (["--limit", "0"], "--limit"),
        (["--text-column", "body"], "--text-column is about a file"),
        (["--summary", "no/such/folder.json"], "no/such/folder.json cannot be written"),
        (["--kafka-dir", "empty.csv"], "is a file"),
    ],
)
def test_wrong_use_is_refused_before_anything_starts(
    arguments: list[str], said: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty.csv").touch()
    result = CliRunner().invoke(barometer, ["demo", *arguments])
    error = result.exception
    code = error.exit_code if isinstance(error, BarometerError) else result.exit_code
    assert code == 2
    assert said in result.output + str(error)
    assert not list(temporary.iterdir())


def test_kafka_that_does_not_answer_is_named_with_what_to_do(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAROMETER_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    result = CliRunner().invoke(barometer, ["demo"])
    assert isinstance(result.exception, BarometerError)
    assert "Kafka at 127.0.0.1:1 did not answer" in str(result.exception)


def test_a_scenario_is_played_in_its_order_and_in_a_minute_and_a_half(tmp_path: Path) -> None:
    options = make_options(NOTHING_ASKED, tmp_path)
    assert options.replay.path.parent == tmp_path
    assert options.replay.order == "file"
    assert isinstance(options.replay.pace, Speedup)
    assert "seed 7" in options.title


def test_another_seed_is_another_scenario(tmp_path: Path) -> None:
    texts = [make_options({**NOTHING_ASKED, "seed": seed}, tmp_path).replay.path.read_bytes() for seed in (None, 7, 8)]
    assert texts[0] == texts[1] != texts[2]


def test_a_file_is_replayed_by_time_and_as_fast_as_kafka_takes_it(tmp_path: Path) -> None:
    asked = {**NOTHING_ASKED, "data": tmp_path / "tweets.csv", "limit": 10, "text_column": "body"}
    options = make_options(asked, tmp_path)
    assert (options.replay.order, options.replay.limit, options.replay.text_column) == ("time", 10, "body")
    assert options.replay.pace == AsFastAsPossible()
    assert options.title == "tweets.csv"


@pytest.mark.parametrize(
    ("asked", "pace"),
    [({"rate": 5.0}, Rate(5.0)), ({"speedup": 60.0}, Speedup(60.0)), ({"maximum": True}, AsFastAsPossible())],
)
def test_the_pace_is_the_one_asked_for(asked: dict[str, object], pace: object, tmp_path: Path) -> None:
    assert make_options({**NOTHING_ASKED, **asked}, tmp_path).replay.pace == pace
