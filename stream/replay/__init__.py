"""Replay: a file of tweets becomes records on ``tweets``, in event-time order, at a chosen pace.

``source`` opens a file and gives its tweets, without Kafka; ``run`` publishes
them. From the bytes upwards:

    detect   compression, format, encoding, digest      readers  rows with their line numbers
    dialect  delimiter, quoting, header                 twitter  the shapes of Twitter's APIs
    columns  which column is the text, the time, ...    rows     a row becomes a tweet, or a reason
    order    event-time order, on disk                  pace     when each is due, and what time it bears
    history  what the topic holds already               publish  confirmed by the broker, then the end marker
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream.replay.options import Rejected, ReplayOptions, ReplayProgress, ReplayResult
    from stream.replay.run import replay_file
    from stream.replay.source import Source, open_source, read_tweets

__all__ = [
    "Rejected",
    "ReplayOptions",
    "ReplayProgress",
    "ReplayResult",
    "Source",
    "open_source",
    "read_tweets",
    "replay_file",
]

_HOMES = {
    "Rejected": "stream.replay.options",
    "ReplayOptions": "stream.replay.options",
    "ReplayProgress": "stream.replay.options",
    "ReplayResult": "stream.replay.options",
    "Source": "stream.replay.source",
    "open_source": "stream.replay.source",
    "read_tweets": "stream.replay.source",
    "replay_file": "stream.replay.run",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: the command line must not load Kafka to print its help."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)
