"""Kafka: whether it can be reached, lets us in, has the topics; whether the workers get on; whether clocks agree."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from infra.errors import BarometerError, TopicError
from infra.kafka.admin import TopicState, describe_topics, differences
from infra.kafka.groups import GroupProgress, group_members, group_progress
from infra.kafka.incoming import Incoming
from infra.kafka.reading import newest_records
from infra.settings import Settings
from stream.decode import BadRecord, decode_watermark, record_type
from stream.doctor.finding import Finding, fail, ok, warn
from stream.records import WATERMARK
from stream.topics import Topics, topic_specs

CONNECT_S = 1.0
ANSWER_S = 3.0
_KAFKA_PORT = 9_092
_MOST_SERVERS = 6
_TAIL = 500
"""Records in which a watermark should be: one comes each second."""
_PROGRESS_S = 3.0
"""A group that has work and commits nothing for so long is stuck, or its model very slow."""
_OFF_S = 2.0
"""Clocks that differ by more are told of: latency and freshness look wrong."""
_QUIET_S = 15.0


def kafka(settings: Settings) -> Iterator[Finding]:
    """All that Kafka is asked, until something is in the way of the rest."""
    reached = list(reach(settings))
    yield from reached
    if all(finding.state == "fail" for finding in reached):
        return
    try:
        specs = topic_specs(settings)
        found = describe_topics(settings, [spec.name for spec in specs], ANSWER_S)
        topics_found = list(topics(settings, found))
        yield from topics_found
        if any(finding.state == "fail" for finding in topics_found):
            return
        members = group_members(settings, ANSWER_S)
        yield from group(members, _progress(settings))
        yield from clocks(settings, bool(members))
    except TopicError as error:
        yield fail("topics", str(error), "run: barometer topics list")
    except BarometerError as error:
        yield fail("kafka", str(error), "docs/security.md lists what Kafka may ask for")


def reach(settings: Settings) -> Iterator[Finding]:
    """Whether somebody listens at each of the addresses."""
    servers = [server.strip() for server in settings.kafka_bootstrap_servers.split(",") if server.strip()]
    with ThreadPoolExecutor(_MOST_SERVERS) as threads:
        troubles = dict(zip(servers, threads.map(_trouble, servers[:_MOST_SERVERS]), strict=False))
    away = {server: trouble for server, trouble in troubles.items() if trouble}
    for server, trouble in away.items():
        if len(away) < len(troubles):
            fix = "start that broker, or take it out of BAROMETER_KAFKA_BOOTSTRAP_SERVERS"
            yield warn("kafka", f"{server}: {trouble}; another one answers", fix)
        else:
            fix = "run: barometer broker; or set BAROMETER_KAFKA_BOOTSTRAP_SERVERS to where it is"
            yield fail("kafka", f"{server}: {trouble}", fix)
    if len(away) < len(troubles):
        yield ok("kafka", f"{', '.join(server for server in troubles if server not in away)} can be reached")


def _trouble(server: str) -> str:
    host, colon, port = server.rpartition(":")
    if not colon:
        host, port = server, str(_KAFKA_PORT)
    if not port.isdigit():
        return "that is no host:port"
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except TimeoutError:
        return f"no answer within {CONNECT_S:.0f} s: wrong address, or a firewall"
    except socket.gaierror:
        return "no host is known by that name"
    except (OSError, OverflowError) as error:
        return str(getattr(error, "strerror", None) or error)
    return ""


def topics(settings: Settings, found: dict[str, TopicState]) -> Iterator[Finding]:
    """Whether the topics are there, as the project needs them."""
    specs = topic_specs(settings)
    missing = [spec.name for spec in specs if spec.name not in found]
    if missing:
        yield fail("topics", f"missing: {', '.join(missing)}", "run: barometer topics create")
    wrong: dict[str, list[str]] = {}
    for spec in specs:
        for difference in differences(spec, found[spec.name]) if spec.name in found else ():
            seen = f"{difference.what} is {difference.found}, wanted {difference.wanted}"
            wrong.setdefault(f"{seen}|{difference.fix}", []).append(spec.name)
    for problem, names in wrong.items():
        seen, _, fix = problem.partition("|")
        yield fail("topics", f"{', '.join(names)}: {seen}", fix)
    if not missing and not wrong:
        yield ok("topics", f"all {len(specs)} are there, with {settings.partitions} partitions")


def _progress(settings: Settings) -> Callable[[], GroupProgress]:
    return lambda: group_progress(settings, Topics.of(settings).tweets, settings.partitions, ANSWER_S)


def group(
    members: Sequence[str],
    progress: Callable[[], GroupProgress],
    sleep: Callable[[float], object] = time.sleep,
    patience_s: float = _PROGRESS_S,
) -> Iterator[Finding]:
    """Whether somebody works where there is work, and gets on."""
    first = progress()
    who = f"{len(members)} worker{'s' if len(members) != 1 else ''}"
    if not first.lag:
        yield ok("group", f"{who}, nothing waits")
        return
    if not members:
        yield fail("group", f"{first.lag:,} tweets wait, and no worker is there", "run: barometer worker")
        return
    waited_s, step_s = 0.0, 0.5
    while waited_s < patience_s:
        sleep(step_s)
        waited_s += step_s
        now = progress()
        if now.next != first.next or not now.lag:
            yield ok("group", f"{who}, {now.lag:,} tweets wait, and they get on")
            return
    seen = f"{first.lag:,} tweets wait, and {who} did none of them in {patience_s:.0f} s"
    yield warn("group", seen, "look at the worker's log, and at /health/live of it; then start it again")


def clocks(settings: Settings, working: bool, now: Callable[[], float] = time.time) -> Iterator[Finding]:
    """Compare Kafka's clock with the workers', and with this machine's.

    Kafka stamps each record; a watermark says when its worker sent it. Nothing
    is written for this, so where no worker is there, only a clock of ours that
    runs behind shows.
    """
    records = newest_records(settings, Topics.of(settings).labeled, 0, _TAIL, ANSWER_S / 2)
    here = now()
    skews = [skew for record in records if (skew := _worker_ahead_s(record)) is not None]
    worst = max(skews[-_MOST_SERVERS:], key=abs, default=0.0)
    fix = "set the clock by NTP: timedatectl set-ntp true"
    if abs(worst) > _OFF_S:
        yield _off(settings, f"a worker's clock is {abs(worst):.0f} s {_side(worst)} Kafka's", worst, fix)
    newest = max((record.timestamp_ms / 1000 for record in records), default=None)
    if newest is None:
        yield ok("clocks", "nothing to compare with yet")
    elif newest - here > _OFF_S:
        yield _off(settings, f"this machine's clock is {newest - here:.0f} s behind Kafka's", here - newest, fix)
    elif working and here - newest > _QUIET_S:
        seen = f"workers are there, but the newest record is {here - newest:.0f} s old by this machine's clock"
        yield warn("clocks", seen, "look at the worker's log; if it works, this clock is wrong: set it by NTP")
    elif abs(worst) <= _OFF_S:
        yield ok("clocks", f"within {max(_OFF_S, abs(worst)):.0f} s of Kafka's")


def _worker_ahead_s(record: Incoming) -> float | None:
    """By how much the clock of a watermark's sender is ahead of the broker's, in seconds."""
    try:
        if record_type(record.headers) != WATERMARK:
            return None
        sent = decode_watermark(record.value).sent_at
    except BadRecord:
        return None
    return sent.timestamp() - record.timestamp_ms / 1000


def _side(seconds: float) -> str:
    return "ahead of" if seconds > 0 else "behind"


def _off(settings: Settings, seen: str, seconds: float, fix: str) -> Finding:
    if abs(seconds) > settings.future_tolerance_s:
        return fail("clocks", f"{seen}: tweets may be refused as from the future", fix)
    return warn("clocks", seen, fix)
