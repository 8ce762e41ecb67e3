"""The summary: the promised keys, numbers from the windows, and no silence about a difference."""

from __future__ import annotations

import io
from pathlib import Path

import orjson
import pytest
from rich.console import Console

from infra.errors import UsageError
from stream.demo.summary import Circumstances, Published, Summary, check_writable, is_over, render, summarise
from stream.demo.tally import Tally
from tests.unit.stream.demo.records import labeled, late, undecodable, window

PROMISED = [
    "replayed",
    "labeled",
    "duplicates",
    "dead",
    "rejected_rows",
    "repaired_rows",
    "windows",
    "brands",
    "elapsed_s",
    "tweets_per_s",
    "kafka_version",
    "model",
    "model_version",
]


def small_run() -> tuple[Tally, Published]:
    """Two brands, one tweet about both, one duplicate, one dead letter."""
    tally = Tally()
    for offset in range(4):
        tally.add_tweet(0, offset, 10_000 + offset, 0.0)
    tally.add_labeled(labeled("1", offset=0, label="negative"), 10_500, 1.0)
    tally.add_labeled(labeled("1", offset=0, label="negative", brand="Tern Mobile"), 10_500, 1.0)
    tally.add_labeled(labeled("1", offset=1, label="negative"), 10_600, 1.0)
    tally.add_labeled(labeled("1", offset=1, label="negative", brand="Tern Mobile"), 10_600, 1.0)
    tally.add_labeled(labeled("2", offset=2), 10_700, 1.0)
    tally.add_dead(undecodable(3), None, 10_800, 1.0)
    tally.add_window(window("Koru Coffee", counts=(1, 0, 1)), 12_000)
    tally.add_window(window("Tern Mobile", counts=(1, 0, 0)), 12_000)
    return tally, Published(tweets=4, rejected=2, repaired=1, finished=True)


def around(*, over: bool = True, error: str | None = None) -> Circumstances:
    return Circumstances("127.0.0.1:9092", "4.3.1", "", 0, 3.21, over, error)


def summary_of(tally: Tally, published: Published, circumstances: Circumstances | None = None) -> Summary:
    return summarise(tally, published, circumstances or around(), now=2.0)


