"""The topics: names, keys and settings, as the project creates and checks them."""

from __future__ import annotations

from dataclasses import dataclass

from infra.kafka.admin import TopicSpec
from infra.settings import Settings

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MIB = 1_048_576

TWEET_MAX_BYTES = MIB
"""Largest record (strictly: record batch) on the topics of the flow."""
DERIVED_MAX_BYTES = 4 * MIB
"""JSON can grow fourfold when it is written again (``1e15`` has 4 characters or 18): whatever fitted in ``tweets``
fits here with a label, also where our producer cannot compress it."""
DEAD_MAX_BYTES = 64 * MIB
"""Room for originals that their producer had packed, unpacked, with their headers; see ``dead.MAX_WHOLE_BYTES``."""

_COMMON = {
    # Event times are old or odd: retention must act on the time of arrival.
    "message.timestamp.type": "LogAppendTime",
    "compression.type": "producer",
}
_DELETE = {"cleanup.policy": "delete"}
_COMPACT = {
    # The active segment is never compacted, so it is small.
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(64 * MIB),
    "segment.ms": str(DAY_MS // 4),
    "delete.retention.ms": str(DAY_MS),
}
_STATE = {
    **_COMPACT,
    # Read whole at every take-over: what is not compacted yet, the active segment above all, costs time there.
    "segment.bytes": str(16 * MIB),
    # For as long as a removal stays, it is read too; the only readers that need it are those who are reading now.
    "delete.retention.ms": str(HOUR_MS),
}
_COMPACT_DELETE = {**_COMPACT, "cleanup.policy": "compact,delete"}


@dataclass(frozen=True)
class Topics:
    """Full topic names of one instance."""

    tweets: str
    labeled: str
    dead: str
    panes: str
    windows: str
    spikes: str
    notifications: str

    @classmethod
    def of(cls, settings: Settings) -> Topics:
        """The names under the prefix of ``settings``."""
        prefix = settings.topic_prefix
        return cls(
            tweets=f"{prefix}tweets",
            labeled=f"{prefix}tweets.labeled",
            dead=f"{prefix}tweets.dead",
            panes=f"{prefix}reputation.panes",
            windows=f"{prefix}reputation.windows",
            spikes=f"{prefix}reputation.spikes",
            notifications=f"{prefix}notifications.sent",
        )


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """The topics of the flow with their partitions and settings, in its order."""
    return _specs(settings)[:-1]


def all_topic_specs(settings: Settings) -> list[TopicSpec]:
    """Every topic: those of the flow, and what ``barometer notify`` remembers, which no worker needs."""
    return _specs(settings)


def _specs(settings: Settings) -> list[TopicSpec]:
    topics = Topics.of(settings)
    # What a producer was told is written must outlive the loss of one broker, where there are brokers to spare.
    copies = {"min.insync.replicas": "2" if settings.replication_factor >= 3 else "1"}

    def spec(name: str, cleanup: dict[str, str], retention_days: int | None, max_bytes: int) -> TopicSpec:
        config = {**_COMMON, **copies, **cleanup, "max.message.bytes": str(max_bytes)}
        if retention_days is not None:
            config["retention.ms"] = str(retention_days * DAY_MS)
        return TopicSpec(name, settings.partitions, settings.replication_factor, config)

    return [
        spec(topics.tweets, _DELETE, 7, TWEET_MAX_BYTES),
        spec(topics.labeled, _DELETE, 7, DERIVED_MAX_BYTES),
        spec(topics.dead, _DELETE, 30, DEAD_MAX_BYTES),
        spec(topics.panes, _STATE, None, TWEET_MAX_BYTES),
        spec(topics.windows, _COMPACT_DELETE, 90, TWEET_MAX_BYTES),
        spec(topics.spikes, _COMPACT, None, TWEET_MAX_BYTES),
        spec(topics.notifications, _COMPACT_DELETE, 90, TWEET_MAX_BYTES),
    ]
