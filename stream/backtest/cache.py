"""Labels that were given before, on disk: what a model said of a text, it will say again.

An SQLite file in the cache folder. The key is a hash of the model's version
and of the text as the model reads it (``model.normalise``), so that retweets
with another link share a label, and a new model shares none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.closing import Closing
from infra.errors import BarometerError

FILE = "labels.sqlite"
KEY_BYTES = 16
"""Among a hundred million texts two agree with a chance of 1 in 10^22."""
_ASKED = 500
"""SQLite takes at most 999 parameters where it is old."""
_PATIENCE_S = 30


def text_key(version: str, normalised: str) -> bytes:
    """What a text is known by, for one model."""
    whole = f"{version}\0{normalised}".encode("utf-8", "surrogatepass")
    return blake2b(whole, digest_size=KEY_BYTES).digest()


class LabelCache(Closing):
    """Probabilities by key. A context manager; several processes may use one file."""

    def __init__(self, folder: Path) -> None:
        """Raises BarometerError when the file cannot be opened."""
        self.path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=_PATIENCE_S)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = OFF")  # what is lost is labelled again
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS labels (key BLOB PRIMARY KEY, probabilities BLOB NOT NULL) WITHOUT ROWID"
            )
            self._db.commit()
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def find(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Those of ``keys`` that are known, each with float32 of shape (3,)."""
        found: dict[bytes, NDArray[np.float32]] = {}
        try:
            for first in range(0, len(keys), _ASKED):
                asked = keys[first : first + _ASKED]
                marks = ",".join("?" * len(asked))
                rows = self._db.execute(f"SELECT key, probabilities FROM labels WHERE key IN ({marks})", asked)  # noqa: S608
                found.update((key, np.frombuffer(row, "<f4")) for key, row in rows if len(row) == 12)
        except sqlite3.Error as error:
            raise self._broken(error) from error
        return found

    def keep(self, labels: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Remember the probabilities of texts, by their keys."""
        rows: Iterable[tuple[bytes, bytes]] = ((key, row.astype("<f4").tobytes()) for key, row in labels.items())
        try:
            with self._db:
                self._db.executemany("INSERT OR IGNORE INTO labels VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def close(self) -> None:
        self._db.close()

    def _broken(self, error: Exception) -> BarometerError:
        return BarometerError(f"the label cache {self.path} cannot be used: {error}; remove it, or give --no-cache")
