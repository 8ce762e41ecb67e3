"""Files onto a real Kafka: everything once, in order, with its end; nothing that could not count."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Message

from infra.errors import TopicError, UsageError
from infra.kafka.admin import ensure_topics
from infra.kafka.local import LocalBroker
from infra.settings import Settings
from stream.records import END_OF_REPLAY, TYPE_HEADER, EndOfReplay, Tweet
from stream.replay import Rejected, ReplayOptions, ReplayProgress, ReplayResult, replay_file
from stream.replay.cli import replay
from stream.replay.pace import Rate, Speedup
from stream.topics import Topics, topic_specs
from tests.conftest import CACHE
from tests.kafka_tools import environment, publish, read_all, wait_until

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)


def file_of(folder: Path, seconds: Iterable[float], name: str = "tweets.csv", start: dt.datetime = NOON) -> Path:
    """A file with one tweet at each of these seconds after ``start``; its id is its place in the file."""
    rows = [f"{n},{(start + dt.timedelta(seconds=s)).isoformat()},late {n}\n" for n, s in enumerate(seconds)]
    path = folder / name
    path.write_text("id,created_at,text\n" + "".join(rows))
    return path


def run(settings: Settings, path: Path, stop: threading.Event | None = None, **options: Any) -> ReplayResult:
    return replay_file(
        settings,
        ReplayOptions(path, **options),
        on_progress=lambda _: None,
        on_rejected=lambda _: None,
        stop=stop or threading.Event(),
    )


def is_marker(message: Message) -> bool:
    return [(TYPE_HEADER, END_OF_REPLAY.encode())] == message.headers()


def tweets_in(messages: Iterable[Message]) -> list[Tweet]:
    return [Tweet.model_validate_json(message.value() or b"") for message in messages if not is_marker(message)]


def markers_in(messages: Iterable[Message]) -> dict[int | None, dt.datetime]:
    """Partition to the latest event time its marker tells."""
    return {
        message.partition(): EndOfReplay.model_validate_json(message.value() or b"").latest
        for message in messages
        if is_marker(message)
    }


def test_every_tweet_is_published_once_under_its_id_oldest_first_and_each_partition_is_ended(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    path = file_of(tmp_path, range(999, -1, -1))
    result = run(settings, path)
    assert (result.published, result.rejected, result.repaired, result.stopped) == (1_000, 0, 0, False)
    assert (result.first_event_time, result.latest_event_time) == (NOON, NOON + dt.timedelta(seconds=999))
    messages = read_all(settings, topics.tweets)
    tweets = tweets_in(messages)
    assert sorted(int(tweet.id) for tweet in tweets) == list(range(1_000))
    assert [message.key() for message in messages if not is_marker(message)] == [tweet.id.encode() for tweet in tweets]
    assert markers_in(messages) == {0: NOON + dt.timedelta(seconds=999), 1: NOON + dt.timedelta(seconds=999)}
    for number in (0, 1):
        mine = [message for message in messages if message.partition() == number]
        assert is_marker(mine[-1])
        times = [tweet.created_at for tweet in tweets_in(mine)]
        assert times == sorted(times)


def test_progress_and_rejected_rows_are_told(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    path = file_of(tmp_path, range(100))
    with path.open("a") as file:
        file.write("100,never,late\n" * 3)
    told: list[ReplayProgress] = []
    rejected: list[Rejected] = []
    lines: list[str] = []
    result = replay_file(
        settings,
        ReplayOptions(path, pace=Rate(50)),
        on_progress=told.append,
        on_rejected=rejected.append,
        on_read=lines.append,
        stop=threading.Event(),
    )
    assert [row.line for row in rejected] == [102, 103, 104]
    assert result.rejected_rows == rejected
    assert (told[-1].published, told[-1].total, told[-1].rejected, told[-1].rows_read) == (100, 100, 3, 103)
    assert all(before.published <= after.published for before, after in pairwise(told))
    waiting = [progress for progress in told if progress.total and 0 < progress.published < 100]
    assert waiting
    assert all(progress.eta_s is not None and 0 <= progress.eta_s <= 2 for progress in waiting)
    said = (
        "tweets.csv: CSV (comma, header), UTF-8; columns: text, created_at as time, id; 103 rows; "
        "tweets from 2026-03-02 12:00:00 to 2026-03-02 12:01:39 UTC"
    )
    assert lines == [said]


def test_only_the_span_and_the_number_that_were_asked_for_are_published(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    path = file_of(tmp_path, range(99, -1, -1))
    since, until = (NOON + dt.timedelta(seconds=seconds) for seconds in (10, 50))
    result = run(settings, path, limit=5, since=since, until=until)
    assert (result.published, result.outside) == (5, 95)
    tweets = tweets_in(read_all(settings, topics.tweets))
    assert {(tweet.created_at - NOON).total_seconds() for tweet in tweets} == {10, 11, 12, 13, 14}


def test_the_same_file_again_is_refused_until_it_is_moved_or_allowed(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    path = file_of(tmp_path, range(100))
    run(settings, path)
    with pytest.raises(UsageError, match=r"has been replayed into .* up to 2026-03-02T12:01:39Z, .*--shift-to-now"):
        run(settings, path)
    before = dt.datetime.now(dt.UTC)
    moved = run(settings, path, shift_to_now=True)
    assert moved.latest_event_time is not None
    assert moved.first_event_time is not None
    assert before < moved.latest_event_time < dt.datetime.now(dt.UTC)
    assert moved.latest_event_time - moved.first_event_time == dt.timedelta(seconds=99)
    assert run(settings, path, allow_older=True).published == 100


def test_an_older_file_after_newer_data_is_refused_and_a_newer_one_is_not(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    run(settings, file_of(tmp_path, range(100)))
    older = file_of(tmp_path, range(1_000, 1_100), "older.csv", start=NOON - dt.timedelta(days=9))
    with pytest.raises(
        UsageError, match=r"older.csv starts at .*too late .*--shift-to-now, or under another topic pref"
    ):
        run(settings, older)
    assert len(tweets_in(read_all(settings, topics.tweets))) == 100
    newer = file_of(tmp_path, range(1_000, 1_100), "newer.csv", start=NOON - dt.timedelta(hours=9))
    assert run(settings, newer).published == 100


def test_tweets_from_the_future_in_the_topic_do_not_shut_it(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    future = Tweet(id="f", text="late", created_at=dt.datetime.now(dt.UTC) + dt.timedelta(days=400))
    publish(settings, topics.tweets, [(b"f", future.encode()), (b"x", b"no tweet")])
    assert run(settings, file_of(tmp_path, range(10))).published == 10


def test_what_was_published_before_a_stop_is_confirmed_and_the_rest_can_follow(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    path = file_of(tmp_path, range(1_000))
    stop = threading.Event()

    def stop_after_some(progress: ReplayProgress) -> None:
        if progress.published >= 50:
            stop.set()

    result = replay_file(
        settings,
        ReplayOptions(path, pace=Rate(200)),
        on_progress=stop_after_some,
        on_rejected=lambda _: None,
        stop=stop,
    )
    assert result.stopped
    assert 50 <= result.published < 1_000
    messages = read_all(settings, topics.tweets)
    assert len(tweets_in(messages)) == result.published
    assert markers_in(messages) == {}, "a stopped replay has no end"
    with pytest.raises(UsageError, match="publish the rest with --from"):
        run(settings, path)
    latest = result.latest_event_time
    assert latest is not None
    run(settings, path, since=latest + dt.timedelta(seconds=1))
    assert {tweet.id for tweet in tweets_in(read_all(settings, topics.tweets))} == {str(n) for n in range(1_000)}


def test_with_a_speedup_a_shifted_replay_looks_live(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC)
    run(settings, file_of(tmp_path, [0, 30, 60]), pace=Speedup(60), shift_to_now=True)
    messages = [message for message in read_all(settings, topics.tweets) if not is_marker(message)]
    for message in messages:
        created_at = tweets_in([message])[0].created_at
        arrived = dt.datetime.fromtimestamp(message.timestamp()[1] / 1000, dt.UTC)
        assert before <= created_at <= arrived + dt.timedelta(milliseconds=1), "never ahead of the clock"
    times = sorted(tweet.created_at for tweet in tweets_in(messages))
    assert [time - times[0] for time in times] == [dt.timedelta(seconds=s) for s in (0, 0.5, 1)]


def test_a_loop_goes_on_with_new_ids_until_it_is_stopped(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    stop = threading.Event()

    def stop_after_three(progress: ReplayProgress) -> None:
        assert progress.total is None
        assert progress.eta_s is None
        if progress.published >= 30:
            stop.set()

    result = replay_file(
        settings,
        ReplayOptions(file_of(tmp_path, range(10)), loop=True, pace=Rate(300)),
        on_progress=stop_after_three,
        on_rejected=lambda _: None,
        stop=stop,
    )
    messages = read_all(settings, topics.tweets)
    tweets = tweets_in(messages)
    assert (len(tweets), len({tweet.id for tweet in tweets})) == (result.published, result.published)
    assert sorted((tweet.created_at - NOON).total_seconds() for tweet in tweets) == list(range(result.published))
    assert markers_in(messages) == {}


def test_a_file_without_times_is_dated_as_it_is_published(settings: Settings, topics: Topics, tmp_path: Path) -> None:
    path = tmp_path / "texts.csv"
    path.write_text("text\n" + "late again\n" * 20)
    before = dt.datetime.now(dt.UTC)
    run(settings, path, pace=Rate(40))
    run(settings, path)
    times = sorted(tweet.created_at for tweet in tweets_in(read_all(settings, topics.tweets)))
    assert len(times) == 40
    assert before <= times[0] <= times[-1] <= dt.datetime.now(dt.UTC)
    assert times[19] - times[0] >= dt.timedelta(seconds=0.4)


def test_a_missing_topic_is_named_before_anything_is_read(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TopicError, match="run: barometer topics create"):
        run(settings, file_of(tmp_path, range(10)))


def test_a_file_of_nothing_but_broken_rows_fails_without_an_end(
    settings: Settings, topics: Topics, tmp_path: Path
) -> None:
    path = tmp_path / "broken.csv"
    path.write_text("id,created_at,text\n1,never,late\n")
    result = run(settings, path)
    assert (result.published, result.rejected, result.first_event_time) == (0, 1, None)
    assert read_all(settings, topics.tweets) == []


def test_an_outage_of_kafka_stalls_a_replay_and_loses_nothing(tmp_path: Path) -> None:
    with LocalBroker(CACHE, directory=tmp_path / "kafka") as broker:
        settings = Settings(kafka_bootstrap_servers=broker.bootstrap_servers, partitions=2, cache_dir=CACHE)
        topics = Topics.of(settings)
        ensure_topics(settings, topic_specs(settings), timeout=60)
        progress: list[ReplayProgress] = []
        results: list[ReplayResult] = []
        options = ReplayOptions(file_of(tmp_path, range(2_000)), pace=Rate(500))

        def run_it() -> None:
            results.append(
                replay_file(
                    settings,
                    options,
                    on_progress=progress.append,
                    on_rejected=lambda _: None,
                    stop=threading.Event(),
                )
            )

        thread = threading.Thread(target=run_it)
        thread.start()
        wait_until(lambda: progress and progress[-1].published >= 100, 60, "some tweets")
        broker.kill()
        assert thread.is_alive()
        broker.start()
        thread.join(120)
        assert [result.published for result in results] == [2_000]
        messages = read_all(settings, topics.tweets)
        assert sorted(int(tweet.id) for tweet in tweets_in(messages)) == list(range(2_000))
        assert len(markers_in(messages)) == 2


@pytest.fixture
def on_the_command_line(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("on_the_command_line", "topics")
def test_the_command_prints_one_json_object_and_tells_the_rest_on_stderr(tmp_path: Path) -> None:
    path = file_of(tmp_path, range(10))
    with path.open("a") as file:
        file.write("10,never,late\n" * 25)
    result = CliRunner().invoke(replay, [str(path), "--json"])
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (said["published"], said["rejected"], said["repaired"], said["stopped"]) == (10, 25, 0, False)
    assert (said["first_event_time"], len(said["rejected_rows"])) == ("2026-03-02T12:00:00Z", 25)
    lines = result.stderr.splitlines()
    assert lines[0] == "line 12: rejected: time 'never' cannot be read, and id '10' does not tell it"
    assert lines[20] == "more rows are rejected; they are counted"
    assert lines[21].startswith("tweets.csv: CSV (comma, header), UTF-8; columns: ")
    assert len(lines) == 22


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_the_command_and_it_says_how_much_was_published(
    settings: Settings, topics: Topics, tmp_path: Path, number: signal.Signals, exit_code: int
) -> None:
    command = [sys.executable, "-m", "stream", "replay", str(file_of(tmp_path, range(10_000))), "--rate", "50"]
    process = subprocess.Popen(
        command, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        wait_until(lambda: len(read_all(settings, topics.tweets)) > 5, 60, "some tweets")
        os.kill(process.pid, number)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    published = len(read_all(settings, topics.tweets))
    assert process.returncode == exit_code
    assert said.startswith(f"Stopped: {published} tweets published, dated 2026-03-02 12:00:00 to ")
