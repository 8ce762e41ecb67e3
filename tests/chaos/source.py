"""The file that a run publishes, and what must become of every record of it.

Nothing here asks the code under test: each record carries the fate it was made for.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import count as integers

from confluent_kafka import KafkaError, Message, Producer

from infra.kafka.clients import producer_config
from infra.settings import Settings
from model.labels import LABELS
from stream.records import END_OF_REPLAY, TYPE_HEADER, EndOfReplay, Tweet
from stream.topics import Topics
from tests.fixed_worker import POISON, label_of
from tests.outcome import Pair, Place

BEGIN = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
PACE = dt.timedelta(hours=4) / 20_000
"""Event time from one tweet to the next."""
RULES = {"late_retention_s": 3_600, "duplicate_horizon_s": 1_800}
"""Settings under which some tweets are too late to count, and no copy comes too late to be known."""
BRANDS = [f"brand {number}" for number in range(20)]
CRISIS_BRAND = BRANDS[0]
CRISIS = (BEGIN + dt.timedelta(hours=2.5), BEGIN + dt.timedelta(hours=3))
"""In between, all of the brand's tweets that are on time are labelled negative: a spike that must open and close."""
_PADDING = 1_500
"""Records of a real size: a partition's share of one fetch is then a few dozen, and partitions take turns."""
_BATCH = 16
"""Records in one batch on the wire, for the same reason: Kafka hands batches out whole."""
_COPY_WITHIN = 200
_CONFIRM_S = 120

_HOSTILE: Sequence[tuple[str, bytes | None]] = (
    ("null_value", None),
    ("invalid_utf8", b'{"id": "\xff\xfe"}'),
    ("invalid_json", b'{"id": "1", "text": "cut of'),
    ("invalid_json", b'{"id": "1", "text": "t", "created_at": NaN}'),
    ("not_an_object", b"[1, 2]"),
    ("not_an_object", b"42"),
    ("unknown_schema_version", b'{"schema_version": 99, "id": "1"}'),
    ("invalid_field", b'{"id": "1", "created_at": "2024-05-01T00:00:00Z"}'),
    ("invalid_field", b'{"id": "1", "text": "t", "created_at": "0001-01-01T00:00:00Z"}'),
    ("invalid_field", b'{"id": ["1"], "text": 5, "created_at": {}}'),
    ("empty_text", '{"id": "1", "text": "\u200b \u2060", "created_at": "2024-05-01T00:00:00Z"}'.encode()),
)


@dataclass(frozen=True)
class SourceRecord:
    """One record of ``tweets``. ``reason``: why it must die unlabelled; None: it must be labelled.

    ``kind`` says what is odd about it.
    """

    key: bytes
    value: bytes | None
    pairs: frozenset[Pair] = frozenset()
    reason: str | None = None
    kind: str = "on time"


def make_file(count: int, seed: int) -> list[SourceRecord]:
    """``count`` records in publication order, the same for the same seed.

    Of these about 5% are late by minutes and 1% by hours, 2% are copies, 0.5%
    are no tweets, the model fails on 0.3%, and 0.4% come from producers whose
    clocks are years off.
    """
    rng = random.Random(f"file {seed}")
    records: list[SourceRecord] = []
    copies: list[tuple[int, SourceRecord]] = []
    for number in range(count):
        if copies and copies[0][0] <= number:
            records.append(replace(copies.pop(0)[1], kind="copy"))
            continue
        record = _record(rng, f"{seed}-{number}", BEGIN + PACE * number)
        records.append(record)
        if record.kind in {"on time", "minutes late"} and rng.random() < 0.02:
            copies.append((number + rng.randint(1, _COPY_WITHIN), record))
            copies.sort(key=lambda copy: copy[0])
    return records


def publish_file(settings: Settings, records: Sequence[SourceRecord]) -> dict[Place, SourceRecord]:
    """Publish, then end the replay in every partition. Returns where each record lies."""
    topic = Topics.of(settings).tweets
    producer = Producer(producer_config(settings, **{"batch.num.messages": _BATCH}))
    places: dict[Place, SourceRecord] = {}
    refused: list[str] = []

    def confirmed(record: SourceRecord | None, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            refused.append(error.str())
        elif record is not None:
            places[message.partition() or 0, message.offset() or 0] = record

    for record in records:
        producer.produce(topic, record.value, record.key, on_delivery=partial(confirmed, record))
        producer.poll(0)
    assert producer.flush(_CONFIRM_S) == 0, "Kafka did not confirm the file"
    ends: list[tuple[str, str | bytes | None]] = [(TYPE_HEADER, END_OF_REPLAY.encode())]
    end = EndOfReplay(latest=dt.datetime.now(dt.UTC)).encode()
    for number in range(settings.partitions):
        producer.produce(topic, end, partition=number, headers=ends, on_delivery=partial(confirmed, None))
    assert producer.flush(_CONFIRM_S) == 0, "Kafka did not confirm the ends of the replay"
    assert not refused, f"Kafka refused {len(refused)} records: {refused[0]}"
    return places


def _record(rng: random.Random, tweet_id: str, now: dt.datetime) -> SourceRecord:
    kind, late, reason, text = "on time", dt.timedelta(), None, f"tweet {tweet_id}"
    draw = rng.random()
    if draw < 0.005:
        reason, value = rng.choice(_HOSTILE)
        return SourceRecord(f"hostile {tweet_id}".encode(), value, reason=reason, kind="hostile")
    if draw < 0.008:
        kind, reason, text = "poison", "model_error", f"{POISON} {tweet_id}"
    elif draw < 0.010:
        kind, late = "clock years behind", dt.timedelta(days=365 * rng.uniform(3, 20))
    elif draw < 0.012:
        kind, reason = "clock years ahead", "future_timestamp"
        late = now - dt.datetime.now(dt.UTC) - dt.timedelta(days=365 * rng.uniform(1, 20))
    elif draw < 0.022:
        kind, late = "hours late", dt.timedelta(hours=rng.uniform(1.5, 6))
    elif draw < 0.072:
        kind, late = "minutes late", dt.timedelta(minutes=rng.uniform(0, 10))
    brands = rng.sample(BRANDS, 2 if rng.random() < 0.1 else 1)
    if kind == "on time" and CRISIS_BRAND in brands and CRISIS[0] <= now < CRISIS[1]:
        text = next(angry for number in integers() if label_of(angry := f"{text} {number}") == LABELS.index("negative"))
    tweet = Tweet(
        id=tweet_id,
        text=text,
        created_at=now - late,
        brands=brands,
        metadata={"padding": rng.randbytes(_PADDING // 2).hex()},
    )
    pairs = frozenset((tweet_id, brand) for brand in brands) if reason is None else frozenset[Pair]()
    return SourceRecord(tweet_id.encode(), tweet.encode(), pairs, reason, kind)
