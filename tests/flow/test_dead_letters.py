"""``barometer dead`` on a real Kafka: what died is found, and goes back once."""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Sequence
from typing import Any

import pytest
from click.testing import CliRunner, Result

from infra.kafka.incoming import Headers, Incoming
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import ConfirmedPublisher, Outgoing
from infra.kafka.transactions import transact
from infra.settings import Settings
from stream.cli import barometer
from stream.dead import dead_letter
from stream.dead_letters import replay as replay_module
from stream.dead_letters.letters import Wanted, read_index
from stream.dead_letters.replay import ReplayError, replay
from stream.topics import Topics
from tests.kafka_tools import environment, read_all
from tests.labelled import labelled

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def bury(
    settings: Settings,
    offset: int,
    value: bytes | None,
    *,
    reason: str = "invalid_json",
    origin: str = "tweets",
    key: bytes | None = b"k",
    headers: Headers = (),
    died_at: dt.datetime = NOON,
) -> str:
    """Write one dead letter; its id."""
    topic = f"{settings.topic_prefix}{origin}"
    record = Incoming(TopicPartition(topic, 1), offset, key, value, headers, 1_700_000_000_000)
    stage = "classify" if origin == "tweets" else "aggregate"
    letter = dead_letter(
        Topics.of(settings).dead, record, stage=stage, reason=reason, message=f"wrong {offset}", died_at=died_at
    )
    ConfirmedPublisher(settings).publish([letter])
    return f"{origin}-1-{offset}"


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(barometer, ["dead", *arguments], env=environment(settings))


def sent(settings: Settings) -> list[tuple[bytes | None, bytes | None, Sequence[tuple[str, Any]]]]:
    return [
        (message.key(), message.value(), [*(message.headers() or [])])
        for message in read_all(settings, Topics.of(settings).tweets)
    ]


def test_letters_are_counted_by_reason_and_found_by_reason_brand_stage_and_time(
    settings: Settings, topics: Topics
) -> None:
    bury(settings, 1, b"{")
    bury(settings, 2, b'{"text": "@Popcorra \\u001b[2J"}', reason="invalid_field", died_at=NOON + dt.timedelta(hours=1))
    bury(settings, 3, labelled("1", 0, 0, brand="Zuppla").encode(), reason="late", origin="tweets.labeled")
    bury(settings, 3, labelled("1", 0, 0, brand="Zuppla").encode(), reason="late", origin="tweets.labeled")

    def ids(*filters: str) -> list[str]:
        done = run(settings, "list", "--json", *filters)
        assert done.exit_code == 0, done.output
        return [json.loads(line)["id"].removeprefix(settings.topic_prefix) for line in done.stdout.splitlines()]

    assert sorted(ids()) == ["tweets-1-1", "tweets-1-2", "tweets.labeled-1-3"]
    assert ids("--reason", "invalid_field") == ["tweets-1-2"]
    assert ids("--stage", "aggregate") == ["tweets.labeled-1-3"]
    assert ids("--brand", "popcorra") == ["tweets-1-2"]
    assert ids("--brand", "zuppla") == ["tweets.labeled-1-3"]
    assert ids("--from", "2026-03-02T12:30:00Z") == ["tweets-1-2"]
    assert "tweets-1-2" not in ids("--to", "2026-03-02T13:00:00Z")
    assert ids("--limit", "1") == ["tweets-1-2"]
    shown = run(settings, "list").stdout
    assert shown.startswith("3 dead letters, 3 waiting, 0 settled")
    assert "\x1b" not in shown


def test_a_letter_is_shown_whole_and_safely_and_its_bytes_come_out_untouched(
    settings: Settings, topics: Topics
) -> None:
    value = b'{"text": "\\u001b[31mred", \xff\x00'
    letter = bury(settings, 7, value, key=None, headers=(("trace", b"\x01"), ("empty", None)))
    page = run(settings, "show", letter)
    assert page.exit_code == 0, page.output
    assert "invalid_json: wrong 7" in page.stdout
    assert "key        (null)" in page.stdout
    assert "header     trace: bytes 01" not in page.stdout, "0x01 is UTF-8, and not printable"
    assert "ff 00" in page.stdout
    assert "\x1b" not in page.stdout
    assert run(settings, "show", letter, "--raw").stdout_bytes == value
    told = json.loads(run(settings, "show", letter, "--json").stdout)
    assert (told["key"], told["headers"][1]) == (None, {"name": "empty", "value": None})
    missing = run(settings, "show", "tweets-1-8")
    assert "there is no dead letter 'tweets-1-8'" in str(missing.exception)


