"""What a person needs to know of an alert: what, since when, how much, why, and what to do next. Pure.

All texts here are as foreign as they came; ``render`` makes them harmless.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from stream.notify.webhook import Alert
from stream.records import EvidenceTerm, Spike, SpikeKind

Level = Literal["failure", "warning", "info", "success"]
"""As Apprise names them: how bad it is."""
NAMED_TERMS, SHOWN_TWEETS = 5, 3
MANY_COPIES = 0.3
"""From this share of copies on, a reader should know that it may be a campaign."""
DASHBOARDS = {"reputation": "barometer-brand", "pipeline": "barometer-pipeline"}
"""Uids of the Grafana dashboards that are linked to."""
_AROUND = dt.timedelta(hours=3)
_LEVELS: Mapping[str, Level] = {"critical": "failure", "warning": "warning", "info": "info"}
"""By the severity of a rule."""
_CALLED: Mapping[SpikeKind, str] = {
    "negative": "negative sentiment spike",
    "positive": "positive sentiment spike",
    "volume": "mention volume spike",
}
_STEPS: Mapping[SpikeKind, Sequence[str]] = {
    "negative": (
        "Read the tweets on the live page: is this one event, and is it about {brand}?",
        "If so, tell who speaks for {brand}: the terms above name the cause, the tweets say it in people's words.",
        "If not (another sense of the name, a campaign of copies), silence the alert and mend brands.yaml.",
    ),
    "positive": (
        "Read the tweets on the live page: what do people like, and who said it first?",
        "Tell who speaks for {brand}: thanks given while it lasts count most.",
    ),
    "volume": (
        "Look at the shares on the live page: are they for or against {brand}?",
        "Look at the terms: many copies of few texts are a campaign, not a crowd.",
    ),
}


@dataclass(frozen=True)
class Surroundings:
    """Addresses for links; an empty one gives no link."""

    page_url: str = ""
    grafana_url: str = ""
    alertmanager_url: str = ""
    docs_url: str = ""


@dataclass(frozen=True)
class Link:
    """``url`` may be no address at all: it is checked when it is rendered."""

    label: str
    url: str


@dataclass(frozen=True)
class Quote:
    """A tweet, and what is said beside it."""

    text: str
    note: str


@dataclass(frozen=True)
class Section:
    """One alert: a line that says it all, facts with their names, and what to do."""

    title: str
    headline: str
    facts: Sequence[tuple[str, str]]
    terms: Sequence[str]
    quotes: Sequence[Quote]
    steps: Sequence[str]
    links: Sequence[Link]


@dataclass(frozen=True)
class Notice:
    """One notification."""

    title: str
    level: Level
    sections: Sequence[Section]
    left_out: int = 0


def notice(alerts: Sequence[Alert], spikes: Mapping[str, Spike], around: Surroundings) -> Notice:
    """One notification of alerts that belong together; ``spikes`` by fingerprint, where there is one.

    Raises ValueError for no alerts.
    """
    if not alerts:
        raise ValueError("a notification needs an alert")
    ordered = sorted(alerts, key=lambda alert: (alert.status != "firing", alert.name))
    sections = [section(alert, spikes.get(alert.fingerprint), around) for alert in ordered[:_MOST_SECTIONS]]
    first, more = ordered[0], len(ordered) - 1
    title = sections[0].title + (f" (and {more} more)" if more else "")
    over = all(alert.status == "resolved" for alert in ordered)
    level: Level = "success" if over else _level(first)
    return Notice(title, level, sections, len(ordered) - len(sections))


_MOST_SECTIONS = 5


def section(alert: Alert, spike: Spike | None, around: Surroundings) -> Section:
    """One alert with the evidence of its spike, or with what its rule says."""
    if spike is None:
        return _of_rule(alert, around)
    over = alert.status == "resolved"
    title = f"{spike.brand}: {_CALLED[spike.kind]}"
    evidence = spike.evidence
    return Section(
        title=f"Over: {title}" if over else title,
        headline=spike.sentence,
        facts=[*_when(alert, spike), *_how_much(spike), *_who(spike)],
        terms=[_term(term) for term in evidence.terms[:NAMED_TERMS]],
        quotes=[
            Quote(
                tweet.text,
                f"{tweet.created_at:%d %b %H:%M} UTC, {tweet.label}"
                + (f", {tweet.copies} tweets say so" if tweet.copies > 1 else ""),
            )
            for tweet in evidence.tweets[:SHOWN_TWEETS]
        ],
        steps=[] if over else [step.format(brand=spike.brand) for step in _STEPS[spike.kind]],
        links=[*_links_of(spike, around), *_links(alert, around)],
    )


def _when(alert: Alert, spike: Spike) -> list[tuple[str, str]]:
    facts = [
        ("Brand", spike.brand),
        ("Began", time(spike.started_at)),
        ("Noticed", time(spike.opened_at)),
    ]
    if spike.closed_at is not None:
        ended = f"{time(spike.closed_at)}, after {_lasted(spike.closed_at - spike.started_at)}"
        facts.append(("Ended", ended + (f" ({spike.reason})" if spike.reason else "")))
    elif alert.status == "resolved":
        facts.append(("Ended", "the alert has ended, the spike has not been seen to end"))
    return facts


def _how_much(spike: Spike) -> list[tuple[str, str]]:
    share, expected, peak = (_amount(spike.kind, value) for value in (spike.share, spike.baseline, spike.peak_share))
    if spike.status == "closed":
        return [
            ("Size", f"{peak} at its peak where {expected} was expected (z {spike.peak_z:.1f}); {share} at the end")
        ]
    window = f"{time(spike.window_start)} to {spike.updated_at:%H:%M}"
    people = f" by at least {spike.authors:,} people" if spike.authors else ""
    return [
        ("Size", f"{share} where {expected} was expected (z {spike.z:.1f})"),
        ("Seen in", f"{spike.tweets:,} tweets{people}, {window}"),
    ]


def _who(spike: Spike) -> list[tuple[str, str]]:
    evidence = spike.evidence
    facts = []
    if evidence.terms:
        facts.append(("Why", f"the terms below explain {evidence.explains:.0%} of the rise"))
    if evidence.copies_share >= MANY_COPIES:
        facts.append(("Mind", f"{evidence.copies_share:.0%} of the tweets read are copies of another"))
    return facts


def _amount(kind: SpikeKind, value: float) -> str:
    return f"{value:.3g} tweets a minute" if kind == "volume" else f"{value:.0%} {kind}"


def _term(term: EvidenceTerm) -> str:
    return f"{term.term}: {term.share:.0%} of those who wrote, {term.share_before:.0%} before"


def _of_rule(alert: Alert, around: Surroundings) -> Section:
    """An alert as its rule words it."""
    said = alert.annotations
    over = alert.status == "resolved"
    title = said.get("summary") or alert.name
    labels = ", ".join(f"{name} {value}" for name, value in sorted(alert.labels.items()) if name not in _NOT_SHOWN)
    facts = [("Alert", f"{alert.name}" + (f" ({alert.severity})" if alert.severity else ""))]
    facts += [("Where", labels)] if labels else []
    facts += [("Since", time(alert.starts_at))]
    if over and alert.ends_at is not None:
        facts.append(("Ended", f"{time(alert.ends_at)}, after {_lasted(alert.ends_at - alert.starts_at)}"))
    return Section(
        title=f"Over: {title}" if over else title,
        headline=said.get("description", ""),
        facts=facts,
        terms=[],
        quotes=[],
        steps=[] if over else [said.get("next_step") or "Follow the runbook."],
        links=[*_links_of_rule(alert, around), *_links(alert, around)],
    )


_NOT_SHOWN = {"alertname", "severity", "category", "monitor"}


def _links_of(spike: Spike, around: Surroundings) -> list[Link]:
    links = []
    if around.page_url:
        links.append(Link("This spike", f"{around.page_url}/#/spike/{quote(spike.id, safe='')}"))
        links.append(Link(f"{spike.brand}, live", f"{around.page_url}/#/brand/{quote(spike.brand, safe='')}"))
    if around.grafana_url:
        asked = {
            "var-brand": spike.brand,
            "from": _milliseconds(spike.started_at - _AROUND),
            "to": _milliseconds(spike.updated_at + _AROUND),
        }
        dashboard = f"{around.grafana_url}/d/{DASHBOARDS['reputation']}?{_query(asked)}"
        links.append(Link("Dashboard", dashboard))
    return links


def _links_of_rule(alert: Alert, around: Surroundings) -> list[Link]:
    links = []
    if alert.brand and around.page_url:
        links.append(Link(f"{alert.brand}, live", f"{around.page_url}/#/brand/{quote(alert.brand, safe='')}"))
    if around.grafana_url:
        board = DASHBOARDS["reputation" if alert.brand else "pipeline"]
        asked = {"var-brand": alert.brand} if alert.brand else {}
        links.append(Link("Dashboard", f"{around.grafana_url}/d/{board}" + (f"?{_query(asked)}" if asked else "")))
    return links


def _links(alert: Alert, around: Surroundings) -> list[Link]:
    """What every alert has: its runbook, and how to make it quiet."""
    links = []
    if runbook := alert.annotations.get("runbook_url"):
        base = f"{around.docs_url}/" if around.docs_url and "://" not in runbook else ""
        links.append(Link("Runbook", base + runbook))
    if around.alertmanager_url and alert.status == "firing":
        which = {"alertname": alert.name} | ({"brand": alert.brand} if alert.brand else {})
        wanted = ",".join(f'{name}="{_in_quotes(value)}"' for name, value in which.items())
        address = f"{around.alertmanager_url}/#/silences/new?filter={quote('{' + wanted + '}', safe='')}"
        links.append(Link("Silence", address))
    return links


def _in_quotes(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _query(asked: Mapping[str, str]) -> str:
    return urlencode(asked, quote_via=quote)


def _milliseconds(at: dt.datetime) -> str:
    return str(round(at.timestamp() * 1_000))


def _level(alert: Alert) -> Level:
    return _LEVELS.get(alert.severity, "warning")


def time(at: dt.datetime) -> str:
    """A time as it is written in notifications, such as 24 Feb 2015 19:35 UTC."""
    return f"{at.astimezone(dt.UTC):%d %b %Y %H:%M} UTC"


def _lasted(span: dt.timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
