"""``barometer replay`` before it needs a Kafka: wrong use is one sentence and exit code 2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.errors import BarometerError, KafkaUnavailableError, UsageError
from stream.replay.cli import replay

TWEETS = "id,created_at,text\n1,2026-03-02,late\n"
NO_TIMES = "id,text\n1,late\n"


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Run the command on a file with this content where no Kafka is; the message of its error."""
    monkeypatch.setenv("BAROMETER_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")

    def run(content: str, *arguments: str) -> str:
        path = tmp_path / "tweets.csv"
        path.write_text(content)
        result = CliRunner().invoke(replay, [str(path), *arguments])
        if isinstance(result.exception, BarometerError):
            assert result.exception.exit_code == (1 if isinstance(result.exception, KafkaUnavailableError) else 2)
            return str(result.exception)
        assert result.exit_code == 2, result.output
        return result.output

    return run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--rate", "5", "--max"), "--rate and --max exclude each other"),
        (("--rate", "5", "--speedup", "2"), "--rate and --speedup exclude each other"),
        (("--rate", "0"), "0.0 is not in the range x>0"),
        (("--limit", "0"), "0 is not in the range x>=1"),
        (("--from", "yesterday"), "'yesterday' is not a time; write it as 2015-02-24T19:35:00Z"),
        (("--delimiter", "ab"), "'ab' is not one character"),
        (("--text-column", "words"), "has no column 'words' for the text"),
        (("--encoding", "klingon"), "encoding 'klingon' is not known"),
        (("--loop", "--shift-to-now"), "--loop with --shift-to-now needs --rate or --speedup"),
        (("--format", "parquet"), "cannot be read as Parquet"),
    ],
)
def test_wrong_use_is_named(refused: Callable[..., str], arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(TWEETS, *arguments)


@pytest.mark.parametrize("arguments", [("--speedup", "5"), ("--from", "2026-03-02"), ("--to", "2026-03-02")])
def test_what_needs_times_is_refused_for_a_file_without(
    refused: Callable[..., str], arguments: tuple[str, ...]
) -> None:
    assert refused(NO_TIMES, *arguments).startswith(f"{arguments[0]} needs the times of the tweets, and ")


def test_a_kafka_that_is_away_is_named_within_seconds(refused: Callable[..., str]) -> None:
    message = refused(TWEETS)
    assert message.startswith("Kafka at 127.0.0.1:1 did not answer within 5 s")
    assert "barometer broker" in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = CliRunner().invoke(replay, [str(tmp_path / "nowhere.csv")])
    assert (result.exit_code, "nowhere.csv' does not exist" in result.output) == (2, True)
    assert issubclass(UsageError, BarometerError)
