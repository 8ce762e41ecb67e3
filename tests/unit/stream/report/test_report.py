from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner

from infra.errors import UsageError
from infra.settings import Settings
from stream.backtest.run import Unwatched
from stream.records import Counts, Window, WindowBaseline
from stream.report.cli import report
from stream.report.gather import Span, Story, from_file, story_of
from stream.report.page import expected_share, lead, page
from tests.backtest_file import CRISIS, ZERO, write_tweets
from tests.fixed_worker import FixedClassifier

NOON = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


def window(minute: int, negative: int, positive: int, baseline: WindowBaseline | None = None) -> Window:
    start = NOON + dt.timedelta(minutes=minute)
    counts = Counts(negative=negative, neutral=2, positive=positive)
    total = counts.total
    return Window(
        brand="A <b>",
        start=start,
        end=start + dt.timedelta(minutes=1),
        size_s=60,
        counts=counts,
        probability_sums=counts,
        net_sentiment=(positive - negative) / total,
        negative_share=negative / total,
        revision=total,
        status="closed",
        models=["m1"],
    ).model_copy(update={"baseline": baseline})


def told(minutes: int = 90) -> Story:
    baseline = WindowBaseline(negative_share=0.25, variance=0.0, level_variance=0.0, alike=0.0, tweets=8.0)
    windows = [window(minute, 4, 2, baseline if minute >= 30 else None) for minute in range(minutes)]
    return story_of("A <b>", "a <file>", reversed(windows), [])


class Links(HTMLParser):
    """Whatever a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "link", "iframe", "img", "object"}:
            self.found.append(tag)
        self.found += [value or "" for name, value in attrs if name in {"src", "href"}]


def test_the_numbers_are_those_of_the_windows() -> None:
    story = told()
    assert lead(story) == "720 tweets, 50% of them negative, 25 points above the expected 25%. No spike."
    assert expected_share(story) == 0.25
    html = page(story, NOW)
    assert "<dd>720<small>8.0 a minute</small>" in html
    assert "<dd>50.0%<small>46.4% to 53.6%; expected 25%</small>" in html
    assert "<dd>-0.25<small>" in html
    assert re.findall(r'<td>(Wed 01 May 2024 \d\d:00)</td><td class="n">(\d+)</td>', html) == [
        ("Wed 01 May 2024 12:00", "480"),
        ("Wed 01 May 2024 13:00", "240"),
    ]


def test_the_page_needs_nothing_else_and_runs_nothing_that_people_wrote() -> None:
    html = page(told(), NOW)
    assert "<b>" not in html
    assert "A &lt;b&gt;" in html
    links = Links()
    links.feed(html)
    assert [link for link in links.found if not link.startswith("#")] == []
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_the_plot_follows_the_colours_of_the_page() -> None:
    html = page(told(), NOW)
    drawn = html[html.index("<svg ") : html.index("</svg>")]
    assert "var(--negative)" in drawn
    assert "var(--ink)" in drawn
    assert "#2c3e50" not in drawn


def test_the_same_story_is_the_same_page() -> None:
    assert page(told(), NOW) == page(told(), NOW)


def test_a_span_cuts_the_story() -> None:
    cut = Span(NOON + dt.timedelta(minutes=30), NOON + dt.timedelta(minutes=40)).of(told())
    assert [minute.start - int(NOON.timestamp()) for minute in cut.series.minutes] == [60 * m for m in range(30, 40)]
    assert lead(cut).startswith("80 tweets")
    assert Span().of(told()) == told()


@pytest.fixture(scope="module")
def tweets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "tweets.jsonl"
    write_tweets(path)
    return path


def of_file(path: Path, brand: str, span: Span) -> Story:
    return from_file(Settings(), path, brand, span, FixedClassifier, Unwatched())


def test_a_file_is_told_with_its_spike_and_what_was_expected_before(tweets: Path) -> None:
    crisis = Span(ZERO + dt.timedelta(seconds=CRISIS[0]), ZERO + dt.timedelta(seconds=CRISIS[1]))
    story = of_file(tweets, "Acme", crisis)
    assert [spike.kind for spike in story.spikes] == ["negative"]
    expected = expected_share(story)
    assert expected is not None
    assert 0.1 < expected < 0.3
    html = page(story, NOW)
    assert "1 spike: " in lead(story)
    assert "flight cancelled" in html


def test_a_brand_or_a_time_without_tweets_is_an_error_in_words(tweets: Path) -> None:
    with pytest.raises(UsageError, match="no tweets about Calm in that time; there are from 2024-05-01T00:00"):
        of_file(tweets, "Calm", Span(ZERO + dt.timedelta(days=9)))
    done = CliRunner().invoke(report, ["Acme", "--from", "2024-06-02", "--to", "2024-06-01"])
    assert isinstance(done.exception, UsageError)
    assert "is not before" in str(done.exception)
