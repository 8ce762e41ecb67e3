"""Topics as the project wants them: created once, checked at every start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TopicSpec:
    """What a topic must be."""

    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]
