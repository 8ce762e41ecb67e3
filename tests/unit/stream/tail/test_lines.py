"""What a person sees of a record, and what a terminal must never get."""

from __future__ import annotations

import datetime as dt
import unicodedata
from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from infra.errors import UsageError
from infra.settings import Settings
from stream.records import (
    END_OF_REPLAY,
    TYPE_HEADER,
    WATERMARK,
    Counts,
    DeadHeaders,
    LabeledTweet,
    ModelIdentity,
    Origin,
    Probabilities,
    Record,
    SourceProgress,
    Tweet,
    Watermark,
    Window,
    window_key,
)
from stream.tail.lines import Describer, as_json_line, joined
from stream.tail.show import pick, resolve
from stream.tail.watch import Watched
from stream.topics import Topics

TOPICS = Topics.of(Settings(topic_prefix="t."))
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
HOSTILE = "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202e backwards \r\n over \u2028 it"


def find_by_name(text: str, author: str | None) -> list[str]:
    return [name for name in ("Aria", "Bolt") if name.lower() in text.lower() or name == author]


DESCRIBER = Describer(TOPICS, find_by_name)


def record(topic: str, value: Record | bytes | None, key: bytes | None = b"1", **headers: bytes) -> Watched:
    wire = value.encode() if isinstance(value, Record) else value
    return Watched(topic, 3, 41, int(NOON.timestamp() * 1000), key, wire, headers)


def tweet(**changes: Any) -> Tweet:
    return Tweet.model_validate({"id": "1", "text": "hello Aria", "created_at": NOON} | changes)


def labeled(text: str = "hello", brand: str = "Aria") -> LabeledTweet:
    return LabeledTweet(
        tweet=tweet(text=text),
        brand=brand,
        label="negative",
        confidence=0.931,
        probabilities=Probabilities(negative=0.931, neutral=0.05, positive=0.019),
        model=ModelIdentity(name="m", version="1"),
        origin=Origin(partition=0, offset=7),
        labeled_at=NOON,
    )


def window(net: float = -0.5, **changes: Any) -> Window:
    fields: dict[str, Any] = {
        "brand": "Aria",
        "start": NOON,
        "end": NOON + dt.timedelta(minutes=1),
        "size_s": 60,
        "counts": Counts(negative=3, neutral=1),
        "probability_sums": Counts(),
        "net_sentiment": net,
        "negative_share": 0.75,
        "revision": 4,
        "status": "open",
        "models": ["1"],
    }
    return Window(**(fields | changes))


def shown(watched: Watched, width: int | None = None) -> str:
    return joined(DESCRIBER.line(watched), width, lambda text, _look: text)


def test_a_tweet_shows_time_author_language_and_text() -> None:
    assert shown(record(TOPICS.tweets, tweet(author="someone", lang="en"))) == (
        "2026-03-02 12:00:00  @someone          en  hello Aria"
    )


def test_what_is_no_tweet_shows_why_and_where() -> None:
    assert shown(record(TOPICS.tweets, b"{}")).startswith("invalid_field  3@41  id is missing; text is missing")
    assert shown(record(TOPICS.tweets, None)).startswith("null_value  3@41")


def test_a_labelled_tweet_shows_brand_label_and_confidence() -> None:
    assert shown(record(TOPICS.labeled, labeled())) == "2026-03-02 12:00:00  Aria            negative  0.93  hello"


@pytest.mark.parametrize(
    ("net", "bar"),
    [
        (-1.0, "-1.00  ██████████│"),
        (-0.5, "-0.50       █████│"),
        (0.0, "+0.00            │"),
        (0.31, "+0.31            │███"),
        (1.0, "+1.00            │██████████"),
    ],
)
def test_a_window_shows_net_sentiment_as_a_bar(net: float, bar: str) -> None:
    line = shown(record(TOPICS.windows, window(net)))
    assert line.startswith("2026-03-02 12:00:00  Aria                4  ")
    assert bar in line
    assert line.endswith("open")


def test_a_notification_shows_what_became_of_it() -> None:
    alert = b'{"status": "firing", "labels": {"alertname": "NegativeSentimentSpike", "brand": "Aria"}}'
    told = b'{"state": "sent", "target": "slack-1a2b3c", "alert": %b}'
    assert shown(record(TOPICS.notifications, told % alert)).endswith(
        "sent       slack-1a2b3c  firing NegativeSentimentSpike  Aria"
    )
    assert shown(record(TOPICS.notifications, b'{"alert": 1}')).endswith('{"alert": 1}')


