"""The topics: names, keys and settings, as the project creates and checks them."""

from __future__ import annotations

from dataclasses import dataclass

from infra.kafka.admin import TopicSpec
from infra.settings import Settings

DAY_MS = 86_400_000

_COMMON = {
    # Event times are old or odd: retention must act on the time of arrival.
    "message.timestamp.type": "LogAppendTime",
    "compression.type": "producer",
}
_COMPACT = {
    # State topics are read whole at take-over: keep them small.
    "min.cleanable.dirty.ratio": "0.1",
    "segment.ms": str(DAY_MS // 4),
    "delete.retention.ms": str(DAY_MS),
}


@dataclass(frozen=True)
class Topics:
    """Full topic names of one instance."""

    tweets: str
    labeled: str
    dead: str
    panes: str
    windows: str
    spikes: str

    @classmethod
    def of(cls, settings: Settings) -> Topics:
        prefix = settings.topic_prefix
        return cls(
            tweets=f"{prefix}tweets",
            labeled=f"{prefix}tweets.labeled",
            dead=f"{prefix}tweets.dead",
            panes=f"{prefix}reputation.panes",
            windows=f"{prefix}reputation.windows",
            spikes=f"{prefix}reputation.spikes",
        )


def topic_specs(settings: Settings) -> list[TopicSpec]:
    """Every topic with its partitions and settings, in the order of the flow."""
    topics = Topics.of(settings)

    def spec(name: str, retention_days: int | None, cleanup: str) -> TopicSpec:
        config = {**_COMMON, "cleanup.policy": cleanup}
        if "compact" in cleanup:
            config |= _COMPACT
        if "delete" in cleanup:
            config["retention.ms"] = str((retention_days or 7) * DAY_MS)
        return TopicSpec(name, settings.partitions, settings.replication_factor, config)

    return [
        spec(topics.tweets, 7, "delete"),
        spec(topics.labeled, 7, "delete"),
        spec(topics.dead, 30, "delete"),
        spec(topics.panes, None, "compact"),
        spec(topics.windows, 90, "compact,delete"),
        spec(topics.spikes, None, "compact"),
    ]
