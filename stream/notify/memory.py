"""What was told to whom: the records of ``notifications.sent``, and the table that they make. Pure.

One record for each alert, its beginning or its end, and target. It is
``queued`` before Alertmanager hears yes, with all that is needed to send it
after a restart, and ``sent`` or ``abandoned`` afterwards. Alerts that are told
in one message share its ``message`` id.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import orjson
from pydantic import Field

from stream.fields import UtcTime
from stream.notify.webhook import Alert, Post, moment
from stream.records import Record

FORGET_AFTER_S = 90 * 86_400
"""As the topic's retention: an alert that starts is new after this time."""
_MANY = 10_000


class Key(NamedTuple):
    """What is told once: this alert, since then, began or ended, to this target."""

    fingerprint: str
    starts_at: str
    status: str
    target: str

    def encode(self) -> bytes:
        return orjson.dumps(list(self))


class Told(Record):
    """``notifications.sent``, key: fingerprint, start, status, target."""

    state: Literal["queued", "sent", "abandoned"]
    target: str = Field(description="which target, without its secrets")
    receiver: str
    message: str = Field(description="the same for alerts that are told together")
    alert: Alert
    external_url: str = ""
    queued_at: UtcTime
    updated_at: UtcTime
    spike: str | None = Field(default=None, description="id of the spike that was told with it")

    @property
    def key(self) -> Key:
        return key_of(self.alert, self.target)


@dataclass(frozen=True)
class Message:
    """What goes to one target at once."""

    id: str
    target: str
    queued_at: dt.datetime
    told: tuple[Told, ...]


def key_of(alert: Alert, target: str) -> Key:
    """Under what it is remembered that ``target`` was told of ``alert``."""
    return Key(alert.fingerprint, moment(alert.starts_at), alert.status, target)


@dataclass
class Memory:
    """The newest record of each key."""

    _records: dict[Key, Told] = field(default_factory=dict)

    def take(self, told: Iterable[Told]) -> None:
        """These are in Kafka now."""
        for one in told:
            self._records[one.key] = one

    def news(self, post: Post, targets: Iterable[str], now: dt.datetime) -> list[Told]:
        """What of a call has not been told to these targets nor is about to be: to be queued. Changes nothing."""
        found: list[Told] = []
        for target in targets:
            alerts = [alert for alert in post.alerts if key_of(alert, target) not in self._records]
            if not alerts:
                continue
            names = sorted("/".join(key_of(alert, target)) for alert in alerts)
            message = str(uuid5(NAMESPACE_URL, "barometer:" + "\n".join(names)))
            found += [
                Told(
                    state="queued",
                    target=target,
                    receiver=post.receiver,
                    message=message,
                    alert=alert,
                    external_url=post.external_url,
                    queued_at=now,
                    updated_at=now,
                )
                for alert in {key_of(alert, target): alert for alert in alerts}.values()
            ]
        return found

    def queued(self) -> list[Message]:
        """What is still to be sent, the oldest first."""
        together: dict[str, list[Told]] = {}
        for told in self._records.values():
            if told.state == "queued":
                together.setdefault(told.message, []).append(told)
        messages = [Message(name, told[0].target, told[0].queued_at, tuple(told)) for name, told in together.items()]
        return sorted(messages, key=lambda message: message.queued_at)

    def spike_of(self, alert: Alert) -> str | None:
        """The spike that was told when this alert began, to whatever target."""
        start = moment(alert.starts_at)
        for key, told in reversed(self._records.items()):
            if told.spike and key.fingerprint == alert.fingerprint and key.starts_at == start:
                return told.spike
        return None

    def forget(self, now: dt.datetime) -> None:
        """Drop what is as old as Kafka keeps it, once there is much."""
        if len(self._records) > _MANY:
            since = now - dt.timedelta(seconds=FORGET_AFTER_S)
            self._records = {
                key: told for key, told in self._records.items() if told.state == "queued" or told.updated_at > since
            }


def settled(
    message: Message, state: Literal["sent", "abandoned"], spikes: Mapping[str, str], now: dt.datetime
) -> list[Told]:
    """The records that say what became of a message; ``spikes`` by fingerprint."""
    return [
        told.model_copy(
            update={"state": state, "updated_at": now, "spike": spikes.get(told.alert.fingerprint, told.spike)}
        )
        for told in message.told
    ]
