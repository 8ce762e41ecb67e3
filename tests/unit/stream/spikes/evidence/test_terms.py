"""Texts become terms: phrases in any script, without what addresses, links or counts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.spikes.evidence.terms import MAX_PIECES, Reader, contains, is_retweet

READER = Reader.of(["Quillon Bank", "@QuillonBank", "#QuillonBank", "quillon"])


def terms(text: str) -> set[str]:
    return set(READER.read(text).terms)


def test_words_and_phrases_without_stop_words_at_their_ends() -> None:
    assert terms("My card was declined at the bakery") == {"card", "declined", "bakery", "card was declined"}


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Locked out of my account", "locked out"),
        ("on hold for an hour", "on hold"),
        ("the app is down again", "app is down"),
        ("error 503 every time", "error 503"),
        ("I can't log-in", "log-in"),
        ("Caf&eacute; closed &amp; dark", "café closed"),
        ("\uff26\uff35\uff2c\uff2c width", "full width"),
        ("сервис упал", "сервис упал"),
        ("सेवा बंद है", "सेवा बंद"),
        ("الخدمة متوقفة", "الخدمة متوقفة"),
        ("システム障害です", "障害"),
        ("銀行停電了", "停電"),
        ("#Outage now", "#outage"),
        ("#停電 中", "#停電"),
        ("so angry 😡😡", "😡"),
        ("thanks 👍🏽", "👍"),
        ("family 👩‍👩‍👧 day", "👩‍👩‍👧"),
        ("🇬🇧 flag", "🇬🇧"),
    ],
)
def test_terms_that_must_be_found(text: str, term: str) -> None:
    assert term in terms(text)


@pytest.mark.parametrize(
    "text",
    [
        "@somebody",
        "https://example.com/outage www.example.com/outage example.com/outage",
        "503 12:30 3,020 50%",
        "the and of on",
        "Quillon Bank #QuillonBank @quillonbank QUILLON",
        "© ™",
        "x" * 41,
        "",
        "\u200b\ufeff",
    ],
)
def test_texts_without_terms(text: str) -> None:
    assert terms(text) == set()


def test_phrases_do_not_reach_over_punctuation_mentions_links_or_the_brand() -> None:
    for between in (".", ",", "!", " @you ", " https://t.example/x ", " Quillon Bank ", "\n", " 😡 "):
        assert "app down" not in terms(f"app{between}down")
    assert "app down" in terms("app  down")


def test_amounts_are_no_terms() -> None:
    assert terms("waited 2 hours") == {"waited", "hours"}


def test_a_retweet_reads_as_what_it_repeats() -> None:
    assert READER.read("RT @a_b: Card declined!") == READER.read("card declined")
    assert is_retweet("RT @a_b: Card declined!")
    assert not is_retweet("Start @a_b: Card declined!")


def test_names_are_words_not_parts_of_words() -> None:
    assert "delays" in Reader.of(["lay"]).read("delays").terms
    assert Reader.of(["停電"]).read("昨日停電した").terms.isdisjoint({"停電", "日停電"})
    assert Reader.of([]).read("delays").terms == {"delays"}


def test_parts_of_terms() -> None:
    assert contains("card was declined", "card")
    assert not contains("cardboard", "card")
    assert contains("システム障害", "障害")


@settings(max_examples=300)
@given(st.text(max_size=300))
def test_any_text_is_read_and_bounded(text: str) -> None:
    reading = READER.read(text)
    assert all(term and term == term.strip() for term in reading.terms)
    assert len(reading.terms) <= 4 * MAX_PIECES


@pytest.mark.parametrize(
    "text",
    [
        "outage " * 150_000,
        "#a" * 500_000,
        " ".join(f"#tag{n}" for n in range(10_000)),
        "停電" * 500_000,
        "😡" * 250_000,
        "a" * 1_000_000,
        "@" * 1_000_000,
        "https://" * 100_000,
        "a.b" * 300_000,
        "a-" * 500_000,
        "rt @" + "x" * 1_000_000,
        "&amp;" * 200_000,
        "\ud83d" * 100_000,
    ],
)
def test_hostile_texts_cost_little(text: str) -> None:
    READER.read("warm up é")
    took = []
    for _ in range(3):
        started = time.thread_time()
        found = READER.read(text[:4_000])
        took.append(time.thread_time() - started)
    assert min(took) < 0.2
    assert len(found.terms) <= 4 * MAX_PIECES
