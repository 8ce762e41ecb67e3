"""How far every partition has been read, as one line of text: the id of an event.

Positions are those of the topics, so that any replica understands the id that
another one gave. Such as ``w0-17.1-4s0-2``: windows and spikes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

Kind = Literal["window", "spike", "tweet"]
Partition = tuple[Kind, int]
"""Kind of what is on a topic, and the number of one of its partitions."""
Positions = Mapping[Partition, int]
"""The offset of the next record of each partition."""
_LETTERS: dict[Kind, str] = {"window": "w", "spike": "s", "tweet": "t"}
_KINDS: dict[str, Kind] = {letter: kind for kind, letter in _LETTERS.items()}
_SHAPE = re.compile(r"(?:[wst]\d{1,4}-\d{1,19}(?:\.\d{1,4}-\d{1,19})*)*", re.ASCII)
_GROUP = re.compile(r"([wst])([^wst]*)")
MOST_CHARS = 64_000


def encode(positions: Positions) -> str:
    """Such as ``w0-17.1-4s0-2``; empty for no positions."""
    parts = []
    for kind, letter in _LETTERS.items():
        own = sorted((number, offset) for (of, number), offset in positions.items() if of == kind)
        if own:
            parts.append(letter + ".".join(f"{number}-{offset}" for number, offset in own))
    return "".join(parts)


def decode(text: str) -> dict[Partition, int]:
    """What ``encode`` was given. Raises ValueError for anything else."""
    if len(text) > MOST_CHARS or not _SHAPE.fullmatch(text):
        raise ValueError("no event id of this API")
    found: dict[Partition, int] = {}
    for letter, pairs in _GROUP.findall(text):
        for pair in filter(None, pairs.split(".")):
            number, _dash, offset = pair.partition("-")
            found[_KINDS[letter], int(number)] = int(offset)
    return found
