"""``barometer audit``: count everything again from ``tweets.labeled`` and compare with windows and state.

Independent of the fold on purpose: it counts the first record of each tweet,
brand and minute, and knows nothing of watermarks, chunks or batches. What it
takes for the truth is what the documentation promises.

It may run at any time, also beside workers, because a partition is read in this
order: the state, which says up to which labelled record (N) it counts; then the
windows, which can only be newer; then the labelled tweets, counted up to N and
up to their end. The state must equal the count up to N, and a closed window lie
between the two counts, which are the same when nothing comes in.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import click
import orjson
from pydantic import ValidationError

from infra.kafka.incoming import Headers, headers_of, last_header
from model.labels import LABELS
from stream.records import PANE_S, TYPE_HEADER, WATERMARK, LabeledTweet

if TYPE_CHECKING:
    from infra.settings import Settings

Key = tuple[str, int]
"""Brand, and start of the minute in seconds since 1970."""
SHOWN = 20
Letters = Callable[[], Mapping[int, Mapping[int, str]]]
"""By partition and offset of ``tweets.labeled``, the dead letters: records that do not count."""


@dataclass(frozen=True)
class Difference:
    """One number that is not what the labelled tweets say."""

    what: Literal["window", "state"]
    brand: str
    start_s: int
    label: str
    told: int
    labelled: int


@dataclass
class Audit:
    """What was compared, and what came of it."""

    windows: int = 0
    panes: int = 0
    """Minutes in the aggregate's state."""
    tweets: int = 0
    differences: list[Difference] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Partitions whose state cannot be read, and why."""
    behind: int = 0
    """Open windows whose next update is due."""
    unknown: int = 0
    """Windows with tweets that retention has removed."""
    republished: int = 0
    """Tweets that count again because their source sent them again after the horizon for duplicates."""

    def add(self, other: Audit) -> None:
        self.windows += other.windows
        self.panes += other.panes
        self.tweets += other.tweets
        self.differences += other.differences
        self.broken += other.broken
        self.behind += other.behind
        self.unknown += other.unknown
        self.republished += other.republished


@dataclass
class Told:
    """A window, or a pane of the state: tweets by label, in the order of LABELS."""

    counts: tuple[int, ...]
    closed: bool


@dataclass
class Counted:
    """Tweets of one brand and minute by label: up to where the state counts, and up to the end."""

    by_state: list[int] = field(default_factory=lambda: [0] * len(LABELS))
    by_end: list[int] = field(default_factory=lambda: [0] * len(LABELS))
    again: list[int] = field(default_factory=lambda: [0] * len(LABELS))
    """Sent again so late that they may count again."""


class Count:
    """Counts the records of one labelled partition, in their order. ``counts_to``: where the state has come.

    Memory: about 120 bytes for each distinct tweet and brand of the partition.
    """

    def __init__(self, counts_to: int, dead: AbstractSet[int], horizon_s: float) -> None:
        self.minutes: dict[Key, Counted] = {}
        self.tweets = 0
        self._counts_to = counts_to
        self._dead = dead
        self._horizon_s = horizon_s
        self._first: dict[int, int] = {}
        self._again: set[tuple[int, int]] = set()
        self._newest_s = 0.0

    def add(self, offset: int, value: bytes | None, headers: Headers) -> None:
        """Count one record, if it counts."""
        if last_header(headers, TYPE_HEADER) is not None:
            if last_header(headers, TYPE_HEADER) == WATERMARK.encode():
                self._hear(value)
            return
        try:
            record = LabeledTweet.model_validate_json(value or b"")
        except ValidationError:
            return  # it is among the dead, for that
        at_s = record.tweet.created_at.timestamp()
        minute = int(at_s // PANE_S) * PANE_S
        self._newest_s = max(self._newest_s, at_s)
        tweet = _hash(record.tweet.id, record.brand, minute)
        origin = record.origin.partition << 48 | record.origin.offset
        first = self._first.setdefault(tweet, origin)
        is_new = len(self._first) > self.tweets
        self.tweets = len(self._first)
        if offset in self._dead:
            return
        if is_new:
            self._note(record, minute, offset, again=False)
        elif first != origin and (tweet, origin) not in self._again and self._forgotten(minute):
            self._again.add((tweet, origin))
            self._note(record, minute, offset, again=True)

    def _note(self, record: LabeledTweet, minute: int, offset: int, *, again: bool) -> None:
        counted = self.minutes.setdefault((record.brand, minute), Counted())
        label = LABELS.index(record.label)
        if again:
            counted.again[label] += 1
            return
        counted.by_end[label] += 1
        if offset < self._counts_to:
            counted.by_state[label] += 1

    def _forgotten(self, minute: int) -> bool:
        """Whether event time may have come so far that the ids of this minute are not remembered any more."""
        end_of_newest = (self._newest_s // PANE_S + 1) * PANE_S
        return end_of_newest >= minute + PANE_S + self._horizon_s

    def _hear(self, value: bytes | None) -> None:
        for progress in orjson.loads(value or b"{}").get("progress", {}).values():
            if latest := progress.get("latest"):
                self._newest_s = max(self._newest_s, dt.datetime.fromisoformat(latest).timestamp())


def compare(
    counted: Mapping[Key, Counted], windows: Mapping[Key, Told], panes: Mapping[Key, Told], *, complete: bool
) -> Audit:
    """Compare a fresh count with windows and panes. Pure.

    ``complete``: no labelled tweet of the partition has been removed by
    retention, so that a number larger than the count is a difference.
    """
    found = Audit(windows=len(windows), panes=len(panes))
    behind, unknown = set(), set()
    nothing = Told((0,) * len(LABELS), closed=False)
    for key in sorted(counted.keys() | windows.keys() | panes.keys()):
        count, window, pane = counted.get(key) or Counted(), windows.get(key, nothing), panes.get(key)
        may_be_behind = pane is not None and not pane.closed
        for index, label in enumerate(LABELS):
            told, low, high, again = (
                window.counts[index],
                count.by_state[index],
                count.by_end[index],
                count.again[index],
            )
            if told < low and may_be_behind:
                behind.add(key)
            elif told > high + again and not complete:
                unknown.add(key)
            elif not low <= told <= high + again:
                found.differences.append(Difference("window", *key, label, told, low if told < low else high))
            elif told > high:
                found.republished += told - high
            if pane is None or (pane.counts[index] > low + again and not complete):
                continue
            if not low <= pane.counts[index] <= low + again:
                found.differences.append(Difference("state", *key, label, pane.counts[index], low))
    found.behind, found.unknown = len(behind), len(unknown)
    return found


def run_audit(settings: Settings, progress: Callable[[int], None] = lambda _done: None) -> Audit:
    """Compare partition by partition, which bounds the memory it takes. Raises KafkaUnavailableError or TopicError.

    ``progress`` is told how many partitions are done.
    """
    from stream.dead_letters.letters import uncounted

    audit = Audit()
    before = uncounted(settings)
    for partition in range(settings.partitions):
        found = _look(settings, partition, lambda: before)
        if found.differences:  # perhaps tweets that came too late while we looked
            found = _look(settings, partition, lambda: uncounted(settings))
        audit.add(found)
        progress(partition + 1)
    return audit


def _look(settings: Settings, partition: int, letters: Letters) -> Audit:
    from infra.kafka.reading import read_to_end
    from stream.aggregate.codec import StateError
    from stream.topics import Topics

    topics = Topics.of(settings)
    broken = []
    counts_to, panes = 0, dict[Key, Told]()
    try:
        counts_to, panes = _state(settings, topics.panes, partition)
    except StateError as error:
        broken.append(str(error))
    windows = dict(_windows(settings, topics.windows, partition))
    count = Count(counts_to, letters().get(partition, {}).keys(), settings.duplicate_horizon_s)
    begin: int | None = None
    for message in read_to_end(settings, topics.labeled, partition):
        offset = message.offset() or 0
        begin = offset if begin is None else begin
        count.add(offset, message.value(), headers_of(message))
    found = compare(count.minutes, windows, panes, complete=not begin)
    found.tweets, found.broken = count.tweets, broken
    return found


def _state(settings: Settings, topic: str, partition: int) -> tuple[int, dict[Key, Told]]:
    """Up to which labelled record the state counts, and what it says. Raises StateError."""
    from infra.kafka.reading import newest_values
    from stream.aggregate.codec import StateError, TruncatedError, decode

    try:
        saved = decode(newest_values(settings, topic, partition).items())
    except TruncatedError as error:
        raise StateError(f"{topic}-{partition} has lost records: {error}") from error
    if saved is None:
        return 0, {}
    panes = {(pane.key.brand, pane.key.start): Told(tuple(pane.counts), pane.closed) for pane in saved.state.panes}
    return saved.state.next_offset, panes


def _windows(settings: Settings, topic: str, partition: int) -> Iterator[tuple[Key, Told]]:
    """The newest of each. One that was removed says nothing."""
    from infra.kafka.reading import newest_values

    for value in newest_values(settings, topic, partition).values():
        window = orjson.loads(value)
        start = int(dt.datetime.fromisoformat(window["start"]).timestamp())
        counts = tuple(window["counts"][label] for label in LABELS)
        yield (window["brand"], start), Told(counts, window["status"] == "closed")


def _hash(tweet_id: str, brand: str, minute: int) -> int:
    whole = f"{minute}\0{brand}\0{tweet_id}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(whole, digest_size=8).digest())


@click.command(
    epilog="""\b
