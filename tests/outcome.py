"""What the topics say came of the tweets, counted independently of the code under test."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from infra.kafka.clients import reader_config
from infra.settings import Settings
from stream.records import PANE_S, TYPE_HEADER, DeadHeaders, LabeledTweet, Window
from stream.topics import Topics

Cell = tuple[str, int, str]
"""Brand, start of the minute in seconds since 1970, label."""
Pair = tuple[str, str]
"""Tweet id and brand."""
Place = tuple[int, int]
"""Partition and offset."""
_ASK_S = 10.0
_WAIT_S = 0.05
_TOGETHER = 5_000


class KafkaAwayError(Exception):
    """Kafka did not answer in time; what was read so far stays read."""


class Follower:
    """Reads topics on from where it stopped. A context manager; for one thread."""

    def __init__(self, settings: Settings, topics: Sequence[str], *, isolation: str = "read_committed") -> None:
        wanted = {"isolation.level": isolation, "enable.partition.eof": True, "fetch.wait.max.ms": 20, "log_level": 0}
        # Where a broker's restart has changed its epoch, librdkafka asks again only when it has forgotten the old one.
        forgetful = {"topic.metadata.refresh.interval.ms": 5_000, "metadata.max.age.ms": 5_000}
        self._consumer = Consumer(reader_config(settings, **wanted, **forgetful))
        self._reached = {(topic, number): 0 for topic in topics for number in range(settings.partitions)}
        self._consumer.assign([KafkaPartition(*tp, OFFSET_BEGINNING) for tp in self._reached])

    def more(self, patience_s: float = 60) -> Iterator[Message]:
        """Records up to where the topics ended when this was called. Raises KafkaAwayError."""
        deadline = time.monotonic() + patience_s
        ends = self._ends_by(deadline)
        while any(self._reached[tp] < end for tp, end in ends.items()):
            if time.monotonic() > deadline:
                raise KafkaAwayError(f"Kafka gave no more records within {patience_s} s")
            for message in self._consumer.consume(_TOGETHER, timeout=_WAIT_S):
                if (error := message.error()) is None:
                    self._reached[message.topic() or "", message.partition() or 0] = (message.offset() or 0) + 1
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    self._reached[message.topic() or "", message.partition() or 0] = message.offset() or 0

    def close(self) -> None:
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _ends_by(self, deadline: float) -> dict[tuple[str, int], int]:
        while True:
            try:
                return self._ends()
            except KafkaAwayError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_WAIT_S)

    def _ends(self) -> dict[tuple[str, int], int]:
        # Not AdminClient.list_offsets: when a broker dies, librdkafka's admin requests can abort this process.
        asked = [KafkaPartition(*tp, OFFSET_END) for tp in self._reached]
        try:
            found = self._consumer.offsets_for_times(asked, timeout=_ASK_S)
        except KafkaException as error:
            raise KafkaAwayError(str(error)) from error
        if failed := [tp.error for tp in found if tp.error is not None]:
            raise KafkaAwayError(str(failed[0]))
        return {(tp.topic, tp.partition): tp.offset for tp in found}


class DeadLetter(NamedTuple):
    """``origin``: topic, partition and offset of what died."""

    reason: str
    origin: tuple[str, int, int]
    value: bytes | None


@dataclass
class Outcome:
    """What the topics say so far."""

    pairs: set[Pair] = field(default_factory=set)
    sources: set[Place] = field(default_factory=set)
    labelled: Counter[Cell] = field(default_factory=Counter)
    """Counted here, from the first record of each id and brand in ``tweets.labeled``."""
    letters: dict[bytes, DeadLetter] = field(default_factory=dict)
    windows: dict[tuple[str, int], Window] = field(default_factory=dict)

    @property
    def dead(self) -> Counter[str]:
        """Dead letters by reason."""
        return Counter(letter.reason for letter in self.letters.values())

    @property
    def late(self) -> dict[bytes, LabeledTweet]:
        """What was too late to be counted, by the key of its dead letter."""
        return {
            key: LabeledTweet.model_validate_json(letter.value or b"")
            for key, letter in self.letters.items()
            if letter.reason == "late"
        }

    @property
    def counted(self) -> Counter[Cell]:
        """What the newest windows say."""
        cells: Counter[Cell] = Counter()
        for (brand, start), window in self.windows.items():
            for label, count in window.counts.model_dump().items():
                if count:
                    cells[brand, start, label] = count
        return cells

    @property
    def all_closed(self) -> bool:
        return all(window.status == "closed" for window in self.windows.values())

    def difference(self) -> dict[Cell, tuple[int, int]]:
        """Cells in which windows and labelled tweets disagree: (windows say, labelled tweets say)."""
        counted, labelled = self.counted, self.labelled - Counter(cell_of(tweet) for tweet in self.late.values())
        return {
            cell: (counted[cell], labelled[cell])
            for cell in counted.keys() | labelled.keys()
            if counted[cell] != labelled[cell]
        }

    def take_in(self, message: Message, topics: Topics) -> None:
        """One record of ``tweets.labeled``, ``tweets.dead`` or ``reputation.windows``."""
        value = message.value() or b""
        if message.topic() == topics.windows:
            window = Window.model_validate_json(value)
            self.windows[window.brand, int(window.start.timestamp())] = window
        elif message.topic() == topics.dead:
            self.letters[message.key() or b""] = letter_of(message)
        elif TYPE_HEADER not in dict(message.headers() or []):
            record = LabeledTweet.model_validate_json(value)
            self.sources.add((record.origin.partition, record.origin.offset))
            if (record.tweet.id, record.brand) not in self.pairs:
                self.pairs.add((record.tweet.id, record.brand))
                self.labelled[cell_of(record)] += 1


class Observer(Follower):
    """Keeps an Outcome up to date."""

    def __init__(self, settings: Settings) -> None:
        self._topics = Topics.of(settings)
        super().__init__(settings, (self._topics.labeled, self._topics.dead, self._topics.windows))
        self._outcome = Outcome()

    def look(self) -> Outcome:
        """The outcome as of now; the same object each time."""
        for message in self.more():
            self._outcome.take_in(message, self._topics)
        return self._outcome


def cell_of(record: LabeledTweet) -> Cell:
    """Where a labelled tweet is counted."""
    return record.brand, int(record.tweet.created_at.timestamp()) // PANE_S * PANE_S, record.label


def letter_of(message: Message) -> DeadLetter:
    """A record of ``tweets.dead``."""
    headers = {str(header[0]): header[1] for header in message.headers() or []}

    def text(name: str) -> str:
        value = headers[name]
        return value.decode() if isinstance(value, bytes) else str(value)

    place = (int(text(DeadHeaders.ORIGIN_PARTITION)), int(text(DeadHeaders.ORIGIN_OFFSET)))
    return DeadLetter(text(DeadHeaders.REASON), (text(DeadHeaders.ORIGIN_TOPIC), *place), message.value())
