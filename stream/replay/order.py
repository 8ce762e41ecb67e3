"""Event-time order on disk: SQLite sorts, so that memory does not grow with the file.

The database is temporary and has no name: SQLite puts it into its temporary
folder (``SQLITE_TMPDIR``, else ``TMPDIR``, else /var/tmp or /tmp) only when it
outgrows the cache, and it is gone however the process ends. It takes about as
much room as the file does unpacked.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from infra.closing import Closing
from infra.errors import BarometerError
from stream.replay.options import Order
from stream.replay.rows import Decoded

CACHE_BYTES = 64 << 20
_IN_ORDER = {
    "time": "SELECT time_us, id, value, repaired FROM tweets ORDER BY time_us, place",
    "file": "SELECT time_us, id, value, repaired FROM tweets ORDER BY place",
}
_BEYOND_LIMIT = {
    "time": "SELECT place FROM tweets ORDER BY time_us, place LIMIT -1 OFFSET ?",
    "file": "SELECT place FROM tweets ORDER BY place LIMIT -1 OFFSET ?",
}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)


class SpooledTweet(NamedTuple):
    """A tweet in its turn: event time in µs since 1970, id, encoded tweet, whether its time is from its id."""

    time_us: int
    id: str
    value: bytes
    repaired: bool


class Spool(Closing):
    """Tweets of one file, in order, as often as wanted. Of the thread that made it; a context manager.

    Equal times keep the order of the file.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE_BYTES >> 10}"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute(
            "CREATE TABLE tweets (place INTEGER PRIMARY KEY, time_us INTEGER NOT NULL, id TEXT NOT NULL, "
            "value BLOB NOT NULL, repaired INTEGER NOT NULL)"
        )

    def fill(self, tweets: Iterable[Decoded], limit: int | None) -> None:
        """Take the tweets of a file, then keep the first ``limit`` in order.

        Raises BarometerError when the disk is full.
        """
        rows = ((as_microseconds(item.tweet.created_at), item.tweet.id, item.value, item.repaired) for item in tweets)
        try:
            self._db.execute("BEGIN")
            self._db.executemany("INSERT INTO tweets (time_us, id, value, repaired) VALUES (?, ?, ?, ?)", rows)
            self._db.execute("CREATE INDEX by_time ON tweets (time_us)")  # with the place, as every index here
            if limit is not None:
                self._db.execute(
                    f"DELETE FROM tweets WHERE place IN ({_BEYOND_LIMIT[self._order]})",  # noqa: S608  (ours)
                    (limit,),
                )
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise BarometerError(
                f"the tweets could not be sorted on disk: {error}; make room, or set SQLITE_TMPDIR to another folder"
            ) from error

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM tweets").fetchone()[0])

    def __iter__(self) -> Iterator[SpooledTweet]:
        return map(SpooledTweet._make, self._db.execute(_IN_ORDER[self._order]))

    def times_us(self) -> tuple[int, int, int]:
        """Event times in µs since 1970: of the first tweet in order, the earliest, the latest.

        Raises ValueError when there are no tweets.
        """
        first = next(iter(self), None)
        if first is None:
            raise ValueError("no tweets, no times")
        earliest, latest = self._db.execute("SELECT min(time_us), max(time_us) FROM tweets").fetchone()
        return first.time_us, earliest, latest

    def holds(self, tweets: Iterable[tuple[str, int]]) -> int:
        """How many of these are among the tweets, each an id and an event time in µs since 1970."""
        self._db.execute("CREATE TEMP TABLE wanted (id TEXT, time_us INTEGER, PRIMARY KEY (id, time_us))")
        self._db.executemany("INSERT OR IGNORE INTO wanted VALUES (?, ?)", tweets)
        found = self._db.execute(
            "SELECT count(*) FROM wanted WHERE EXISTS "
            "(SELECT 1 FROM tweets WHERE tweets.time_us = wanted.time_us AND tweets.id = wanted.id)"
        )
        count = int(found.fetchone()[0])
        self._db.execute("DROP TABLE wanted")
        return count

    def close(self) -> None:
        self._db.close()


def as_microseconds(time: dt.datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (time - _EPOCH) // _MICROSECOND


def as_time(microseconds: int) -> dt.datetime:
    """The inverse of ``as_microseconds``, in UTC."""
    return _EPOCH + dt.timedelta(microseconds=microseconds)