def test_a_spike_shows_its_sentence() -> None:
    page = (Path(__file__).parents[4] / "docs" / "records.md").read_text(encoding="utf-8")
    example = page.split("<!-- example: spike -->\n```json\n")[1].split("```")[0]

    assert shown(record(TOPICS.spikes, example.encode())) == (
        "2026-03-02 11:43:00  Lumora          negative  open    "
        "Negative share of Lumora rose from 18% to 67% in 3 minutes (z 4.6, 30 tweets by 20 people): 'locked out'"
    )
    assert shown(record(TOPICS.spikes, b"{}")).endswith("{}")


def test_a_window_shows_late_tweets_and_its_removal() -> None:
    assert shown(record(TOPICS.windows, window(late=2, status="closed"))).endswith("closed, 2 late")
    assert shown(record(TOPICS.windows, None, window_key("Aria", NOON, 60))) == (
        'removed  ["Aria","2026-03-02T12:00:00Z",60]'
    )


def test_a_dead_record_shows_what_happened_to_it_and_its_beginning() -> None:
    headers = {
        DeadHeaders.STAGE: b"classify",
        DeadHeaders.REASON: b"invalid_json",
        DeadHeaders.MESSAGE: b"unexpected end",
        DeadHeaders.ORIGIN_TOPIC: b"t.tweets",
        DeadHeaders.ORIGIN_PARTITION: b"5",
        DeadHeaders.ORIGIN_OFFSET: b"12",
    }
    line = shown(record(TOPICS.dead, b"{" + b"x" * 500, **headers))
    start, beginning = line.rsplit("  ", 1)
    assert start == "2026-03-02 12:00:00  invalid_json  classify  t.tweets/5@12  unexpected end"
    assert beginning == "{" + "x" * 79
    assert shown(record(TOPICS.dead, None)) == "2026-03-02 12:00:00  no reason  (none)"


def test_watermarks_and_ends_of_replays_are_shown_only_when_asked_for() -> None:
    progress = {
        0: SourceProgress(next_offset=12, latest=NOON, idle=False),
        1: SourceProgress(next_offset=0, idle=False),
        2: SourceProgress(next_offset=3, latest=NOON, idle=True),
    }
    mark = Watermark(source_topic_id="x", source_partitions=3, progress=progress, sent_at=NOON)
    records = [
        record(TOPICS.labeled, labeled()),
        record(TOPICS.labeled, mark, None, **{TYPE_HEADER: WATERMARK.encode()}),
        record(TOPICS.tweets, b"{}", None, **{TYPE_HEADER: END_OF_REPLAY.encode()}),
    ]
    assert list(pick(records, DESCRIBER, None, everything=False)) == records[:1]
    assert list(pick(records, DESCRIBER, None, everything=True)) == records
    told = "0: 2026-03-02 12:00:00 @12, 1: nothing yet @0, 2: idle @3"
    assert shown(records[1]) == f"2026-03-02 12:00:00  watermark  3@41  {told}"
    assert shown(records[2]) == "2026-03-02 12:00:00  end-of-replay  3@41  {}"


@pytest.mark.parametrize(
    ("watched", "brands"),
    [
        (record(TOPICS.tweets, tweet()), ["Aria"]),
        (record(TOPICS.tweets, tweet(text="aria and bolt")), ["Aria", "Bolt"]),
        (record(TOPICS.tweets, tweet(text="good morning", author="Bolt")), ["Bolt"]),
        (record(TOPICS.tweets, tweet(brands=["Cleo"])), ["Cleo"]),
        (record(TOPICS.tweets, tweet(text="nothing")), ["_other"]),
        (record(TOPICS.tweets, b'{"text": 7}'), []),
        (record(TOPICS.tweets, b"[1]"), []),
        (record(TOPICS.labeled, labeled("Bolt", brand="Aria")), ["Aria"]),
        (record(TOPICS.windows, window(), window_key("Aria", NOON, 60)), ["Aria"]),
        (record(TOPICS.windows, None, window_key("Aria", NOON, 60)), ["Aria"]),
        (record(TOPICS.panes, b"{}", b'["pane","Aria",1772443800]'), ["Aria"]),
        (record(TOPICS.panes, b"{}", b'["clock"]'), []),
        (record(TOPICS.panes, b"{}", None), []),
        (record(TOPICS.spikes, b'{"brand": "Aria"}'), ["Aria"]),
        (record(TOPICS.dead, b'{"text": "Bolt", "created_at": "soon"}'), ["Bolt"]),
        (record(TOPICS.dead, b"\xff"), []),
    ],
)
def test_records_of_every_topic_can_be_picked_by_brand(watched: Watched, brands: list[str]) -> None:
    assert DESCRIBER.brands(watched) == brands
    for brand in brands:
        assert list(pick([watched], DESCRIBER, f" {brand.upper()} ", everything=False)) == [watched]
    assert list(pick([watched], DESCRIBER, "Nobody", everything=False)) == []


