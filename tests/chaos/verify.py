"""What must hold after a run, checked against the file and not against the code under test.

``verify`` gives the verdict, ``Evidence`` the way of a tweet through the topics.
``spikes`` does the same for what is told of brands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import orjson
from confluent_kafka import Message

from infra.settings import Settings
from stream.records import TYPE_HEADER, LabeledTweet, Tweet, Window
from stream.topics import Topics
from tests.chaos.source import SourceRecord
from tests.kafka_tools import read_all
from tests.outcome import Outcome, Place, cell_of, letter_of

_TRACED = 3


@dataclass
class Verdict:
    """``lost`` and ``double`` count tweets; ``problems`` says in words what is wrong, ``suspects`` are tweet ids."""

    lost: int = 0
    double: int = 0
    windows_equal: bool = True
    problems: list[str] = field(default_factory=list)
    suspects: list[str] = field(default_factory=list)


def complete(places: Mapping[Place, SourceRecord], outcome: Outcome) -> bool:
    """Whether every record has an outcome, and every window is closed and says what was labelled."""
    letters = {letter.origin[1:] for letter in outcome.letters.values() if letter.reason != "late"}
    everywhere = all(place in outcome.sources or place in letters for place in places)
    return everywhere and bool(outcome.windows) and outcome.all_closed and not outcome.difference()


def verify(settings: Settings, places: Mapping[Place, SourceRecord], outcome: Outcome) -> Verdict:
    """Compare what was published with what came of it."""
    verdict = Verdict()
    _check_records(Topics.of(settings), places, outcome, verdict)
    _check_windows(outcome, verdict)
    _check_balance(places, outcome, verdict)
    return verdict


def _check_records(topics: Topics, places: Mapping[Place, SourceRecord], outcome: Outcome, verdict: Verdict) -> None:
    """Each record is labelled or dead, as it must be, never both, and the dead are as they came."""
    letters = {letter.origin[1:]: letter for letter in outcome.letters.values() if letter.origin[0] == topics.tweets}
    for place, record in sorted(places.items()):
        letter = letters.get(place)
        labelled = place in outcome.sources
        where = f"{record.kind} record {record.key!r} at {topics.tweets}-{place[0]} offset {place[1]}"
        if not labelled and letter is None:
            verdict.lost += 1
            _tell(verdict, f"lost: {where} is neither labelled nor dead", record)
        elif labelled and letter is not None:
            verdict.double += 1
            _tell(verdict, f"double: {where} is labelled and dead ({letter.reason})", record)
        elif letter is not None and (letter.reason != record.reason or letter.value != record.value):
            verdict.lost += record.reason is None
            wrong = (
                f"died of {letter.reason} instead of {record.reason}, value untouched: {letter.value == record.value}"
            )
            _tell(verdict, f"wrong: {where} {wrong}", record)
        elif labelled and record.reason is not None:
            _tell(verdict, f"wrong: {where} was labelled and should have died of {record.reason}", record)
    missing = {pair for record in places.values() for pair in record.pairs} - outcome.pairs
    for tweet_id, brand in sorted(missing):
        if not any(tweet_id == suspect for suspect in verdict.suspects):
            verdict.lost += 1
            verdict.problems.append(f"lost: tweet {tweet_id} is not labelled for {brand}")
            verdict.suspects.append(tweet_id)
    for place in outcome.sources - places.keys():
        verdict.problems.append(f"wrong: a labelled tweet says that it came from {place}, where none is")


def _check_windows(outcome: Outcome, verdict: Verdict) -> None:
    """Windows are the fold of ``tweets.labeled``, without what was too late."""
    difference = outcome.difference()
    verdict.windows_equal = not difference and outcome.all_closed
    for (brand, start, label), (says, labelled) in sorted(difference.items()):
        verdict.double += max(0, says - labelled)
        verdict.lost += max(0, labelled - says)
        problem = f"window of {brand} at {start}: {says} {label}, but {labelled} are labelled"
        verdict.problems.append(f"{'double' if says > labelled else 'lost'}: {problem}")
    for brand, start in sorted(key for key, window in outcome.windows.items() if window.status != "closed"):
        verdict.problems.append(f"open: window of {brand} at {start} never closed")
    late = Counter((tweet.tweet.id, tweet.brand) for tweet in outcome.late.values())
    for (tweet_id, brand), times in late.items():
        if times > 1:
            verdict.double += times - 1
            verdict.problems.append(f"double: tweet {tweet_id} of {brand} died as late {times} times")
            verdict.suspects.append(tweet_id)


def _check_balance(places: Mapping[Place, SourceRecord], outcome: Outcome, verdict: Verdict) -> None:
    """Windows, late and dead together are the file."""
    pairs = len({pair for record in places.values() for pair in record.pairs})
    dead = sum(record.reason is not None for record in places.values())
    late = outcome.dead["late"]
    counted = sum(outcome.counted.values())
    if counted + late != pairs:
        verdict.problems.append(f"balance: {counted} counted and {late} late are not the {pairs} tweets of the file")
    if len(outcome.letters) - late != dead:
        verdict.problems.append(f"balance: {len(outcome.letters) - late} are dead, {dead} should be")


class Evidence:
    """All that the topics hold, read once, to tell what became of single tweets."""

    def __init__(self, settings: Settings) -> None:
        self._topics = topics = Topics.of(settings)
        self._tweets = read_all(settings, topics.tweets)
        self._labelled = [
            (message, LabeledTweet.model_validate_json(message.value() or b""))
            for message in read_all(settings, topics.labeled)
            if TYPE_HEADER not in dict(message.headers() or [])
        ]
        self._panes = read_all(settings, topics.panes)
        self._windows = read_all(settings, topics.windows)
        self._dead = read_all(settings, topics.dead)

    def suspects(self, verdict: Verdict, outcome: Outcome) -> list[str]:
        """A few tweets to trace: those known to be wrong, and those in wrong windows that were labelled most often."""
        cells = {(brand, start) for brand, start, _label in outcome.difference()}
        seen = Counter(record.tweet.id for _message, record in self._labelled if cell_of(record)[:2] in cells)
        known = list(dict.fromkeys(verdict.suspects))[:_TRACED]
        return known or [tweet_id for tweet_id, _times in seen.most_common(_TRACED)]

    def trace(self, tweet_id: str) -> Iterator[str]:
        """The way of one tweet through the topics, a line for each record of it."""
        origins: set[tuple[str, int, int]] = set()
        panes: set[tuple[str, int]] = set()
        for message in self._tweets:
            if message.key() == tweet_id.encode():
                origins.add(_origin(message))
                yield _place(message)
        for message, record in self._labelled:
            if record.tweet.id == tweet_id:
                origins.add(_origin(message))
                panes.add(cell_of(record)[:2])
                yield (
                    f"  {_place(message)}: {record.brand}, {record.label}, from partition {record.origin.partition} "
                    f"offset {record.origin.offset}, by {record.model.name} at {record.labeled_at:%H:%M:%S.%f}"
                )
        yield from self._pane_lines(panes)
        for message in self._windows:
            window = Window.model_validate_json(message.value() or b"")
            if (window.brand, int(window.start.timestamp())) in panes:
                what = f"revision {window.revision}, {window.status}, {window.counts.model_dump()}"
                yield f"  {_place(message)}: {window.brand} at {window.start:%H:%M}, {what}"
        for message in self._dead:
            dead = letter_of(message)
            if dead.origin in origins:
                yield f"  {_place(message)}: {dead.reason}, from {dead.origin}"

    def _pane_lines(self, panes: set[tuple[str, int]]) -> Iterator[str]:
        for message in self._panes:
            kind, *rest = orjson.loads(message.key() or b"[]")
            if kind == "pane" and tuple(rest) in panes:
                value = message.value()
                what = "removed" if value is None else str(orjson.loads(value)["counts"])
                yield f"  {_place(message)}: {rest[0]} at {rest[1]}, {what}"


def _origin(message: Message) -> tuple[str, int, int]:
    return message.topic() or "", message.partition() or 0, message.offset() or 0


def _place(message: Message) -> str:
    return f"{message.topic()}-{message.partition()} offset {message.offset()}"


def _tell(verdict: Verdict, problem: str, record: SourceRecord) -> None:
    verdict.problems.append(problem)
    if record.value is not None and record.kind != "hostile":
        verdict.suspects.append(Tweet.model_validate_json(record.value).id)
