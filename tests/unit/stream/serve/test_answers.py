"""Numbers that are shown of a brand, and what they are compared with."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from infra.settings import Settings
from stream.records import Spike, WindowBaseline
from stream.serve import answers
from stream.serve.app import create_app, openapi
from stream.serve.overview import Overview
from stream.serve.read.model import Bounds, ReadModel
from stream.serve.routes import examples
from stream.serve.routes.labels import PredictRequest, PublishRequest
from stream.serve.routes.parameters import missing
from stream.serve.series import Span, windows
from stream.serve.state import State
from stream.spikes.standing import mean_baseline, negative_band, negative_z
from tests.unit.stream.serve.records import START, TOPICS, at, incoming, labelled, spike, window

BASELINE = WindowBaseline(negative_share=0.25, variance=0.002, level_variance=0.0005, alike=0.0, tweets=4.0)


def filled() -> ReadModel:
    """Twenty minutes of a brand: four tweets each, then mostly negative ones; a spike opens."""
    model = ReadModel(TOPICS, Bounds())
    for minute in range(20):
        counts = (1, 2, 1) if minute < 10 else (6, 1, 1)
        said = window(minute=minute, counts=counts, baseline=BASELINE)
        model.apply(incoming(TOPICS.windows, said, minute))
    model.apply(incoming(TOPICS.spikes, spike(minute=12), 0))
    model.apply(incoming(TOPICS.labeled, labelled(1, second=1_199), 0))
    return model


def test_a_brand_is_its_last_15_closed_minutes_against_its_baseline() -> None:
    model = filled()
    model.apply(incoming(TOPICS.windows, window(minute=20, counts=(50, 0, 0), closed=False), 20))
    brand = Overview(lambda: model, None).brand("Lumora")
    assert brand is not None
    assert brand.window_end == at(1_200)
    assert (brand.volume, brand.counts.negative) == (5 * 4 + 10 * 8, 5 + 60)
    assert brand.volume_baseline == 60
    assert brand.negative_baseline == 0.25
    assert brand.z is not None
    assert brand.z > 5
    assert brand.alarm is not None
    assert brand.alarm.spike_id == "spike-0"
    assert brand.latest_tweet_at == at(1_199)
    assert [point.volume for point in brand.trend[-4:]] == [20, 20, 40, 40]
    assert brand.trend[0].negative_share is None
    assert len(brand.trend) == 24


def test_a_brand_that_falls_silent_keeps_its_baseline_and_has_no_share() -> None:
    model = filled()
    model.apply(incoming(TOPICS.windows, window("Zuppla", minute=60), 0, partition=1))
    brand = Overview(lambda: model, None).brand("Lumora")
    assert brand is not None
    assert (brand.volume, brand.negative_share, brand.z) == (0, None, None)
    assert brand.volume_baseline == 60
    assert brand.watermark == at(3_660)


def test_brands_are_ranked_by_volume_and_found_by_part_of_their_name() -> None:
    model = filled()
    model.apply(incoming(TOPICS.windows, window("_other", minute=19, counts=(90, 90, 90)), 20))
    model.apply(incoming(TOPICS.windows, window("Zuppla", minute=19), 21))
    overview = Overview(lambda: model, None)
    assert overview.ranked() == ["Lumora", "Zuppla", "_other"]
    assert overview.ranked("UPP") == ["Zuppla"]


def test_a_window_that_is_composed_is_expected_to_be_what_its_minutes_were() -> None:
    model = filled()
    known, packer = model.minutes.brands["Lumora"], model.minutes.packer
    found = windows("Lumora", known, packer, Span(START, START + 1_200, "5m"), closed_to=START + 900, confusion=None)
    assert [one["status"] for one in found] == ["closed", "closed", "closed", "open"]
    assert found[2]["baseline"]["tweets"] == 20
    assert found[2]["baseline"]["low"] < 0.25 < found[2]["baseline"]["high"] < found[2]["negative_share"]


def test_nothing_unusual_has_no_distance_and_lies_within_its_band() -> None:
    assert negative_z(100, 25, 15, 900, BASELINE) == 0
    assert negative_z(100, 60, 15, 900, BASELINE) > 4
    assert negative_z(100, 5, 15, 900, BASELINE) < -2
    low, high = negative_band(100, 15, 900, BASELINE)
    assert 0.1 < low < 0.25 < high < 0.4
    assert negative_band(10_000, 15, 900, BASELINE)[0] > low
    crowd = BASELINE.model_copy(update={"alike": 0.2})
    assert negative_z(100, 60, 5, 900, crowd) < negative_z(100, 60, 5, 900, BASELINE)


def test_expected_shares_are_averaged_over_tweets() -> None:
    other = BASELINE.model_copy(update={"negative_share": 0.5, "tweets": None})
    mean = mean_baseline([(BASELINE, 30), (other, 10)])
    assert mean is not None
    assert (mean.negative_share, mean.tweets) == (0.3125, 4.0)
    assert mean_baseline([]) is None


def test_freshness_tells_catching_up_live_stale_and_back() -> None:
    now = [100.0]
    state = State(TOPICS, Bounds(), 30, lambda: now[0])
    assert (state.freshness().state, state.freshness().kafka) == ("catching-up", "down")
    state.take([incoming(TOPICS.windows, window(), 0)])
    state.caught_up()
    assert state.freshness().state == "live"
    now[0] += 31
    assert (state.freshness().state, state.freshness().lag_s) == ("stale", 31)
    state.take([incoming(TOPICS.windows, window(minute=1), 1)])
    assert state.freshness().state == "live"
    state.kafka(up=False)
    assert (state.freshness().state, state.freshness().kafka) == ("stale", "down")
    state.start_again()
    assert state.freshness().state == "catching-up"
    assert state.read.minutes.count == 0


def test_what_is_not_there_may_only_not_have_been_read_yet() -> None:
    state = State(TOPICS, Bounds(), 30, lambda: 0.0)
    assert missing(state, "brand 'Acme'", "GET /brands lists those that there are").status == 503
    state.caught_up()
    assert missing(state, "brand 'Acme'", "GET /brands lists those that there are").status == 404
    state.start_again()
    assert missing(state, "brand 'Acme'", "").headers == {"Retry-After": "1"}


def test_throughput_is_told_over_the_last_minute() -> None:
    now = [0.0]
    state = State(TOPICS, Bounds(), 30, lambda: now[0])
    for second in range(120):
        now[0] = float(second)
        state.take([incoming(TOPICS.labeled, labelled(2 * second + part), 2 * second + part) for part in range(2)])
    assert state.labelled_per_s == pytest.approx(2.0, abs=0.1)


EXAMPLES = [
    (answers.Brands, examples.brands),
    (answers.BrandNow, examples.brand),
    (answers.Windows, examples.windows),
    (answers.Tweets, examples.tweets),
    (answers.Comparison, examples.comparison),
    (answers.Spikes, examples.spikes),
    (Spike, examples.spike),
    (answers.PredictAnswer, examples.prediction),
    (answers.AcceptedTweets, examples.accepted),
    (answers.ModelAnswer, examples.model),
    (answers.Stats, examples.stats),
]


@pytest.mark.parametrize(("model", "example"), EXAMPLES, ids=[model.__name__ for model, _example in EXAMPLES])
def test_an_example_is_what_its_answer_may_be(model: type, example: examples.Responses) -> None:
    (answer,) = example.values()
    TypeAdapter(model).validate_python(answer["content"]["application/json"]["example"])


def test_examples_of_requests_are_accepted() -> None:
    asked: list[tuple[Any, Any]] = [
        (examples.predict_bodies, PredictRequest),
        (examples.tweet_bodies, PublishRequest),
    ]
    for bodies, model in asked:
        for body in bodies.values():
            TypeAdapter(model).validate_python(body["value"])


def test_every_path_says_which_problems_it_may_answer_with() -> None:
    document = openapi(create_app(Settings()))
    for path, operations in document["paths"].items():
        for operation in operations.values():
            errors = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
            assert errors
            for answer in errors.values():
                if not path.startswith("/health"):
                    assert list(answer["content"]) == ["application/problem+json"]
            assert "503" in errors
            assert operation.get("description") or operation.get("summary")
