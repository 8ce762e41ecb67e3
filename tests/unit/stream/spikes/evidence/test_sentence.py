"""The sentence reads well."""

from __future__ import annotations

import pytest

from stream.records import EvidenceTerm, SpikeKind
from stream.spikes.evidence import write_sentence
from stream.spikes.evidence.sentence import duration


def said(
    kind: SpikeKind = "negative",
    *,
    share: float = 0.68,
    baseline: float = 0.31,
    tweets: int = 214,
    people: int | None = 198,
    terms: tuple[tuple[str, float], ...] = (("cancelled flight", 5), ("on hold", 4), ("customer service", 3), ("x", 2)),
) -> str:
    listed = [EvidenceTerm(term=term, z=z, voices=9, share=0.5, share_before=0.1, explains=0.3) for term, z in terms]
    return write_sentence(
        "United", kind, share=share, baseline=baseline, seconds=900, z=7.94, tweets=tweets, people=people, terms=listed
    )


def test_a_negative_spike() -> None:
    assert said() == (
        "Negative share of United rose from 31% to 68% in 15 minutes (z 7.9, 214 tweets by 198 people): "
        "'cancelled flight', 'on hold', 'customer service'"
    )


def test_terms_that_could_be_chance_are_not_named() -> None:
    assert said(terms=(("maybe", 1.4),)).endswith("by 198 people)")


def test_people_are_named_only_where_known() -> None:
    assert "(z 7.9, 214 tweets): " in said(people=None)
    assert "by 1 person)" in said(people=1)


def test_no_tweets_are_not_told() -> None:
    assert "in 15 minutes (z 7.9): " in said(tweets=0)


def test_volume_is_told_by_the_minute() -> None:
    text = said("volume", share=24.6, baseline=3.21)
    assert text.startswith("Tweets about United rose from 3.2 to 25 a minute in 15 minutes")


def test_what_is_over_does_not_rise() -> None:
    assert "fell from 31% to 30%" in said(share=0.3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1 minute"), (20, "1 minute"), (7_200, "120 minutes"), (10_800, "3 hours"), (12_600, "3.5 hours")],
)
def test_durations(seconds: int, text: str) -> None:
    assert duration(seconds) == text
