"""The read model: whatever the order of partitions, and whatever comes twice, it comes to the same."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.incoming import Incoming
from stream.records import TYPE_HEADER, WATERMARK, WindowBaseline
from stream.serve.read.minutes import Minutes
from stream.serve.read.model import Bounds, ReadModel
from stream.serve.read.packed import Packer, seal, unseal
from stream.serve.read.positions import decode, encode
from stream.serve.read.tweets import Shown, Tweets
from tests.unit.stream.serve.records import START, TOPICS, incoming, labelled, spike, window

BRANDS = ("Lumora", "Zuppla", "Kettle & Crane", "_other")
BOUNDS = Bounds(horizon_s=4 * 3_600, minutes_bytes=1 << 20, tweets=12, tweets_each=5, spikes=6)
BASELINE = WindowBaseline(negative_share=0.25, variance=0.002, level_variance=0.0005, alike=0.01, tweets=3.5)


def picture(model: ReadModel) -> Any:
    """Everything that can be seen of a read model."""
    minutes = model.minutes
    return (
        {
            brand: [minutes.packer.window(brand, start, packed) for start, packed in known.between(0, 2**40)]
            for brand, known in minutes.brands.items()
        },
        minutes.count,
        minutes.since,
        [minutes.event_time.watermark(partition) for partition in (None, 0, 1, 2)],
        {brand: [tweet.fields for tweet in model.tweets.latest(brand)] for brand in BRANDS},
        [one.model_dump() for one in model.spikes.newest()],
        model.positions,
    )


@st.composite
def histories(draw: st.DrawFn) -> list[list[Incoming]]:
    """The log of each partition of each topic, as workers write them: revisions grow, minutes close."""
    rng = random.Random(draw(st.integers(0, 10**9)))
    logs = []
    for partition, brands in enumerate((BRANDS[:2], BRANDS[2:3], BRANDS[3:])):
        log: list[Incoming] = []
        revisions: dict[tuple[str, int], int] = {}
        for _ in range(draw(st.integers(0, 12))):
            brand, minute = rng.choice(brands), rng.choice((0, 1, 2, 59, 60, 130, 200, 420))
            revision = revisions[brand, minute] = revisions.get((brand, minute), 0) + 1
            said = window(brand, minute=minute, counts=(revision, 1, 0), closed=rng.random() < 0.7)
            key = said.key()
            log.append(
                incoming(TOPICS.windows, None if rng.random() < 0.05 else said, len(log), partition=partition, key=key)
            )
        logs.append(log)
        tweets = [
            labelled(rng.randrange(12), brand=rng.choice(brands), label=rng.randrange(3), second=rng.randrange(600))
            for _ in range(draw(st.integers(0, 10)))
        ]
        unique = {(tweet.tweet.id, tweet.brand): tweet for tweet in tweets}.values()
        logs.append([incoming(TOPICS.labeled, one, number, partition=partition) for number, one in enumerate(unique)])
        spikes = [
            spike(10 * partition + (number := rng.randrange(4)), brand=brands[0], minute=number)
            for _ in range(draw(st.integers(0, 4)))
        ]
        logs.append([incoming(TOPICS.spikes, one, number, partition=partition) for number, one in enumerate(spikes)])
    return logs


def interleaved(logs: Sequence[Sequence[Incoming]], rng: random.Random, *, repeat: float = 0.0) -> list[Incoming]:
    """One order in which a consumer may get them; with ``repeat``, it steps back now and then."""
    at = [0] * len(logs)
    found = []
    while open_logs := [number for number, log in enumerate(logs) if at[number] < len(log)]:
        number = rng.choice(open_logs)
        found.append(logs[number][at[number]])
        at[number] += 1
        if rng.random() < repeat:
            at[number] = rng.randrange(at[number])
            repeat *= 0.9
    return found


def read(records: Sequence[Incoming], bounds: Bounds = BOUNDS) -> ReadModel:
    model = ReadModel(TOPICS, bounds)
    for record in records:
        model.apply(record)
    return model


@given(histories(), st.integers(0, 10**9))
def test_any_order_of_partitions_and_any_repetition_come_to_the_same(logs: list[list[Incoming]], seed: int) -> None:
    rng = random.Random(seed)
    straight = read([record for log in logs for record in log])
    assert straight.unreadable == 0
    assert picture(read(interleaved(logs, rng))) == picture(straight)
    assert picture(read(interleaved(logs, rng, repeat=0.3))) == picture(straight)


@given(histories(), st.integers(0, 10**9))
def test_a_compacted_topic_gives_the_same_windows(logs: list[list[Incoming]], seed: int) -> None:
    windows = [[record for record in log if record.tp.topic == TOPICS.windows] for log in logs]
    compacted = [list({record.key: record for record in log}.values()) for log in windows]
    compacted = [sorted(log, key=lambda record: record.offset) for log in compacted]
    whole, short = read([r for log in windows for r in log]), read([r for log in compacted for r in log])
    assert picture(short)[0] == picture(whole)[0]


@given(histories())
def test_what_is_held_is_counted_and_nothing_is_left_when_all_is_gone(logs: list[list[Incoming]]) -> None:
    model = read([record for log in logs for record in log])
    minutes = model.minutes
    for partition, brand in enumerate(("Lumora", "Zuppla", "Kettle & Crane", "_other")):
        for start, _packed in list(minutes.brands[brand].between(0, 2**40)) if brand in minutes.brands else ():
            minutes.remove(partition, brand, start)
    assert (minutes.size, minutes.count, minutes.brands) == (0, 0, {})


def test_a_window_comes_back_as_it_was() -> None:
    said = window(minute=3, counts=(3, 2, 4), baseline=BASELINE)
    packer = Packer()
    packed = packer.pack(said.model_dump(mode="json"))
    assert packer.window("Lumora", START + 180, packed) == said
    assert len(packed) < 200


@given(st.dictionaries(st.integers(0, 59), st.binary(min_size=1, max_size=300), max_size=60))
def test_an_hour_comes_back_as_it_was_sealed(minutes: dict[int, bytes]) -> None:
    hour = START // 3_600
    held = {hour * 3_600 + 60 * minute: packed for minute, packed in minutes.items()}
    assert dict(unseal(hour, seal(held))) == held


def test_windows_beyond_the_horizon_are_let_go_and_not_taken_again() -> None:
    model = read([incoming(TOPICS.windows, window(minute=0), 0), incoming(TOPICS.windows, window(minute=600), 1)])
    assert model.minutes.count == 1
    assert model.minutes.since is not None
    assert model.apply(incoming(TOPICS.windows, window(minute=0), 2)) is None
    assert model.minutes.count == 1


def test_a_budget_lets_the_oldest_hours_go_first() -> None:
    minutes = Minutes(horizon_s=10**7, budget=40_000)
    for minute in range(0, 6_000, 5):
        said = window(minute=minute)
        minutes.put(0, said.brand, START + 60 * minute, said.model_dump(mode="json"))
        assert minutes.size <= 40_000
    starts = [start for start, _packed in minutes.brands["Lumora"].between(0, 2**40)]
    assert starts == [START + 60 * minute for minute in range(6_000 - 5 * len(starts), 6_000, 5)]
    assert len(starts) > 100


def test_what_a_window_is_said_to_cost_is_what_it_costs() -> None:
    minutes = Minutes(horizon_s=10**7, budget=1 << 30)
    fields = [window(minute=minute).model_dump(mode="json") for minute in range(60)]
    tracemalloc.start()
    try:
        for hour in range(24):
            for brand in range(40):
                for minute in range(60):
                    minutes.put(0, f"brand {brand}", START + 3_600 * hour + 60 * minute, fields[minute])
        used, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert minutes.count == 24 * 40 * 60
    assert used < 1.2 * minutes.size


def test_event_time_waits_for_a_partition_only_while_it_has_open_windows() -> None:
    first = [incoming(TOPICS.windows, window("Lumora", minute=9), 0)]
    slow = incoming(TOPICS.windows, window("Zuppla", minute=4, closed=False), 0, partition=1)
    model = read([*first, slow])
    assert model.minutes.event_time.watermark(0) == START + 600
    assert model.minutes.event_time.watermark(1) == START + 240
    assert model.minutes.event_time.watermark(2) == START + 600
    model.apply(incoming(TOPICS.windows, window("Zuppla", minute=4), 1, partition=1))
    assert model.minutes.event_time.watermark(1) == START + 600


def test_a_loud_brand_does_not_push_a_quiet_one_out() -> None:
    tweets = Tweets(most=20, each=50)
    tweets.put("quiet", "neutral", Shown(0, "first", {}))
    for number in range(500):
        tweets.put("loud", "negative", Shown(number + 1, str(number), {}))
    assert [tweet.id for tweet in tweets.latest("quiet")] == ["first"]
    assert tweets.count <= 20
    assert next(tweets.latest("loud")).id == "499"


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 60)), unique=True), st.randoms())
def test_tweets_are_the_latest_in_any_order(said: list[tuple[str, int]], rng: random.Random) -> None:
    def fill(order: Sequence[tuple[str, int]]) -> Any:
        tweets = Tweets(most=9, each=5)
        for brand, number in order:
            tweets.put(brand, "neutral", Shown(number, str(number), {}))
        return {brand: [tweet.id for tweet in tweets.latest(brand)] for brand in "abc"}, tweets.count

    assert fill(rng.sample(said, len(said))) == fill(said)


def test_pages_of_tweets_hold_each_once_newest_first() -> None:
    tweets = Tweets(most=100, each=50)
    for number in range(30):
        tweets.put("a", ("negative", "neutral")[number % 2], Shown(number // 3, str(number), {}))
    seen: list[Shown] = []
    while page := list(tweets.latest("a", before=seen[-1].place if seen else None))[:7]:
        seen += page
    assert len(seen) == len({tweet.id for tweet in seen}) == 30
    assert [tweet.place for tweet in seen] == sorted((tweet.place for tweet in seen), reverse=True)


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b'{"brand":1}', b'{"tweet":{}}', b"null", b'"x"', b"\xff"], ids=str
)
@pytest.mark.parametrize("topic", [TOPICS.windows, TOPICS.spikes, TOPICS.labeled])
def test_records_that_cannot_be_read_are_counted_and_passed_over(topic: str, value: bytes) -> None:
    model = read([incoming(topic, value, 0), incoming(TOPICS.windows, window(), 1)])
    assert model.unreadable == 1
    assert model.minutes.count == 1


def test_watermarks_are_not_tweets() -> None:
    word = incoming(TOPICS.labeled, b"{}", 0, headers=((TYPE_HEADER, WATERMARK.encode()),))
    model = read([word])
    assert (model.unreadable, model.tweets.count) == (0, 0)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["window", "spike", "tweet"]), st.integers(0, 999)), st.integers(0, 10**18)
    )
)
def test_positions_come_back_as_they_were(positions: dict[Any, int]) -> None:
    assert decode(encode(positions)) == positions


@pytest.mark.parametrize("text", ["x", "w", "w1", "w1-", "1-2", "w1-2,3", "w1-2 ", "w-1-2", "w1-2.", "w٣-1"])
def test_ids_of_others_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no event id"):
        decode(text)
