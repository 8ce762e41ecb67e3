"""A file of tweets in which something happens, for backtests. ``FixedClassifier`` labels it as is wanted here."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import orjson

from model.labels import LABELS
from tests.fixed_worker import label_of

ZERO = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)
HOUR = 3_600
CRISIS = (int(3.5 * HOUR), 4 * HOUR)
"""Acme's: most of what is said then is negative. Bolt's begins at its end, and nobody speaks of Bolt after it."""
SILENCE = (int(4.5 * HOUR), 13 * HOUR)
END = 14 * HOUR
WORDS = ["sun", "rain", "cloud", "train", "bus", "market", "garden", "window", "coffee", "music", "river", "paper"]


def text_with(label: int, words: str) -> str:
    """``words`` with a number after them that makes it a text of this label."""
    return next(text for number in count() if label_of(text := f"{words} {number}") == label)


def rows(seed: int = 1, *, per_minute: int = 4) -> Iterator[dict[str, Any]]:
    """Fourteen hours of three brands in event-time order, some tweets twice, some about two brands."""
    rng = random.Random(seed)
    for number in range(END * per_minute // 60):
        second = number * 60 // per_minute
        for brand in ("Acme", "Bolt", "Calm"):
            if brand == "Bolt" and second >= SILENCE[0] + 1_200:
                continue
            if SILENCE[0] + 1_200 <= second < SILENCE[1] and (brand != "Calm" or number % 4):
                continue
            begin, end = CRISIS if brand == "Acme" else (SILENCE[0], END)
            sour = brand != "Calm" and begin <= second < end
            label = 0 if rng.random() < (0.8 if sour else 0.2) else rng.choice((1, 2))
            words = " ".join(rng.sample(WORDS, 3))
            row = {
                "id": f"{brand[0]}{number}",
                "text": text_with(label, f"flight cancelled {words}" if sour and label == 0 else words),
                "created_at": (ZERO + dt.timedelta(seconds=second, milliseconds=rng.randrange(1_000))).isoformat(),
                "author": f"person{rng.randrange(3_000)}" if rng.random() < 0.95 else None,
                "brands": [brand, "Both"] if rng.random() < 0.05 else [brand],
                "lang": "en",
            }
            for _ in range(2 if rng.random() < 0.02 else 1):
                yield row


def write_tweets(path: Path, seed: int = 1, *, shuffled: bool = True) -> int:
    """Write the rows, shuffled, with three that are no tweets; how many rows there are."""
    lines = [orjson.dumps(row) for row in rows(seed)]
    broken = [b"{", b'{"id": "x", "text": "no time", "created_at": "soon"}', b'{"id": "y", "created_at": "2024-05-01"}']
    lines += broken
    if shuffled:
        random.Random(seed).shuffle(lines)
    path.write_bytes(b"\n".join(lines) + b"\n")
    return len(lines)


def write_labelled(path: Path, seed: int = 1) -> None:
    """The same tweets with their labels in a column."""
    lines = [orjson.dumps({**row, "mood": LABELS[label_of(row["text"])]}) for row in rows(seed)]
    path.write_bytes(b"\n".join(lines) + b"\n")
