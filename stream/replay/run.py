"""``replay_file``: read, order, look at the topic, publish, end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from infra.errors import UsageError
from infra.kafka.admin import check_topics
from infra.settings import Settings
from stream.replay.history import Candidate, read_tail, why_refused
from stream.replay.meter import Meter
from stream.replay.options import Rejected, ReplayOptions, ReplayProgress, ReplayResult
from stream.replay.order import Spool, as_time
from stream.replay.pace import AsFastAsPossible, Speedup
from stream.replay.publish import TweetPublisher
from stream.replay.rows import Decoded
from stream.replay.schedule import Schedule, make_schedule, turns
from stream.replay.source import Source, is_inside, open_source
from stream.replay.tally import Tally
from stream.topics import Topics, topic_specs

_TELL_EVERY_ROWS = 256
_KAFKA_TIMEOUT_S = 5.0


def replay_file(
    settings: Settings,
    options: ReplayOptions,
    *,
    on_progress: Callable[[ReplayProgress], None],
    on_rejected: Callable[[Rejected], None],
    stop: threading.Event,
    on_read: Callable[[str], None] | None = None,
) -> ReplayResult:
    """Publish a file to ``tweets``; returns when the broker has confirmed everything, or soon after ``stop`` is set.

    ``on_progress`` is called about ten times a second, ``on_rejected`` for each
    row that cannot become a tweet, ``on_read`` once, with one line on what the
    file is; all of them from this thread.

    Raises UsageError (a file that cannot be read, options that do not fit it,
    tweets too old for the topic), KafkaUnavailableError, TopicError,
    PublishError.
    """
    started = time.monotonic()
    source = open_source(options)
    _require_fitting(source, options)
    topic = Topics.of(settings).tweets
    check_topics(settings, [spec for spec in topic_specs(settings) if spec.name == topic], timeout=_KAFKA_TIMEOUT_S)
    tally = Tally(on_progress, on_rejected)
    with Spool(options.order if source.timed else "file") as spool:
        spool.fill(_read(source, options, tally, stop), options.limit)
        tally.kept = len(spool)
        if not stop.is_set() and on_read is not None:
            on_read(_overview(source, tally, spool))
        if not stop.is_set() and tally.kept:
            schedule = make_schedule(spool, options, timed=source.timed)
            if not (schedule.live or options.allow_older):
                _require_newer(settings, topic, options, spool, schedule)
            _publish(settings, topic, options, spool, schedule, tally, stop)
    return tally.result(time.monotonic() - started, stopped=stop.is_set())


def _require_fitting(source: Source, options: ReplayOptions) -> None:
    """Refuse options that mean nothing for this file, or together."""
    if options.loop and options.shift_to_now and isinstance(options.pace, AsFastAsPossible):
        raise UsageError(
            "--loop with --shift-to-now needs --rate or --speedup: at full speed the event times would run "
            "ahead of the clock"
        )
    need_times = {
        "--speedup": isinstance(options.pace, Speedup),
        "--from": options.since is not None,
        "--to": options.until is not None,
    }
    for flag, given in need_times.items():
        if given and not source.timed:
            raise UsageError(
                f"{flag} needs the times of the tweets, and {options.path} has no column that is known to hold "
                "them; name it with --time-column"
            )


def _read(source: Source, options: ReplayOptions, tally: Tally, stop: threading.Event) -> Iterator[Decoded]:
    """The tweets that are wanted, in file order."""
    wanted = 0
    for item in source.read():
        tally.rows += 1
        if tally.rows % _TELL_EVERY_ROWS == 0:
            tally.tell_read()
            if stop.is_set():
                return
        if isinstance(item, Rejected):
            tally.reject(item)
            continue
        tally.tweets += 1
        if is_inside(item.tweet.created_at, options):
            wanted += 1
            yield item
            if wanted == options.limit and (options.order == "file" or not source.timed):
                return


def _overview(source: Source, tally: Tally, spool: Spool) -> str:
    """One line: what the file is, which columns were taken, how many rows, from when to when."""
    said = f"{source.content.path.name}: {source.describe()}; {tally.rows:,} rows"
    if not source.timed:
        return f"{said}; no column with times, so each tweet is dated when it is published"
    if not tally.kept:
        return said
    _, earliest, latest = spool.times_us()
    return f"{said}; tweets from {as_time(earliest):%Y-%m-%d %H:%M:%S} to {as_time(latest):%Y-%m-%d %H:%M:%S} UTC"


def _require_newer(settings: Settings, topic: str, options: ReplayOptions, spool: Spool, schedule: Schedule) -> None:
    """Raise UsageError when the tweets would be too late for the windows, or would count twice."""
    tail = read_tail(settings, topic, settings.partitions)
    earliest_us, latest_us = schedule.published_span
    candidate = Candidate(
        name=str(options.path),
        first=as_time(earliest_us),
        latest=as_time(latest_us),
        held=spool.holds(tail.tweets),
        moved=options.shift_to_now,
    )
    refusal = why_refused(candidate, tail, settings.late_retention_s, topic)
    if refusal is not None:
        raise UsageError(refusal)


def _publish(
    settings: Settings,
    topic: str,
    options: ReplayOptions,
    spool: Spool,
    schedule: Schedule,
    tally: Tally,
    stop: threading.Event,
) -> None:
    """Each tweet when it is due; the end marker once all are confirmed, unless stopped before."""
    started = time.monotonic()
    tally.meter = Meter()
    if not options.loop:
        tally.total = tally.kept
        tally.expect = _expectation(options, schedule, tally, started)
    publisher = TweetPublisher(settings, topic, stop, tally.tell_published)
    tally.confirmed = publisher.confirmed
    try:
        for turn in turns(spool, schedule, options):
            if not (publisher.wait(started + turn.due_s) and publisher.send(turn)):
                break
        publisher.flush()
        if not stop.is_set():
            publisher.end(settings.partitions)
    finally:
        tally.finish()
        publisher.close()


def _expectation(
    options: ReplayOptions, schedule: Schedule, tally: Tally, started: float
) -> Callable[[float], float | None]:
    """Seconds that are left: by the schedule where there is one, else by the rate."""
    length_s = options.pace.due_s(tally.kept, schedule.event_s)

    def left_s(rate: float) -> float | None:
        if length_s:
            return max(0.0, started + length_s - time.monotonic())
        return (tally.kept - tally.confirmed.tweets) / rate if rate else None

    return left_s
