"""Alertmanager's webhook in, notifications with their evidence out.

    Alertmanager ──► app ──► outbox ──► sender ──► targets (Slack, e-mail, ...)
                              │           └─ notice: alert + spike + plot, then render
                              └─ notifications.sent: what is to be sent, and what was

``webhook`` is what Alertmanager says, ``notice`` what a person needs to know,
``render`` writes that for a target, ``memory`` knows what was told. A
notification is in Kafka before Alertmanager hears yes, and again when its
target has taken it.
"""
