"""Several processes tell what one does."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Sequence

import pytest

from infra.errors import BarometerError
from infra.settings import Settings
from stream.backtest import spread
from stream.backtest.entry import Item, only_time
from stream.backtest.spread import Spread
from stream.backtest.timeline import Timeline, Told, offline_rules
from stream.records import Window
from tests.unit.stream.backtest.test_timeline import story, tweet

SETTINGS = Settings(allowed_lateness_s=60, late_retention_s=3_600)


def tell(timeline: Timeline | Spread, items: Sequence[Item], step: int) -> Told:
    for first in range(0, len(items), step):
        timeline.add(items[first : first + step])
    return timeline.end()


def test_windows_spikes_and_their_order_are_those_of_one_process_also_where_tweets_are_late() -> None:
    items = story(3)[1]
    rng = random.Random(3)
    late = sorted(items, key=lambda item: item.at_us + (rng.random() < 0.03) * 5_400_000_000)
    mixed = [only_time(item.at_us) if rng.random() < 0.03 else item for item in late]
    alone: list[Window] = []
    expected = tell(Timeline(offline_rules(SETTINGS), alone.append), mixed, 4_096)
    assert expected.late, "something is too late"
    assert expected.spikes
    together: list[Window] = []
    with Spread(SETTINGS, 2, together.append) as several:
        told = tell(several, mixed, 1_500)
    assert together == alone
    assert told == expected
    assert list(told.panes) == list(expected.panes)
    assert list(told.spikes) == list(expected.spikes)


def test_a_process_that_dies_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "SEND_TOGETHER", 1)
    with Spread(SETTINGS, 1, lambda _window: None) as several:
        [job] = several.jobs
        os.kill(job.pid, signal.SIGKILL)
        with pytest.raises(BarometerError, match="exit code -9; --jobs 1"):
            tell(several, [tweet(number, number) for number in range(50_000)], 1_000)