def shown(summary: Summary, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(render(summary))
    written: str = console.file.getvalue()  # type: ignore[attr-defined]
    return written


def test_the_json_has_the_promised_keys_first_and_in_their_order() -> None:
    got = orjson.loads(summary_of(*small_run()).to_json())
    assert list(got)[: len(PROMISED)] == PROMISED
    assert list(got["brands"]["Koru Coffee"]) == ["tweets", "negative", "neutral", "positive", "net_sentiment"]


def test_the_numbers_of_a_small_run() -> None:
    got = orjson.loads(summary_of(*small_run()).to_json())
    expected = {"replayed": 4, "labeled": 3, "duplicates": 1, "dead": 1, "rejected_rows": 2, "repaired_rows": 1}
    assert {name: got[name] for name in expected} == expected
    assert got["brands"] == {
        "Koru Coffee": {"tweets": 2, "negative": 1, "neutral": 0, "positive": 1, "net_sentiment": 0.0},
        "Tern Mobile": {"tweets": 1, "negative": 1, "neutral": 0, "positive": 0, "net_sentiment": -1.0},
    }
    assert (got["windows"], got["elapsed_s"], got["tweets_per_s"]) == (2, 2.0, 2.0)
    assert (got["model"], got["model_version"], got["kafka_version"]) == ("bundled", "1f3a9c2", "4.3.1")
    assert (got["complete"], got["problems"]) == (True, [])


def test_brands_are_summed_from_the_windows_and_not_from_the_labels() -> None:
    tally, published = small_run()
    tally.add_window(window("Tern Mobile", counts=(5, 0, 0)), 12_000)
    got = summary_of(tally, published)
    assert got.brands["Tern Mobile"].tweets == 5
    assert not got.complete
    assert got.problems == ["Tern Mobile 2026-03-04T06:10:00Z: window says 5/0/0, labels say 1/0/0"]
    assert "! Tern Mobile" in shown(got)


@pytest.mark.parametrize(
    ("published", "problem"),
    [
        (5, "the replay published 5 tweets, but Kafka holds 4"),
        (5, "of 5 tweets, 4 are labelled or dead"),
        (3, "the replay published 3 tweets, but Kafka holds 4"),
    ],
)
def test_tweets_that_are_missing_or_too_many_are_told(published: int, problem: str) -> None:
    tally, _ = small_run()
    got = summary_of(tally, Published(published, 0, 0, finished=True))
    assert problem in got.problems
    assert not got.complete


def test_records_that_no_stage_wrote_are_told() -> None:
    tally, published = small_run()
    tally.add_unreadable()
    assert summary_of(tally, published).problems == ["1 records are not what their topics promise"]


def test_only_some_of_many_differences_are_listed() -> None:
    tally, published = small_run()
    for minute in range(10, 40):
        tally.add_window(window(minute=minute, counts=(1, 0, 0)), 12_000)
    assert len(summary_of(tally, published).problems) == 6
    assert summary_of(tally, published).problems[-1] == "and 25 more windows"


def test_a_run_that_was_stopped_says_what_is_known_and_complains_about_nothing() -> None:
    tally = Tally()
    tally.add_tweet(0, 0, 10_000, 0.0)
    got = summary_of(tally, Published(3, 0, 0, finished=False), around(over=False))
    assert (got.replayed, got.complete, got.problems) == (3, False, [])
    assert "stopped before the end" in shown(got)


def test_a_run_that_failed_says_why() -> None:
    tally, published = small_run()
    got = summary_of(tally, published, around(over=False, error="nothing happens any more"))
    assert (got.complete, got.problems) == (False, ["nothing happens any more"])


def test_a_run_that_never_began_has_a_summary_too() -> None:
    got = summary_of(Tally(), Published(0, 0, 0, finished=False), around(over=False))
    assert (got.elapsed_s, got.tweets_per_s, got.model, got.brands) == (0.0, 0.0, None, {})
    assert shown(got)


def test_late_tweets_are_labelled_and_dead_and_not_missed_in_the_windows() -> None:
    tally = Tally()
    tally.add_tweet(0, 0, 10_000, 0.0)
    tally.add_labeled(labeled("1"), 10_100, 0.0)
    tally.add_dead(late(), labeled("1"), 10_200, 0.0)
    got = summary_of(tally, Published(1, 0, 0, finished=True))
    assert (got.labeled, got.dead, got.late, got.windows, got.complete) == (1, 1, 1, 0, True)


def test_it_is_over_when_everything_is_accounted_for_and_not_before() -> None:
    tally, published = small_run()
    assert is_over(tally, published)
    assert not is_over(tally, Published(4, 2, 1, finished=False))
    assert not is_over(tally, Published(5, 2, 1, finished=True))
    tally.add_window(window("Tern Mobile", counts=(1, 0, 0), closed=False), 12_000)
    assert not is_over(tally, published)


def test_nothing_replayed_is_over_at_once() -> None:
    assert is_over(Tally(), Published(0, 3, 0, finished=True))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_fits_and_is_safe_to_print(width: int) -> None:
    tally, published = small_run()
    tally.add_window(window("\u202e[red]Tern[/red]" + "中" * 60, counts=(1, 0, 0)), 12_000)
    written = shown(summary_of(tally, published), width)
    assert "\u202e" not in written
    assert "[red]Tern" in written or width == 40
    assert max(len(line) for line in written.splitlines()) <= width


def test_a_summary_file_that_cannot_be_written_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(UsageError, match=r"nowhere/out\.json cannot be written: No such file"):
        check_writable(tmp_path / "nowhere" / "out.json")
    check_writable(tmp_path / "out.json")
    check_writable(Path("-"))
    check_writable(None)
