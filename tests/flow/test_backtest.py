"""What a backtest tells of a file is what the stream told of it, to the last digit."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import pytest

from infra.kafka.admin import ensure_topics
from infra.kafka.reading import newest_values
from infra.settings import Settings
from stream.backtest.run import BacktestOptions, backtest_file
from stream.records import Spike, Window
from stream.replay.options import ReplayOptions
from stream.replay.pace import AsFastAsPossible, Pace, Speedup
from stream.replay.run import replay_file
from stream.topics import Topics, topic_specs
from tests.backtest_file import END, write_tweets
from tests.conftest import MakeSettings
from tests.faults import PATIENCE_S, Workers
from tests.fixed_worker import FixedClassifier
from tests.kafka_tools import wait_until
from tests.unit.stream.replay.test_airline import FILE as AIRLINE


class Told(NamedTuple):
    """Windows by brand and start, spikes by id; the newest of each."""

    windows: dict[tuple[str, float], Window]
    spikes: dict[str, Spike]


def offline(settings: Settings, file: Path) -> Told:
    windows: list[Window] = []
    options = BacktestOptions(ReplayOptions(file), cached=False)
    result = backtest_file(settings, options, FixedClassifier, on_window=windows.append)
    return Told({(window.brand, window.start.timestamp()): window for window in windows}, result.told.spikes)


def streamed(settings: Settings) -> Told:
    topics = Topics.of(settings)
    windows, spikes = dict[tuple[str, float], Window](), dict[str, Spike]()
    for partition in range(settings.partitions):
        for value in newest_values(settings, topics.windows, partition).values():
            window = Window.model_validate_json(value)
            windows[window.brand, window.start.timestamp()] = window
        for value in newest_values(settings, topics.spikes, partition).values():
            spike = Spike.model_validate_json(value)
            spikes[spike.id] = spike
    return Told(windows, spikes)


@pytest.mark.parametrize(
    ("workers", "pace"),
    [(3, AsFastAsPossible()), (1, Speedup(END / 8))],
    ids=["three workers at full speed", "one worker, in eight seconds"],
)
def test_a_replayed_file_gives_the_windows_and_spikes_of_its_backtest(
    workers: int, pace: Pace, make_settings: MakeSettings, tmp_path: Path
) -> None:
    file = tmp_path / "tweets.jsonl"
    write_tweets(file)
    settings = make_settings(partitions=3)
    expected = offline(settings, file)
    closed = {(spike.brand, spike.kind, spike.reason) for spike in expected.spikes.values()}
    assert {("Acme", "negative", "over"), ("Bolt", "negative", "silence")} <= closed, "something to compare"
    assert_streamed(settings, file, expected, workers, pace, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not AIRLINE.exists(), reason=f"needs the airline tweets ({AIRLINE})")
@pytest.mark.parametrize("pace", [AsFastAsPossible(), Speedup(8 * 86_400 / 60)], ids=["full speed", "in a minute"])
def test_a_week_of_airlines_gives_the_windows_and_spikes_of_its_backtest(
    pace: Pace, make_settings: MakeSettings, tmp_path: Path
) -> None:
    settings = make_settings(partitions=12)
    assert_streamed(settings, AIRLINE, offline(settings, AIRLINE), 3, pace, tmp_path)


def assert_streamed(settings: Settings, file: Path, expected: Told, workers: int, pace: Pace, folder: Path) -> None:
    """Replay ``file`` through so many workers, and compare what comes of it."""
    ensure_topics(settings, topic_specs(settings), timeout=30)
    with Workers(settings, folder) as running:
        for number in range(workers):
            running.start(number)
        replay_file(
            settings,
            ReplayOptions(file, pace=pace),
            on_progress=lambda _progress: None,
            on_rejected=lambda _row: None,
            stop=threading.Event(),
        )

        def all_closed() -> Told | None:
            told = streamed(settings)
            whole = told.windows.keys() == expected.windows.keys()
            return told if whole and all(w.status == "closed" for w in told.windows.values()) else None

        told = wait_until(all_closed, PATIENCE_S, f"all windows closed\n{running.log()}")
    assert told.windows == expected.windows
    assert told.spikes == expected.spikes
