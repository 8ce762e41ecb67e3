"""Which column is which, in exports of many makers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from infra.errors import UsageError
from stream.replay.columns import Columns, find_columns, unique_names

FILE = Path("export.csv")
TIME = "2026-03-02 12:00:00"


def found(names: Sequence[str], *rows: Sequence[str], **asked: str) -> Columns:
    return find_columns(FILE, names, [dict(zip(names, row, strict=True)) for row in rows], asked)


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (
            [
                "tweet_id",
                "airline_sentiment",
                "airline",
                "name",
                "retweet_count",
                "text",
                "tweet_created",
                "user_timezone",
            ],
            Columns("text", "tweet_created", id="tweet_id", author="name", brand="airline"),
        ),
        (
            ["Datetime", "Tweet Id", "Text", "Username", "Language"],
            Columns("Text", "Datetime", id="Tweet Id", author="Username", lang="Language"),
        ),
        (
            [
                "id",
                "conversation_id",
                "created_at",
                "date",
                "time",
                "timezone",
                "user_id",
                "username",
                "name",
                "tweet",
                "language",
            ],
            Columns("tweet", "created_at", id="id", author="username", lang="language"),
        ),
        (
            ["source", "text", "created_at", "retweet_count", "favorite_count", "is_retweet", "id_str"],
            Columns("text", "created_at", id="id_str", source="source"),
        ),
        (["text", "date", "metadata"], Columns("text", "date")),
        (
            ["username", "date", "retweets", "text", "id", "permalink"],
            Columns("text", "date", id="id", author="username"),
        ),
    ],
)
def test_exports_of_known_makers_are_understood(names: list[str], columns: Columns) -> None:
    assert found(names) == columns


def test_the_time_is_the_first_known_column_that_reads_as_one() -> None:
    names = ["text", "created_at", "date", "time"]
    assert found(names, ["late", "three days ago", TIME, "12:00"]).time == "date"
    assert found(names, ["late", "", "", "12:00"]).time == "created_at", "unreadable is not the same as absent"


def test_dates_without_a_time_of_day_take_it_from_the_column_beside_them() -> None:
    names = ["text", "date", "time"]
    assert found(names, ["late", "2026-03-02", "12:30"]) == Columns("text", "date", "time")
    assert found(names, ["late", "2026-03-02", "soon"]) == Columns("text", "date")
    assert found(names, ["late", TIME, "12:30"]) == Columns("text", "date")


def test_unknown_names_are_told_by_what_they_hold() -> None:
    names = ["a", "b", "c", "d"]
    rows = [[str(57_030_613_367_776 + n), TIME, "the plane was late again", "x"] for n in range(5)]
    assert found(names, *rows) == Columns("c", "b", id="a")


def test_numbers_are_never_taken_for_times_by_what_they_hold() -> None:
    rows = [[str(1_234_567_890_123_456_789 + n), "the plane was late again"] for n in range(5)]
    assert found(["a", "b"], *rows) == Columns("b", id="a")


def test_a_column_can_be_asked_for_by_name_in_any_case_or_by_number() -> None:
    names = ["Words", "3", "When"]
    assert found(names, text="words", time="WHEN").text == "Words"
    assert found(names, text="1", id="3") == Columns("Words", id="3"), "a name comes before a number"


def test_a_column_that_was_asked_for_has_no_other_role() -> None:
    assert found(["text", "title"], text="title", author="text") == Columns("title", author="text")


@pytest.mark.parametrize(("asked", "hint"), [("wrods", "did you mean 'words'"), ("9", "columns: words, when")])
def test_a_column_that_does_not_exist_is_named_with_those_that_do(asked: str, hint: str) -> None:
    with pytest.raises(UsageError, match=f"export.csv has no column '{asked}' for the text; .*{hint}"):
        found(["words", "when"], text=asked)


def test_where_no_column_is_clearly_the_text_it_has_to_be_named() -> None:
    row = ["the plane was late again", "it was raining all the time"]
    with pytest.raises(UsageError, match="name it with --text-column, one of a, b"):
        found(["a", "b"], row)


def test_names_in_a_header_are_made_unique() -> None:
    assert unique_names(["a", " ", "a", "b "]) == ["a", "column_2", "a_3", "b"]
