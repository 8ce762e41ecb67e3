"""Where a brand is seen, and where it is not."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.normalise import MAX_CHARS
from stream.brands import Brand, BrandRules
from stream.brands.file import BrandsFile
from stream.brands.text import fold, is_unspaced, is_word, token_finder
from stream.records import OTHER_BRAND


def rules(yaml: str) -> BrandRules:
    return BrandRules.parse(yaml, "test.yaml")


def one(**entries: list[str]) -> BrandRules:
    body = "".join(f"    {kind}: {[*values]!r}\n" for kind, values in entries.items())
    return rules(f"brands:\n  Bay:\n{body}")


@pytest.mark.parametrize(
    "text",
    [
        "bay",
        "I love BAY.",
        "#bay",
        "Bay's staff",
        "(bay)",
        "bay-style",
        "Bay™ and co",
        "ｂａｙ",  # noqa: RUF001  (full width, as typed in Japan)
        "b\u200bay",
        "&quot;bay&quot;",
        "Bayの店",
        "bay😀",
        "x@bay.example",
    ],
)
def test_a_word_is_found_whatever_stands_around_it(text: str) -> None:
    assert one(words=["Bay"]).find(text) == ["Bay"]


@pytest.mark.parametrize(
    "text", ["", "bays", "ebay", "bay_area", "bay2", "báy", "bayé", "baye\u0301", "@bay", ".@bay", "@bay_x"]
)
def test_a_word_is_not_found_inside_other_words_or_mentions(text: str) -> None:
    assert one(words=["bay"]).find(text) == []


@pytest.mark.parametrize(("text", "found"), [("Café", True), ("cafe\u0301", True), ("CAFÉ!", True), ("cafe", False)])
def test_accents_matter_but_not_how_they_are_written(text: str, found: bool) -> None:
    assert bool(one(words=["café"]).find(text)) == found


def test_vowel_signs_belong_to_their_word() -> None:
    hindi = one(words=["हवा"])
    assert hindi.find("आज हवा अच्छी है") == ["Bay"]
    assert hindi.find("हवाई यात्रा") == []


@pytest.mark.parametrize("text", ["東京の青空航空は最高", "青空航空", "@user青空航空", "🙂青空航空🙂"])
def test_scripts_without_spaces_match_anywhere(text: str) -> None:
    assert one(words=["青空航空"]).find(text) == ["Bay"]


def test_a_name_of_two_scripts_keeps_the_word_boundary_of_the_first() -> None:
    mixed = one(words=["bay航空"])
    assert mixed.find("今日Bay航空に乗る") == ["Bay"]
    assert mixed.find("ebay航空") == []


@pytest.mark.parametrize("text", ["the bay   coffee", "Bay\ncoffee!", "#bay coffee", "bay coffee's"])
def test_the_words_of_a_phrase_stand_side_by_side(text: str) -> None:
    assert one(phrases=["bay coffee"]).find(text) == ["Bay"]


@pytest.mark.parametrize(
    "text", ["bay. coffee", "bay and coffee", "coffee bay", "bay coffees", "ebay coffee", "@bay coffee"]
)
def test_a_phrase_is_not_found_in_pieces(text: str) -> None:
    assert one(phrases=["bay coffee"]).find(text) == []


def test_signs_inside_a_name_count() -> None:
    assert one(phrases=["Salt & Bay"]).find("SALT &amp; BAY opens") == ["Bay"]
    assert one(words=["b&y"]).find("b y") == []
    assert one(words=["bay++"]).find("I learn Bay++, slowly") == ["Bay"]


@pytest.mark.parametrize("text", ["@Bay hi", "RT @bay: x", "\uff20bay", "見て@bayさん", "@@bay"])
def test_a_handle_is_found_where_it_is_mentioned(text: str) -> None:
    assert one(handles=["@Bay"]).find(text) == ["Bay"]


@pytest.mark.parametrize("text", ["bay", "#bay", "@bays", "@bay_1", "mail me: joe@bay", "@ bay"])
def test_a_handle_is_not_found_where_nobody_is_mentioned(text: str) -> None:
    assert one(handles=["bay"]).find(text) == []


def test_a_hashtag_is_matched_as_a_whole() -> None:
    tagged = one(hashtags=["#FlyBay", "青空"])
    assert tagged.find("so nice #flybay!") == tagged.find("#青空 です") == ["Bay"]
    assert [tagged.find(text) for text in ("flybay", "#flybayday", "@flybay", "#青空航空", "青空")] == [[]] * 5


def test_a_persons_own_tweets_are_found_by_the_author() -> None:
    person = one(authors=["@Ada_Bay"])
    assert person.find("good morning", "ada_bay") == person.find("good morning", "@ADA_BAY") == ["Bay"]
    assert person.find("good morning, @ada_bay", "someone") == person.find("good morning") == []


def test_an_excluded_phrase_hides_only_itself() -> None:
    bay = one(words=["bay"], phrases=["bay window shop"], handles=["bay"], exclude=["bay window", "sick  bay"])
    assert bay.find("a Bay Window, and a sick bay") == []
    assert bay.find("a bay window shop") == []
    assert bay.find("the bay window of the Bay office") == ["Bay"]
    assert bay.find("@bay, a bay window") == ["Bay"]
    assert bay.find("bay windows") == ["Bay"]


def test_what_an_excluded_phrase_leaves_does_not_grow_together() -> None:
    assert one(phrases=["bay coffee"], exclude=["window"]).find("bay window coffee") == []


def test_several_brands_come_in_the_order_of_the_file_and_once_each() -> None:
    found = rules("""
