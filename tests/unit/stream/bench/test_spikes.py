"""The benchmark of detectors measures what it says."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from infra.errors import UsageError
from stream.bench.cli import bench
from stream.bench.spikes import measure, rivals
from stream.bench.spikes.histories import MINUTES_A_DAY, BrandHistory, Incident, Plan, World, eventful, quiet
from stream.bench.spikes.labelled import read_brands
from stream.bench.spikes.measure import ORACLE, OURS
from stream.bench.spikes.report import summary
from stream.spikes.rules import SpikeRules

SMALL = Plan(rates=(1_200,), sizes=(0.4,), quiet_days=3, quiet_brands=1, calm_days=2, incidents=4, incidents_a_brand=4)


def history(tweets: list[int], negative: list[int], **more: object) -> BrandHistory:
    n, hits = np.array(tweets), np.array(negative)
    whole = BrandHistory(600, n, hits, np.zeros_like(n), np.full(len(n), 0.2), ())
    return replace(whole, **more)  # type: ignore[arg-type]


def test_histories_are_those_of_their_seed() -> None:
    one, same, other = (quiet(SMALL, 600, seed)[0] for seed in (1, 1, 2))
    assert (one.tweets == same.tweets).all()
    assert (one.negative == same.negative).all()
    assert (one.tweets != other.tweets).any()


@pytest.mark.parametrize("rate", [60, 6_000])
def test_brands_tweet_as_often_as_planned(rate: int) -> None:
    calm = replace(SMALL, quiet_days=14, world=World(bursts_a_week=0))
    for one in quiet(calm, rate, 3):
        assert one.tweets.sum() / (14 * 24) == pytest.approx(rate, rel=0.1)
        assert one.negative.sum() / one.tweets.sum() == pytest.approx(
            np.average(one.usual, weights=one.tweets), abs=0.02
        )


def test_incidents_raise_the_share_by_their_size_and_last_as_long_as_they_should() -> None:
    plan = replace(SMALL, sizes=(0.2,), incidents=30, incidents_a_brand=15)
    rises, lengths = [], []
    for one in eventful(plan, 600, 4):
        for incident in one.incidents:
            span = slice(incident.start, incident.end)
            lengths.append(one.tweets[span].sum())
            rises.append(one.negative[span].sum() / one.tweets[span].sum() - one.usual[span].mean())
    assert np.mean(rises) == pytest.approx(0.2, abs=0.02)
    assert 250 < min(lengths) < max(lengths) < 1_500


def test_alarms_close_to_each_other_are_one() -> None:
    score = np.zeros(400)
    score[[10, 11, 60, 200]] = 5
    assert rivals.alarms(score, 4).tolist() == [10, 200]
    assert rivals.alarms(score, 6).tolist() == []


def test_the_cusum_is_page_s() -> None:
    steps = np.random.default_rng(1).normal(-0.2, 1, 3_000)
    found, height = [], 0.0
    for minute, step in enumerate(steps):
        height = max(0.0, height + step)
        if height >= 5:
            found.append(minute)
            height = 0.0
    assert found
    assert rivals.cusum(steps, 5) == found
    assert rivals.cusum(steps, 5, 100) == [minute + 100 for minute in found]


def test_windows_of_rivals_grow_to_thirty_tweets() -> None:
    score = rivals.fixed(history([1] * 60, [1] * 30 + [0] * 30))
    assert score[28] == -inf
    assert score[29] == 1.0
    assert score[44] == pytest.approx(0.5)


@pytest.mark.parametrize("name", list(rivals.SCORES))
def test_every_rival_sees_a_flood(name: str) -> None:
    calm, flood = 8 * MINUTES_A_DAY, 120
    negative = np.random.default_rng(2).binomial(10, 0.2, calm + flood)
    negative[calm:] = 9
    score = rivals.SCORES[name](history([10] * (calm + flood), negative.tolist()))
    assert score[calm + 30 :].max() > score[MINUTES_A_DAY:calm].max()


def test_adwin_sees_a_flood_once() -> None:
    negative = [2, 1, 3, 2] * 300 + [9] * 300
    found = rivals.adwin(history([10] * 1_500, negative), 1e-8)
    assert len(found) == 1
    assert 1_200 <= found[0] < 1_230


def test_a_delay_ends_with_the_minute_of_the_alarm_and_late_ones_do_not_count() -> None:
    one = history([10] * 300, [2] * 300, incidents=(Incident(50, 100, 0.2), Incident(200, 250, 0.2)))
    caught = measure._catch(one, [10, 52, 60, 250])
    assert [c.delay_s for c in caught] == [180, inf]


def test_an_incident_that_chance_made_too_short_is_left_out() -> None:
    one = history([1] * 300, [0] * 300, incidents=(Incident(50, 100, 0.2),))
    assert measure._catch(one, []) == []


def test_everybody_is_held_to_as_many_false_alarms_as_we_raise() -> None:
    outcome = measure.run(SMALL, 1, SpikeRules(), lambda _what: None)
    allowed = max(outcome.false_alarms(OURS), 0.5 / outcome.months[1_200])
    for name in (*rivals.SCORES, ORACLE):
        assert outcome.false_alarms(name) <= allowed
    assert outcome.results[OURS].recall(None, 0.4) == 1
    assert outcome.results[ORACLE].recall(None, 0.4) == 1
    figures = orjson.loads(orjson.dumps(summary(outcome, 1, {})))
    assert set(figures["detectors"][OURS]) >= {
        "recall",
        "false_alarms_per_brand_month",
        "median_delay_s",
        "delay_to_oracle",
        "delay_to_oracle_by_rate",
        "delay_to_oracle_mean_over_rates",
    }
    assert figures["detectors"][ORACLE]["delay_to_oracle"] == 1


def test_a_file_of_labelled_tweets_becomes_panes(tmp_path: Path) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text(
        "tweet_id,airline_sentiment,airline,name\n"
        "570306133677760513,negative,A,ann\n"
        "570306133677760514,negative,A,ann\n"
        "570306133677760515,positive,A,bob\n"
        "570306133677760515,positive,A,bob\n"
        "570306133677760516,sad,A,eve\n"
        "x,negative,A,eve\n"
        "570306133677760517,neutral,B,eve\n",
        encoding="utf-8",
    )
    panes = read_brands(file)
    assert {name: [(pane.negative, pane.neutral, pane.positive) for pane in some] for name, some in panes.items()} == {
        "A": [(1, 0, 1)],
        "B": [(0, 1, 0)],
    }
    assert panes["A"][0].start % 60 == 0
    assert len(panes["A"][0].negative_authors) == 1


@pytest.mark.parametrize(("text", "says"), [("a,b\n1,2\n", "brand or airline"), ("brand,label\nA,sad\n", "no row")])
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "tweets.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        read_brands(file)


def test_the_command_explains_itself() -> None:
    shown = CliRunner().invoke(bench, ["spikes", "--help"])
    assert shown.exit_code == 0
    assert "barometer bench spikes --seed 7 --json" in shown.output
