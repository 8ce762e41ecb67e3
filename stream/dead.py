"""Dead letters: the untouched original, with what happened to it in the headers."""

from __future__ import annotations

import datetime as dt

from infra.kafka.incoming import Incoming
from infra.kafka.publish import Outgoing
from stream.records import DeadHeaders

MAX_MESSAGE_CHARS = 500


def dead_letter(
    topic: str, record: Incoming, *, stage: str, reason: str, message: str, died_at: dt.datetime
) -> Outgoing:
    """The record for ``topic`` (tweets.dead) that says why ``record`` could not go on.

    Its key is the origin, so a redelivered record dies at the same place.
    """
    headers = [
        (DeadHeaders.STAGE, stage.encode()),
        (DeadHeaders.REASON, reason.encode()),
        (DeadHeaders.MESSAGE, message[:MAX_MESSAGE_CHARS].encode("utf-8", "replace")),
        (DeadHeaders.ORIGIN_TOPIC, record.tp.topic.encode()),
        (DeadHeaders.ORIGIN_PARTITION, str(record.tp.partition).encode()),
        (DeadHeaders.ORIGIN_OFFSET, str(record.offset).encode()),
        (DeadHeaders.ORIGIN_TIMESTAMP, str(record.timestamp_ms).encode()),
        (DeadHeaders.DIED_AT, died_at.isoformat().encode()),
    ]
    if record.key is not None:
        headers.append((DeadHeaders.ORIGINAL_KEY, record.key))
    key = f"{record.tp.topic}-{record.tp.partition}-{record.offset}".encode()
    return Outgoing(topic, key, record.value, headers)
