"""What Alertmanager posts to a webhook (version 4), as far as it is used here.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from stream.fields import UtcTime

MOST_CHARS = 4_000
Value = Annotated[str, BeforeValidator(lambda value: value[:MOST_CHARS] if isinstance(value, str) else value)]
"""Longer ones are cut: an alert must not be lost because its description is long."""
Status = Literal["firing", "resolved"]
REPUTATION_KINDS = {"negative", "positive", "volume"}
"""Values of the label ``kind`` of alerts about a spike."""


class Alert(BaseModel):
    """One alert. ``ends_at`` is only true once it is resolved."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    status: Status
    labels: dict[str, Value] = Field(max_length=64)
    annotations: dict[str, Value] = Field(default_factory=dict, max_length=64)
    starts_at: UtcTime = Field(alias="startsAt")
    ends_at: UtcTime | None = Field(default=None, alias="endsAt")
    generator_url: Value = Field(default="", alias="generatorURL")
    fingerprint: Annotated[str, StringConstraints(min_length=1, max_length=100)]

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "alert")

    @property
    def severity(self) -> str:
        return self.labels.get("severity", "")

    @property
    def brand(self) -> str:
        return self.labels.get("brand", "")

    @property
    def kind(self) -> str:
        """Of the spike that this is about; empty for other alerts."""
        kind = self.labels.get("kind", "")
        return kind if self.brand and kind in REPUTATION_KINDS else ""


class Post(BaseModel):
    """One call of the webhook: the alerts of a group, those that fire and those that ended since the last call."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    version: Literal["4"]
    receiver: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    external_url: Value = Field(default="", alias="externalURL")
    truncated: int = Field(default=0, ge=0, alias="truncatedAlerts", description="alerts that were left out")
    alerts: list[Alert] = Field(min_length=1, max_length=1_000)


def moment(time: dt.datetime) -> str:
    """A time for keys, always written the same."""
    return time.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
