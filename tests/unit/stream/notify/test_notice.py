"""A notification: from it alone one knows brand, time, size, why, and the next step, in every format."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from stream.notify import render
from stream.notify.notice import Surroundings, notice
from stream.notify.plot import binned, png
from stream.notify.safe import GAP
from stream.notify.sample import sample_minutes, sample_spike
from stream.notify.webhook import Alert
from stream.records import Spike
from tests.unit.stream.notify.making import AT, make_alert

AROUND = Surroundings("https://page.example", "https://grafana.example", "https://am.example", "https://git.example/b")
FORMATS: list[render.Format] = ["text", "markdown", "html"]


def spike(**changes: Any) -> Spike:
    began = AT - dt.timedelta(minutes=12)
    times = {"started_at": began, "window_start": began, "opened_at": AT, "updated_at": AT}
    return sample_spike().model_copy(update={"brand": "Kettle & Crane", "id": "spike-1", **times, **changes})


def body(form: render.Format, *alerts: Alert, told: Spike | None = None) -> str:
    spikes = {alert.fingerprint: told for alert in alerts if told is not None}
    return render.body(notice(alerts, spikes, AROUND), form).replace(GAP, "")


@pytest.mark.parametrize("form", FORMATS)
def test_it_says_brand_time_size_why_and_what_to_do_next(form: render.Format) -> None:
    said = re.sub(r"\*\*|</?(?:p|b|i|ul|li|h3)>", "", body(form, make_alert(), told=spike()))
    said = said.replace("&amp;", "&").replace("&#x27;", "'")
    assert "Brand: Kettle & Crane" in said
    assert "Began: 01 May 2024 13:48 UTC" in said
    assert "Size: 68% negative where 31% negative was expected (z 7.9)" in said
    assert "214 tweets by at least 12 people" in said
    assert "cancelled: 34% of those who wrote, 3% before" in said
    assert "Third hour on this runway" in said
    assert "tell who speaks for Kettle & Crane" in said
    for link in (
        "https://page.example/#/spike/spike-1",
        "https://page.example/#/brand/Kettle%20%26%20Crane",
        "https://grafana.example/d/barometer-brand?var-brand=Kettle%20%26%20Crane&from=17145",
        "https://git.example/b/docs/runbooks/x.md",
        "https://am.example/#/silences/new?filter=%7Balertname%3D%22NegativeSentimentSpike%22",
    ):
        assert link in said


def test_the_title_names_brand_and_event_and_the_level_its_severity() -> None:
    firing, over = make_alert(), make_alert(status="resolved")
    assert notice([firing], {"f1": spike()}, AROUND).title == "Kettle & Crane: negative sentiment spike"
    assert notice([firing], {"f1": spike()}, AROUND).level == "failure"
    ended = notice([over], {"f1": spike(status="closed", closed_at=AT + dt.timedelta(minutes=78))}, AROUND)
    assert (ended.title, ended.level) == ("Over: Kettle & Crane: negative sentiment spike", "success")
    assert ("Ended", "01 May 2024 15:18 UTC, after 1 h 30 min") in ended.sections[0].facts
    assert not ended.sections[0].steps


def test_without_evidence_it_says_what_the_rule_says() -> None:
    said = body("text", make_alert())
    assert "Since: 01 May 2024 14:00 UTC" in said
    assert "Follow the runbook" in said
    assert notice([make_alert()], {}, AROUND).title == "Acme: unusually many negative tweets"


def test_a_pipeline_alert_has_its_description_its_place_and_its_runbook() -> None:
    alert = make_alert(
        labels={"alertname": "PartitionStuck", "brand": "", "kind": "", "topic": "tweets", "partition": "3"},
        annotations={"summary": "Partition 3 is stuck", "description": "17 wait", "runbook_url": "docs/runbooks/P.md"},
    )
    said = body("text", alert)
    assert said.startswith("17 wait\n")
    assert "Where: " in said
    assert "partition 3" in said
    assert "https://git.example/b/docs/runbooks/P.md" in said
    assert "https://grafana.example/d/barometer-pipeline" in said


def test_alerts_of_one_event_are_one_notification_with_a_section_each_and_most_are_counted() -> None:
    alerts = [make_alert(f"f{number}", labels={"alertname": f"A{number}"}) for number in range(8)]
    one = notice(alerts, {}, AROUND)
    assert one.title.endswith("(and 7 more)")
    assert (len(one.sections), one.left_out) == (5, 3)
    assert "and 3 more alerts of this group" in render.body(one, "text")


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_names_and_tweets_stay_text(form: render.Format) -> None:
    evil = '<img src=x> [x](http://evil.example) @channel {{ 7*7 }} "quoted\\"'
    tweets = [tweet.model_copy(update={"text": evil}) for tweet in sample_spike().evidence.tweets]
    bad = spike(brand=evil, sentence=evil, evidence=sample_spike().evidence.model_copy(update={"tweets": tweets}))
    one = notice([make_alert(labels={"brand": evil})], {"f1": bad}, AROUND)
    for written in (render.body(one, form), render.title(one)):
        text = re.sub(r"https://(page|grafana|am|git)\.example[^\s<>\"]*", "", written)
        assert form == "text" or "<img" not in text
        assert "evil.example" not in text
        assert "@channel" not in written
    if form == "markdown":
        targets = re.findall(r"\]\(<([^>]*)>\)", render.body(one, form))
        assert targets
        assert all(target.startswith("https://") and ".example/" in target for target in targets)


def test_the_plot_is_a_picture_and_there_is_none_of_nothing() -> None:
    told = sample_spike()
    drawn = png(told, sample_minutes(told))
    assert drawn is not None
    assert drawn.startswith(b"\x89PNG")
    assert png(told, []) is None
    volume = png(told.model_copy(update={"kind": "volume", "share": 40.0, "baseline": 8.0}), sample_minutes(told))
    assert volume is not None


def test_points_of_the_plot_sum_to_the_tweets() -> None:
    told = sample_spike()
    minutes = sample_minutes(told)
    size, bins = binned(minutes, "negative")
    assert size == 300
    assert sum(one.tweets for one in bins) == sum(minute.tweets for minute in minutes)
    assert sum(one.hits for one in bins) == sum(minute.negative for minute in minutes)
