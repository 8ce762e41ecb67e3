"""Tweets in the order in which they are counted, in bounded memory.

They are put into buckets of ten minutes as they are read; when too many are
held, all buckets are appended to a temporary file. Read back bucket by bucket,
and sorted within each, they come in event-time order. The file has no name and
is gone however the process ends.
"""

from __future__ import annotations

import marshal
import tempfile
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import IO, Any

from infra.closing import Closing
from infra.errors import BarometerError
from stream.aggregate.labelled import LabelledTweet
from stream.backtest.entry import Entry, Item
from stream.replay.options import Order

BUCKET_US = 600 * 1_000_000
BUCKET_PLACES = 20_000
HELD = 100_000
"""Tweets in memory, some 70 MB."""
_TIME = itemgetter(0)
_LABELLED = len(LabelledTweet._fields)


class Ordered(Closing):
    """Tweets of one file; equal times keep the order of the file. A context manager."""

    def __init__(self, order: Order, held: int = HELD) -> None:
        self._by_time = order == "time"
        self._most_held = held
        self._held = 0
        self._count = 0
        self._buckets: dict[int, list[Item]] = {}
        self._places: dict[int, list[tuple[int, int]]] = {}
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, items: Iterable[Item]) -> None:
        """Take the next tweets of the file. Raises BarometerError when the disk is full."""
        by_time, buckets = self._by_time, self._buckets
        for item in items:
            number = item[0] // BUCKET_US if by_time else self._count // BUCKET_PLACES
            bucket = buckets.get(number)
            if bucket is None:
                bucket = buckets[number] = []
            bucket.append(item)
            self._count += 1
            self._held += 1
            if self._held >= self._most_held:
                self._spill()

    def __iter__(self) -> Iterator[Item]:
        for number in sorted(self._places.keys() | self._buckets.keys()):
            bucket = [*self._spilt(number), *self._buckets.get(number, ())]
            if self._by_time:
                bucket.sort(key=_TIME)
            yield from bucket

    def close(self) -> None:
        self._buckets = {}
        if self._file is not None:
            self._file.close()

    def _spill(self) -> None:
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  (closed with this object)
            for number, bucket in self._buckets.items():
                rows = marshal.dumps([tuple(item) for item in bucket])
                self._places.setdefault(number, []).append((self._file.tell(), len(rows)))
                self._file.write(rows)
        except OSError as error:
            raise BarometerError(
                f"the tweets could not be sorted on disk: {error.strerror or error}; make room, or set TMPDIR to "
                "another folder"
            ) from error
        self._buckets.clear()
        self._held = 0

    def _spilt(self, number: int) -> Iterator[Item]:
        for place, length in self._places.get(number, ()):
            if self._file is not None:
                self._file.seek(place)
                rows = marshal.loads(self._file.read(length))  # noqa: S302  (written above, by this process)
                yield from map(item_of, rows)


def item_of(row: tuple[Any, ...]) -> Item:
    """The item that was made a plain tuple."""
    return LabelledTweet._make(row) if len(row) == _LABELLED else Entry._make(row)
