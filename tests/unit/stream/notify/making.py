"""Alerts and messages for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from stream.notify.webhook import Alert, Post

AT = dt.datetime(2024, 5, 1, 14, 0, tzinfo=dt.UTC)


def make_alert(fingerprint: str = "f1", status: str = "firing", **changes: Any) -> Alert:
    labels = {"alertname": "NegativeSentimentSpike", "brand": "Acme", "kind": "negative", "severity": "critical"}
    given = {
        "status": status,
        "labels": {**labels, **changes.pop("labels", {})},
        "annotations": {"summary": "Acme: unusually many negative tweets", "runbook_url": "docs/runbooks/x.md"},
        "startsAt": AT.isoformat(),
        "endsAt": (AT + dt.timedelta(minutes=90)).isoformat() if status == "resolved" else "0001-01-01T00:00:00Z",
        "fingerprint": fingerprint,
        **changes,
    }
    return Alert.model_validate(given)


def make_post(*alerts: Alert, receiver: str = "reputation") -> Post:
    return Post(version="4", receiver=receiver, alerts=list(alerts), externalURL="http://alertmanager:9093")
