"""``barometer tail`` on a real Kafka, as its user runs it."""

from __future__ import annotations

import datetime as dt
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import orjson
import pytest

from infra.kafka.local import free_port
from infra.settings import Settings
from stream.records import Tweet
from stream.topics import Topics
from tests.kafka_tools import environment, publish, wait_until

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
TAIL = [sys.executable, "-m", "stream", "tail"]
BOTH_ENDS = ["--from-start", "--until-end"]


def run(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TAIL, *arguments],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def tweets(texts: list[str]) -> Iterator[tuple[bytes, bytes]]:
    for number, text in enumerate(texts):
        tweet = Tweet(id=str(number), text=text, created_at=NOON + dt.timedelta(seconds=number), author="someone")
        yield tweet.id.encode(), tweet.encode()


def test_all_records_of_all_partitions_are_shown_once(settings: Settings, topics: Topics) -> None:
    publish(settings, topics.tweets, tweets([f"tweet {number}" for number in range(50)]))
    done = run(settings, "tweets", *BOTH_ENDS)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(line.split("  ")[-1].strip() for line in done.stdout.splitlines()) == sorted(
        f"tweet {n}" for n in range(50)
    )


def test_json_says_where_each_record_is(settings: Settings, topics: Topics) -> None:
    publish(settings, topics.tweets, tweets(["hello \x1b[2J"]))
    done = run(settings, topics.tweets, *BOTH_ENDS, "--json")
    [line] = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert (line["topic"], line["offset"], line["key"], line["headers"]) == (topics.tweets, 0, "0", {})
    assert line["value"]["text"] == "hello \x1b[2J"
    assert "\x1b" not in done.stdout


def test_one_brand_and_no_more_than_asked_for(settings: Settings, topics: Topics) -> None:
    publish(settings, topics.tweets, tweets(["@Popcorra one", "nothing", "@Zuppla", "popcorra two", "Popcorra three"]))
    done = run(settings, "tweets", *BOTH_ENDS, "--brand", "POPCORRA")
    assert sorted(line.split()[-1] for line in done.stdout.splitlines()) == ["one", "three", "two"]
    limited = run(settings, "tweets", "--from-start", "--brand", "popcorra", "--limit", "2")
    assert len(limited.stdout.splitlines()) == 2


@contextmanager
def running(settings: Settings, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A tail that goes on."""
    with subprocess.Popen(
        [*TAIL, *arguments], env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_begins_with_what_comes_next_and_ends_cleanly_with_ctrl_c(settings: Settings, topics: Topics) -> None:
    publish(settings, topics.tweets, tweets(["old"]))
    lines: list[str] = []
    with running(settings, "tweets") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        reader = Thread(target=lines.extend, args=(process.stdout,), daemon=True)
        reader.start()

        def something_shown() -> list[str]:
            publish(settings, topics.tweets, tweets(["new"]))
            return lines

        wait_until(something_shown, 60, "a new tweet on the screen")
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        reader.join(10)
        assert process.stderr.read() == ""
    assert {line.split()[-1] for line in lines} == {"new"}


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_it_ends_quietly_when_nobody_reads_any_more(settings: Settings, topics: Topics, arguments: list[str]) -> None:
    publish(settings, topics.tweets, tweets(["only one"]))
    with running(settings, "tweets", "--from-start", *arguments) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "only one" in process.stdout.readline()
        process.stdout.close()
        assert process.wait(30) == 0
        assert process.stderr.read() == ""


def test_another_topic_is_wrong_use(settings: Settings) -> None:
    done = run(settings, "tweeets")
    assert done.returncode == 2
    assert "'tweeets' is no topic of Barometer; take one of tweets, tweets.labeled" in done.stderr


def test_a_topic_that_is_not_there_yet_says_how_to_make_it(settings: Settings) -> None:
    done = run(settings, "tweets.dead")
    assert done.returncode == 1
    assert "barometer topics create" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kafka_that_is_away_is_named_within_seconds(settings: Settings) -> None:
    away = settings.model_copy(update={"kafka_bootstrap_servers": f"127.0.0.1:{free_port()}"})
    done = run(away, "tweets")
    assert done.returncode == 1
    assert f"Kafka at {away.kafka_bootstrap_servers} did not answer within 5 s" in done.stderr