Examples:
  barometer audit
  barometer audit --json | jq .differences
"""
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def audit(*, as_json: bool) -> None:
    """Count everything again from the labelled tweets, and compare.

    Windows, and the aggregate's state, must say what the labelled tweets say.
    May run at any time, also while workers work. Exit code 1 when anything is
    wrong. Open windows that are about to be updated, windows with tweets that
    retention has removed, and tweets that count again because their source
    sent them again much later, are told apart.
    """
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from infra.errors import BarometerError
    from infra.settings import load_settings

    settings = load_settings()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("partitions", total=settings.partitions)
        found = run_audit(settings, lambda done: bar.update(task, completed=done))
    if as_json:
        click.echo(orjson.dumps(asdict(found)))
    else:
        _tell(found)
    if found.differences or found.broken:
        raise BarometerError(
            f"{len(found.differences)} counts differ from the labelled tweets, and the state of {len(found.broken)} "
            "partitions cannot be read; keep the topics to find out why; barometer rebuild --dry-run says what it "
            "would mend"
        )


def _tell(found: Audit) -> None:
    from infra.terminal import printable

    for problem in found.broken:
        click.echo(problem)
    for difference in found.differences[:SHOWN]:
        start = dt.datetime.fromtimestamp(difference.start_s, dt.UTC).strftime("%Y-%m-%d %H:%M")
        click.echo(
            f"{printable(difference.brand)} {start} {difference.label}: "
            f"{difference.what} {difference.told}, labelled {difference.labelled}"
        )
    if len(found.differences) > SHOWN:
        click.echo(f"... and {len(found.differences) - SHOWN} more; --json has all")
    click.echo(
        f"{found.windows} windows and {found.panes} minutes of state, {found.tweets} tweets counted again: "
        f"{len(found.differences)} differences; {found.behind} windows about to be updated, {found.unknown} too old "
        f"to check, {found.republished} tweets counted again because they were sent again"
    )
