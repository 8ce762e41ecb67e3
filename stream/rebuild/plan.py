"""From what is left of ``tweets.labeled`` to the records that set a partition right, and into Kafka.

Where these are more than one transaction should hold, the clock record goes
first and comes back last: a rebuild that is cut short leaves a state that no
worker accepts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from infra.errors import BarometerError
from infra.kafka.ledger import TopicPartition
from infra.kafka.publish import Outgoing
from infra.kafka.reading import newest_values, read_incoming, read_to_end
from infra.kafka.transactions import FencedError, fenced_producer, transact
from infra.settings import Settings
from stream.aggregate import codec
from stream.aggregate.fold import PartitionState
from stream.aggregate.store import STAGE, rules_of, transactional_id
from stream.dead import dead_letter
from stream.dead_letters.letters import settlement, uncounted
from stream.rebuild.compare import Before, Windows, in_words, same
from stream.rebuild.refold import Refolded, keep, refold, together
from stream.records import Spike, Window
from stream.topics import Topics

WRITE_TOGETHER = 5_000
"""Records in one transaction: a second or two, where Kafka allows thirty."""
Bounds = Callable[[TopicPartition], tuple[int, int]]
"""The oldest offset of a partition, and the one after its newest."""


class RebuildError(BarometerError):
    """The rebuild could not go on; run again, it begins anew."""


@dataclass
class Rebuilt:
    """One partition: what it should hold, and in what the topics differed."""

    partition: int
    begin: int
    """Oldest offset of ``tweets.labeled`` that is left; what was before it cannot be counted again."""
    state: str
    """Of the saved state: as it should be, or why not."""
    tweets: int = 0
    panes: int = 0
    windows: int = 0
    """That follow from the labelled tweets."""
    windows_written: int = 0
    """Of these, those that were missing, behind or different."""
    windows_kept: int = 0
    """That count tweets which are not in ``tweets.labeled`` any more."""
    windows_stray: int = 0
    """That no labelled tweet stands behind, though none was removed."""
    spikes_written: int = 0
    """That were missing or different."""
    letters_added: int = 0
    letters_counted: int = 0
    """Dead letters of aggregate that count now, since the settings have changed."""
    records: int = 0
    """Written, or to be written."""


class Rebuild:
    """The rebuild of the partitions of one instance. Blocking."""

    def __init__(self, settings: Settings, bounds: Bounds, *, remove_strays: bool) -> None:
        self._settings = settings
        self._topics = Topics.of(settings)
        self._rules = rules_of(settings)
        self._bounds = bounds
        self._remove_strays = remove_strays
        self._letters = uncounted(settings)

    def look(self, partition: int) -> Rebuilt:
        """What ``run`` would do to a partition; changes nothing."""
        return self._plan(partition)[0]

    def run(self, partition: int) -> Rebuilt:
        """Make the state and the windows of a partition again.

        Raises RebuildError when a worker takes the partition over meanwhile,
        KafkaException and KafkaUnavailableError.
        """
        producer = fenced_producer(self._settings, transactional_id(self._settings, partition))
        told, records = self._plan(partition)
        try:
            for piece in pieces(records, self._topics.panes, partition):
                transact(producer, piece)
        except FencedError as error:
            raise RebuildError(
                f"a worker has taken {self._topics.labeled}-{partition} over; stop the workers and run it again"
            ) from error
        return told

    def _plan(self, partition: int) -> tuple[Rebuilt, list[Outgoing]]:
        begin, _end = self._bounds(TopicPartition(self._topics.labeled, partition))
        windows = Windows(shortened=begin > 0)
        for message in read_to_end(self._settings, self._topics.windows, partition):
            windows.add(message.key() or b"", message.value())
        before = Before.read(newest_values(self._settings, self._topics.panes, partition))
        letters = self._letters.get(partition, {})
        done = refold(
            read_incoming(self._settings, self._topics.labeled, partition),
            begin,
            self._rules,
            windows,
            before,
            letters.keys(),
        )
        if windows.shortened:
            windows.keep_the_rest()
            keep(done.state, self._windows(partition, windows.kept), self._rules)
        saved = done.saved()
        told = Rebuilt(partition, begin, before.state, tweets=done.tweets, panes=saved.totals.panes)
        told.windows = windows.same + len(windows.wrong)
        told.windows_written = len(windows.wrong)
        told.windows_kept = len(windows.kept)
        told.windows_stray = len(windows.left)
        records = [
            *self._window_records(partition, windows),
            *self._spike_records(done.spikes, told),
            *self._dead(begin, done, letters, told),
            *self._state_records(partition, saved, before, told),
        ]
        told.records = len(records)
        return told, records

    def _window_records(self, partition: int, windows: Windows) -> Iterator[Outgoing]:
        for key, value in windows.wrong.items():
            yield Outgoing(self._topics.windows, key, value, partition=partition)
        if self._remove_strays:
            for key in windows.left:
                yield Outgoing(self._topics.windows, key, None, partition=partition)

    def _spike_records(self, spikes: dict[str, Spike], told: Rebuilt) -> Iterator[Outgoing]:
        known = {}
        for message in read_to_end(self._settings, self._topics.spikes) if spikes else ():
            known[message.key()] = message.value()
        for spike_id, spike in spikes.items():
            if known.get(spike_id.encode()) != spike.encode():
                told.spikes_written += 1
                yield Outgoing(self._topics.spikes, spike_id.encode(), spike.encode())

    def _dead(self, begin: int, done: Refolded, letters: dict[int, str], told: Rebuilt) -> Iterator[Outgoing]:
        """Dead letters that are not there yet; and word of those that count now."""
        topic, now = self._topics.dead, dt.datetime.now(dt.UTC)
        for record, reason, message in done.dead:
            if record.offset not in letters:
                told.letters_added += 1
                yield dead_letter(topic, record, stage=STAGE, reason=reason, message=message, died_at=now)
        still_dead = {record.offset for record, _reason, _message in done.dead}
        for offset, letter_id in letters.items():
            if offset >= begin and offset not in still_dead:
                told.letters_counted += 1
                yield settlement(topic, letter_id, "counted", now)

    def _state_records(self, partition: int, saved: codec.Saved, before: Before, told: Rebuilt) -> Iterator[Outgoing]:
        """What differs, the clock last; nothing when the state is as it should be."""
        if before.saved is not None:
            if same(before.saved, saved):
                return
            told.state = in_words(before.saved.state, saved.state)
        elif not before.values:
            if saved.state == PartitionState():
                return  # nothing was ever labelled
            told.state = "missing"
        wanted = {record.key: record for record in codec.encode_all(saved, self._topics.panes, partition)}
        clock = wanted.pop(codec.CLOCK_KEY)
        for key in before.values.keys() - wanted.keys() - {codec.CLOCK_KEY}:
            yield Outgoing(self._topics.panes, key, None, partition=partition)
        for record in wanted.values():
            if before.values.get(record.key or b"") != record.value:
                yield record
        yield clock

    def _windows(self, partition: int, keys: set[bytes]) -> Iterable[Window]:
        newest: dict[bytes, Window] = {}
        for message in read_to_end(self._settings, self._topics.windows, partition) if keys else ():
            key, value = message.key() or b"", message.value()
            if key in keys and value is not None:
                newest[key] = Window.model_validate_json(value)
        return newest.values()


def pieces(records: Sequence[Outgoing], panes: str, partition: int) -> Iterator[Sequence[Outgoing]]:
    """Transactions. Until the last of several is done, the state has no clock, so that nobody takes it for whole."""
    if len(records) > WRITE_TOGETHER and records[-1].key == codec.CLOCK_KEY:
        yield [Outgoing(panes, codec.CLOCK_KEY, None, partition=partition)]
    yield from together(iter(records), WRITE_TOGETHER)
