from __future__ import annotations

import hashlib
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.normalise import MAX_CHARS, VERSION, normalise

ANY_TEXT = st.text(st.characters(), max_size=200) | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Ll"]))
PLAIN_TEXT = st.text("abcXYZ 0123456789.,!?'\"é漢😀@/:", max_size=120)
PIECES = (
    *(
        "&amp;",
        "&#xD800;",
        "\\ud83d",
        "\\ude00",
        "\\u0000",
        "@a_b",
        "#CamelCase9",
        "http://x.y/z",
        "www.a.b",
        "\U0001f621",
    ),
    *(
        "\u200b",
        "\ufeff",
        "\ud800",
        "\x00",
        "\x1b[31m",
        "\n",
        "\t",
        "&",
        "#",
        "@",
        "\\u",
        "\U0001f1e9\U0001f1ea",
        " a ",
    ),
)
MIXED_TEXT = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(ANY_TEXT | MIXED_TEXT)
def test_any_text_becomes_clean_text(text: str) -> None:
    cleaned = normalise(text)
    cleaned.encode("utf-8")  # no half of a surrogate pair is left
    assert not re.search(r"[\x00-\x1f\x7f\u200b-\u200f\ufeff]", cleaned)
    assert cleaned == cleaned.strip()
    assert "  " not in cleaned


@given(PLAIN_TEXT)
def test_clean_text_stays_as_it_is(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"]), min_size=1, max_size=40))
def test_words_without_marks_are_kept_to_the_letter(word: str) -> None:
    assert normalise(word) == word


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("@United &amp; co: #WorstFlightEver 😡 https://t.co/x", "@user & co: # Worst Flight Ever enraged face http"),
        ("a@b.c is no mention", "a@b.c is no mention"),
        ("see WWW.example.com/a?b, ok", "see http ok"),
        ("\\ud83d\\ude00 \\u00e9t\\u00e9", "grinning face été"),
        ("half a pair \\ud83d here", "half a pair here"),
        ("so\u200bft\u00ad hyphen\ufeff", "soft hyphen"),
        ("  many \n\t spaces  ", "many spaces"),
        ("&lt;3 &quot;fine&quot;", '<3 "fine"'),
        ("#iPhone17ProMax #so_late #USAToday", "# i Phone 17Pro Max # so late # USA Today"),
        ("\u200b\u200b", ""),
        ("", ""),
    ],
)
def test_conventions_of_the_training_texts(text: str, cleaned: str) -> None:
    assert normalise(text) == cleaned


def test_a_megabyte_costs_no_more_than_a_long_tweet() -> None:
    assert len(normalise("a" * 1_000_000)) == MAX_CHARS


def test_a_change_of_meaning_needs_a_new_version() -> None:
    draw = random.Random(1)
    texts = ["".join(draw.choices(PIECES, k=draw.randint(1, 12))) for _ in range(2_000)]
    content = "\n".join(map(normalise, texts))
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    assert (VERSION, digest) == (1, "3d1f1c77c9847b09"), (
        "normalise gives other texts: raise VERSION, train and export again"
    )