brands:
  Zeta: {words: [zeta], handles: [zeta], hashtags: [zeta]}
  Bay Coffee: {phrases: [bay coffee]}
  Bay: {words: [bay]}
  Ada: {authors: [ada], words: [ada]}
""").find("bay coffee, @zeta #zeta zeta", "ada")
    assert found == ["Zeta", "Bay Coffee", "Bay", "Ada"]


def test_a_text_is_read_as_far_as_the_classifier_reads_it() -> None:
    bay = one(words=["bay"], exclude=["bay window"])
    assert bay.find(" " * (MAX_CHARS - 3) + "bay") == ["Bay"]
    assert bay.find(" " * MAX_CHARS + "bay") == []
    assert bay.find("bay window, and " * 100_000) == []  # in a blink: no rule looks at all of it
    assert bay.find("&" * 1_000_000 + "\u0301" * 1_000_000) == []


ALPHABET = "ab_1 .&@#é青ा\u0301\u200b\n"
needle = st.text(st.sampled_from("ab_1é青ा "), min_size=1, max_size=4)


@st.composite
def brand(draw: st.DrawFn) -> Brand:
    """A brand of a tiny alphabet, so that rules overlap and touch."""
    parts = [fold(" ".join(draw(needle).split())) for _ in range(4)]
    word, phrase, handle, excluded = (part or "a" for part in parts)
    return Brand(
        name=draw(st.text("xyz", min_size=1)),
        needles=(word, f"{phrase} b", draw(st.sampled_from(["@a", "@ab", "#a", "#青"])), f"a&{handle}"),
        authors=tuple(draw(st.sets(st.sampled_from(["ann", "bob"])))),
        exclude=tuple(draw(st.sets(st.sampled_from([excluded, "a b", "@a", "b"])))),
    )


@given(st.lists(brand(), max_size=5), st.text(st.sampled_from(ALPHABET)), st.sampled_from([None, "ann", "Bob"]))
def test_the_index_finds_exactly_what_looking_at_every_brand_finds(
    brands: list[Brand], text: str, author: str | None
) -> None:
    seen = " ".join(fold(text).split())
    expected = [
        brand.name for brand in brands if brand.is_in(seen) or (author is not None and author.lower() in brand.authors)
    ]
    assert BrandRules.of(brands).find(text, author) == expected


BUNDLED = BrandRules.load()


@given(st.text(), st.none() | st.text())
def test_any_text_and_author_give_known_brands_in_order(text: str, author: str | None) -> None:
    found = BUNDLED.find(text, author)
    assert found == [name for name in BUNDLED.names if name in found]
    assert OTHER_BRAND not in found


@given(st.text())
def test_folding_twice_changes_nothing_that_rules_can_see(text: str) -> None:
    text = text.replace("&", "")
    assert token_finder()(fold(fold(text))) == token_finder()(fold(text))


def test_words_are_what_unicode_says_they_are() -> None:
    find_tokens = token_finder()
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if is_word(character):
            assert find_tokens(character) == [character], hex(code)
        elif unicodedata.category(character)[0] == "L":
            assert is_unspaced(character), hex(code)


def test_the_bundled_rules_name_the_six_airlines_as_the_public_set_does() -> None:
    airlines = ["Virgin America", "United", "Southwest", "Delta", "US Airways", "American"]
    assert [name for name in BUNDLED.names if name in airlines] == airlines


@pytest.mark.parametrize(
    ("text", "brands"),
    [
        ("@united my bag is lost", ["United"]),
        ("flying United to Denver on American Airlines", ["United", "American"]),
        ("the United States and an American in Paris", []),
        ("@AmericanAir and @USAirways are one", ["US Airways", "American"]),
        ("Thank you @SouthwestAir", ["Southwest"]),
        ("driving southwest from Austin", []),
        ("@VirginAmerica rocks", ["Virgin America"]),
        ("Delta was on time", ["Delta"]),
        ("the delta variant of the Mekong Delta", []),
        ("Kettle &amp; Crane and Pedalune", ["Kettle & Crane", "Pedalune"]),
        ("ルモラのカメラは最高", ["Lumora"]),
    ],
)
def test_the_bundled_rules_know_a_name_from_a_word(text: str, brands: list[str]) -> None:
    assert BUNDLED.find(text) == brands


def test_the_same_rules_come_from_every_way_of_writing_them() -> None:
    yaml = "brands:\n  Bay: {handles: ['@Bay', bay], hashtags: ['#Bay'], words: [BAY, bay], authors: ['@bay']}"
    [(name, entries)] = BrandsFile(yaml, "test.yaml").brands()
    assert name == "Bay"
    assert entries == {"handles": ("@bay",), "hashtags": ("#bay",), "words": ("bay",), "authors": ("bay",)}
