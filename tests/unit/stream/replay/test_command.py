"""``barometer replay`` before it needs a Kafka: wrong use is one sentence and exit code 2."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from infra.errors import BarometerError, KafkaUnavailableError, UsageError
from stream.replay.cli import replay
from stream.replay.command import Display
from stream.replay.options import Rejected, ReplayProgress

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


READING = ReplayProgress(0, None, 0, 0, 12_000, None, 5_000)
PUBLISHING = ReplayProgress(2_000, 4_000, 0, 0, 500.4, 3_725, 5_000)
LOOPING = ReplayProgress(2_000, None, 0, 0, 500.4, None, 5_000)


@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (READING, ["Reading", "5,000 rows", "12,000/s"]),
        (PUBLISHING, ["Publishing", "2,000 of 4,000 tweets", "500/s", "1 h 02 min left"]),
        (LOOPING, ["Publishing", "2,000 tweets", "500/s"]),
    ],
)
def test_progress_shows_what_is_done_how_fast_and_how_long_still(progress: ReplayProgress, shown: list[str]) -> None:
    screen = io.StringIO()
    with Display(Console(file=screen, force_terminal=True, width=120), show_after_s=0) as display:
        display.progress(progress)
    assert all(words in screen.getvalue() for words in shown), screen.getvalue()


def test_no_progress_is_shown_where_nobody_watches_or_before_it_takes_long() -> None:
    for console, after_s in (
        (Console(file=io.StringIO()), 0.0),
        (Console(file=io.StringIO(), force_terminal=True), 60.0),
    ):
        with Display(console, after_s) as display:
            display.progress(PUBLISHING)
        assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_the_text_of_a_file_cannot_steer_the_terminal() -> None:
    screen = io.StringIO()
    with Display(Console(file=screen, width=40)) as display:
        display.rejected(Rejected(7, f"[red]\x1b[31m{'x' * 80}"))
    said = screen.getvalue()
    assert said.startswith("line 7: rejected: [red]")
    assert said.endswith(f"{'x' * 80}\n"), "not wrapped: it may be piped on"
    assert "\x1b" not in said