def test_what_is_replayed_is_the_original_and_only_once(settings: Settings, topics: Topics) -> None:
    headers: Headers = (("a", b"1"), ("a", None))
    letter = bury(settings, 1, b"{", headers=headers)
    bury(settings, 2, b"[", key=None)
    assert "2 would be sent" in run(settings, "replay", "--all", "--dry-run").stdout
    assert sent(settings) == []
    unasked = run(settings, "replay", "--all")
    assert "say --yes" in str(unasked.exception)

    assert run(settings, "replay", letter, "--yes").stdout == "1 sent again\n"
    [(key, value, (*original, trail))] = sent(settings)
    assert (key, value, tuple(original)) == (b"k", b"{", headers)
    assert trail[0] == "replayed"
    assert json.loads(trail[1])["origin"] == f"{topics.tweets}-1-1"

    assert run(settings, "replay", "--all", "--yes").stdout == "1 sent again\n"
    assert run(settings, "replay", "--all", "--yes").stdout == "0 sent again\n"
    assert sorted(value or b"" for _key, value, _headers in sent(settings)) == [b"[", b"{"]
    assert run(settings, "list").stdout.startswith("2 dead letters, 0 waiting, 2 settled")
    assert run(settings, "replay", letter, "--again", "--yes").stdout == "1 sent again\n"
    assert len(sent(settings)) == 3


def test_what_died_again_shows_its_trail(settings: Settings, topics: Topics) -> None:
    first = bury(settings, 1, b"{")
    run(settings, "replay", first, "--yes")
    [(key, value, headers)] = sent(settings)
    second = bury(settings, 9, value, key=key, headers=tuple(headers))
    page = run(settings, "show", second).stdout
    assert f"after it had died of invalid_json as {topics.tweets}-1-1" in page
    assert "dead 2x" in run(settings, "list").stdout


def test_late_tweets_are_not_sent_and_the_way_to_count_them_is_told(settings: Settings, topics: Topics) -> None:
    bury(settings, 3, labelled("1", 0, 0).encode(), reason="late", origin="tweets.labeled")
    done = run(settings, "replay", "--all", "--yes")
    assert done.stdout == "0 sent again\n"
    assert "raise BAROMETER_LATE_RETENTION_S, stop the workers and run: barometer rebuild" in done.stderr
    assert sent(settings) == []


def test_a_replay_that_crashes_sends_the_rest_and_nothing_twice(
    settings: Settings, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    for offset in range(5):
        bury(settings, offset, b"%d" % offset)
    chosen = read_index(settings, Wanted(), lambda _text, _author: []).oldest_first()
    monkeypatch.setattr(replay_module, "MOST_TOGETHER", 2)

    def crash_after_the_first(producer: Any, records: Any) -> None:
        transact(producer, records)
        raise ConnectionAbortedError

    monkeypatch.setattr(replay_module, "transact", crash_after_the_first)
    with pytest.raises(ConnectionAbortedError):
        replay(settings, chosen, again=False)
    monkeypatch.setattr(replay_module, "transact", transact)
    done = replay(settings, chosen, again=False)
    assert (done.sent, done.settled_meanwhile) == (3, 2)
    assert sorted(value or b"" for _key, value, _headers in sent(settings)) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_replay_that_begins_ends_another_and_sends_only_what_is_left(
    settings: Settings, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    for offset in range(4):
        bury(settings, offset, b"%d" % offset)
    chosen = read_index(settings, Wanted(), lambda _text, _author: []).oldest_first()
    monkeypatch.setattr(replay_module, "MOST_TOGETHER", 2)
    second: list[int] = []

    def meanwhile(sent_by_first: int) -> None:
        second.append(replay(settings, chosen, again=False).sent)

    with pytest.raises(ReplayError, match="another replay of dead letters has begun, so this one stopped after 2"):
        replay(settings, chosen, again=False, progress=lambda count: None if second else meanwhile(count))
    assert second == [2]
    assert len(sent(settings)) == 4


def test_a_letter_that_kafka_does_not_take_back_stays_dead_alone(
    settings: Settings, topics: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    bury(settings, 1, random.Random(1).randbytes(1_048_400))  # with a trail it is larger than a record may be
    bury(settings, 2, b"small")
    done = run(settings, "replay", "--all", "--yes")
    assert "1 sent again" in done.stdout
    assert "1 dead letters were not taken back" in str(done.exception)
    assert run(settings, "list").stdout.startswith("2 dead letters, 1 waiting, 1 settled")


def test_nothing_else_in_the_topic_is_taken_for_a_letter(settings: Settings, topics: Topics) -> None:
    bury(settings, 1, b"{")
    ConfirmedPublisher(settings).publish([Outgoing(topics.dead, b"odd", b"?")])
    shown = run(settings, "list").stdout
    assert "1 dead letter, 1 waiting" in shown
    assert "1 records that are no dead letters" in shown