@pytest.mark.parametrize("topic", [TOPICS.tweets, TOPICS.labeled, TOPICS.dead, TOPICS.windows, TOPICS.panes])
@pytest.mark.parametrize("width", [None, 1, 40, 100])
def test_nothing_in_a_record_can_command_the_terminal(topic: str, width: int | None) -> None:
    raw = HOSTILE.encode()
    headers = {DeadHeaders.REASON: raw, DeadHeaders.MESSAGE: raw, DeadHeaders.STAGE: raw, DeadHeaders.ORIGIN_TOPIC: raw}
    hostile_tweet = tweet(text=HOSTILE, author=HOSTILE, lang=HOSTILE)
    values: list[Record | bytes | None] = [hostile_tweet, labeled(HOSTILE), raw, None]
    for watched in [record(topic, value, raw, **headers) for value in values]:
        for safe in (watched, replace(watched, headers={TYPE_HEADER: raw})):
            line = shown(safe, width)
            assert line.isprintable(), line
            assert width is None or cell_len(line) <= width
            categories = {unicodedata.category(character) for character in as_json_line(safe)}
            assert categories.isdisjoint({"Cc", "Cf", "Zl", "Zp"})


any_bytes = st.binary() | st.text().map(str.encode) | st.builds(orjson.dumps, st.dictionaries(st.text(), st.text()))


HEADERS = [TYPE_HEADER, DeadHeaders.STAGE, DeadHeaders.REASON, DeadHeaders.MESSAGE, DeadHeaders.ORIGIN_TOPIC]


@given(
    st.sampled_from(
        [TOPICS.tweets, TOPICS.labeled, TOPICS.dead, TOPICS.windows, TOPICS.panes, TOPICS.spikes, TOPICS.notifications]
    ),
    st.none() | any_bytes,
    st.none() | any_bytes,
    st.dictionaries(st.sampled_from(HEADERS), st.none() | any_bytes),
    st.integers(1, 200),
)
def test_any_record_can_be_shown(
    topic: str, key: bytes | None, value: bytes | None, headers: dict[str, bytes | None], width: int
) -> None:
    watched = Watched(topic, 0, 0, 0, key, value, headers)
    line = shown(watched, width)
    assert line.isprintable()
    assert cell_len(line) <= width
    DESCRIBER.brands(watched)
    read = orjson.loads(as_json_line(watched))
    assert (read["partition"], read["offset"], read["timestamp"]) == (0, 0, "1970-01-01T00:00:00.000Z")
    if key is None:
        assert read["key"] is None
    else:
        assert key in (read.get("key", "").encode(), b64decode(read.get("key_base64", "")))


def test_json_holds_the_value_as_it_is_on_one_line() -> None:
    value = b'{"big": 123456789012345678901234567890,\n "deep": ' + b"[" * 900 + b"]" * 900 + b"}"
    line = as_json_line(record(TOPICS.tweets, value))
    assert "123456789012345678901234567890" in line
    assert "\n" not in line
    assert orjson.loads(line)["value"] == orjson.loads(value)


def test_json_says_what_kind_of_bytes_a_value_was() -> None:
    assert orjson.loads(as_json_line(record(TOPICS.dead, b"cut o")))["value_text"] == "cut o"
    assert b64decode(orjson.loads(as_json_line(record(TOPICS.dead, b"\xff\xfe")))["value_base64"]) == b"\xff\xfe"
    assert orjson.loads(as_json_line(record(TOPICS.dead, None)))["value"] is None


def test_colours_do_not_count_as_width() -> None:
    line = DESCRIBER.line(record(TOPICS.labeled, labeled("word " * 100)))
    styled = joined(line, 80, lambda text, _look: click.style(text, fg="red"))
    assert cell_len(click.unstyle(styled)) <= 80
    assert click.unstyle(styled) == joined(line, 80, lambda text, _look: text)


@pytest.mark.parametrize("asked", ["tweets.labeled", "t.tweets.labeled"])
def test_a_topic_may_be_named_with_or_without_the_prefix(asked: str) -> None:
    assert resolve(asked, Settings(topic_prefix="t.")) == "t.tweets.labeled"


@pytest.mark.parametrize("asked", ["labeled", "", "tweets2", "x.tweets"])
def test_another_topic_is_wrong_use_and_the_topics_are_listed(asked: str) -> None:
    with pytest.raises(UsageError, match=r"take one of tweets, tweets\.labeled, .*reputation\.windows"):
        resolve(asked, Settings(topic_prefix="t."))
