"""A whole backtest of small files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from infra.errors import UsageError
from infra.settings import Settings
from stream.backtest.result import Result
from stream.backtest.run import BacktestOptions, backtest_file
from stream.records import Window
from stream.replay.options import ReplayOptions
from tests.backtest_file import CRISIS, HOUR, ZERO, write_labelled, write_tweets
from tests.fixed_worker import FixedClassifier


def run(
    file: Path, *brands: str, settings: Settings | None = None, label_column: str | None = None, **source: Any
) -> tuple[Result, list[Window]]:
    windows: list[Window] = []
    options = BacktestOptions(
        ReplayOptions(file, **source),
        frozenset(brands),
        label_column,
        cached=False,
    )
    result = backtest_file(settings or Settings(), options, FixedClassifier, on_window=windows.append)
    return result, windows


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("backtest") / "tweets.jsonl"
    write_tweets(path)
    return path


@pytest.fixture(scope="module")
def whole(file: Path) -> tuple[Result, list[Window]]:
    return run(file)


def test_everything_adds_up(whole: tuple[Result, list[Window]]) -> None:
    result, windows = whole
    told = result.told
    assert result.reading.dead == {"rejected": 3}
    assert told.counted == sum(window.revision for window in windows)
    assert told.counted == sum(minute.tweets for series in result.brands.values() for minute in series.minutes)
    assert told.duplicates > 0
    assert told.late == 0
    assert all(window.status == "closed" and window.late == 0 for window in windows)


def test_the_crises_are_told_with_their_reasons(whole: tuple[Result, list[Window]]) -> None:
    acme, bolt = whole[0].spikes
    assert (acme.brand, acme.kind, acme.reason) == ("Acme", "negative", "over")
    assert (bolt.brand, bolt.kind, bolt.reason) == ("Bolt", "negative", "silence")
    assert 0 <= (acme.opened_at - ZERO).total_seconds() - CRISIS[0] <= 900
    assert acme.evidence.terms[0].term == "flight cancelled"


def test_a_brand_alone_comes_out_as_among_all(file: Path, whole: tuple[Result, list[Window]]) -> None:
    result, windows = run(file, "Bolt")
    assert windows == [window for window in whole[1] if window.brand == "Bolt"]
    assert result.spikes == [spike for spike in whole[0].spikes if spike.brand == "Bolt"]


def test_the_same_tweets_in_file_order_count_the_same_when_none_is_too_late(
    file: Path, whole: tuple[Result, list[Window]]
) -> None:
    patient = Settings(allowed_lateness_s=20 * HOUR, duplicate_horizon_s=20 * HOUR)
    result, windows = run(file, order="file", settings=patient)
    assert result.told.late == 0
    assert {(w.brand, w.start): w.revision for w in windows} == {(w.brand, w.start): w.revision for w in whole[1]}


def test_a_column_of_labels_gives_the_same_counts_as_labelling(
    tmp_path: Path, whole: tuple[Result, list[Window]]
) -> None:
    path = tmp_path / "labelled.jsonl"
    write_labelled(path)
    result, windows = run(path, label_column="mood")
    assert result.by_model == 0
    assert {(w.brand, w.start): w.counts for w in windows} == {(w.brand, w.start): w.counts for w in whole[1]}


def test_span_and_limit_leave_tweets_out(file: Path) -> None:
    since, until = ZERO + dt.timedelta(hours=1), ZERO + dt.timedelta(hours=2)
    result, windows = run(file, since=since, until=until)
    assert min(window.start for window in windows) == since
    assert max(window.end for window in windows) == until
    assert result.reading.outside > 0
    limited, _windows = run(file, limit=10)
    assert limited.reading.tweets == 10
    assert max(series.end for series in limited.brands.values()) < ZERO.timestamp() + 600


def test_settings_change_what_is_told(file: Path) -> None:
    result, _windows = run(file, settings=Settings(spike_min_effect=0.9))
    assert not result.spikes


@pytest.mark.parametrize(
    ("brands", "source", "message"),
    [
        (("Akme",), {}, "has no tweets about 'Akme'; it has tweets about Calm, "),
        ((), {"since": ZERO + dt.timedelta(days=9)}, r"no tweets between --from and --to; it has 4,\d+ outside"),
    ],
)
def test_nothing_to_count_is_told(file: Path, brands: tuple[str, ...], source: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(file, *brands, **source)


def test_a_file_of_rejected_rows_is_told_with_the_first(tmp_path: Path) -> None:
    path = tmp_path / "tweets.jsonl"
    path.write_text('{"id": "1", "text": "", "created_at": "2024-05-01"}\n')
    with pytest.raises(UsageError, match="line 1: empty text"):
        run(path)
