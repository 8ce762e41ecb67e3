"""``barometer notify --test``: a notification about a brand that does not exist, to see that targets are right."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from infra.settings import Settings
from stream.notify.evidence import Minute
from stream.notify.notice import Notice, Surroundings, notice
from stream.notify.plot import png
from stream.notify.targets import SendError, load_targets
from stream.notify.webhook import Alert
from stream.records import Evidence, EvidenceTerm, EvidenceTweet, Spike

BRAND = "Example Air (test)"


def send_sample(settings: Settings, say: Callable[[str], None]) -> bool:
    """Send it to every target, and say of each whether it was taken. True when all took it."""
    spike = sample_spike()
    letter, plot = sample_notice(settings, spike), png(spike, sample_minutes(spike))
    well = True
    for target in load_targets(settings):
        receivers = f" (receivers {', '.join(sorted(target.receivers))})" if target.receivers else ""
        try:
            target.send(letter, plot)
            say(f"took it     {target.name}, as {target.form}{receivers}")
        except SendError:
            say(f"did not     {target.name}, as {target.form}{receivers}: the log above says why")
            well = False
    return well


def sample_notice(settings: Settings, spike: Spike) -> Notice:
    """What a real alert about ``spike`` would say."""
    alert = Alert(
        status="firing",
        labels={"alertname": "NegativeSentimentSpike", "brand": spike.brand, "kind": "negative", "severity": "info"},
        startsAt=spike.opened_at,
        fingerprint="test",
    )
    around = Surroundings(settings.page_url, settings.grafana_url, "", settings.docs_url)
    return notice([alert], {alert.fingerprint: spike}, around)


def sample_spike() -> Spike:
    """A made-up spike that opened a moment ago."""
    at = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0)
    began = at - dt.timedelta(minutes=12)
    texts = (
        "Third hour on this runway, and nobody at @ExampleAir says a word",
        "Cancelled at the gate again: https://example.com/why",
        "On hold for 50 minutes now, is anybody there?",
    )
    evidence = Evidence(
        terms=[
            EvidenceTerm(term="cancelled", z=6.1, voices=61, share=0.34, share_before=0.03, explains=0.5),
            EvidenceTerm(term="on hold", z=4.4, voices=33, share=0.18, share_before=0.02, explains=0.26),
        ],
        explains=0.71,
        tweets=[
            EvidenceTweet(id=str(number), created_at=at, text=text, label="negative", confidence=0.9, copies=1)
            for number, text in enumerate(texts)
        ],
        sampled=214,
        sampled_before=400,
        voices=180,
        copies_share=0.02,
    )
    return Spike(
        id="test",
        brand=BRAND,
        kind="negative",
        status="open",
        started_at=began,
        opened_at=at,
        updated_at=at,
        window_start=began,
        tweets=214,
        authors=12,
        share=0.68,
        baseline=0.31,
        z=7.9,
        peak_share=0.68,
        peak_z=7.9,
        evidence=evidence,
        sentence=f"This is a test. Negative share of {BRAND} rose from 31% to 68% in 12 minutes "
        "(z 7.9, 214 tweets): 'cancelled', 'on hold'",
        models=[],
    )


def sample_minutes(spike: Spike) -> list[Minute]:
    """Six hours before it as usual, then what the spike says."""
    begin, began = int(spike.started_at.timestamp()) - 21_600, int(spike.started_at.timestamp())
    end = int(spike.updated_at.timestamp())
    usual = [Minute(start, 8, 2 + start // 60 % 2, 3, spike.baseline) for start in range(begin, began, 60)]
    return usual + [Minute(start, 18, 12, 2, spike.baseline) for start in range(began, end, 60)]
