from __future__ import annotations

import pytest

from infra.errors import UsageError
from model.labels import LABELS, label_of, map_labels, parse_mapping


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        (["negative", "neutral", "positive"], ["negative", "neutral", "positive"]),
        (["POS", "NEU", "NEG"], ["positive", "neutral", "negative"]),
        (["NEGATIVE", "POSITIVE"], ["negative", "positive"]),
        (
            ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"],
            ["negative", "negative", "neutral", "positive", "positive"],
        ),
        (["Very_Negative", "very-positive", " Neutral "], ["negative", "positive", "neutral"]),
    ],
)
def test_names_that_say_their_label_need_no_mapping(names: list[str], classes: list[str]) -> None:
    assert map_labels(names, {}) == classes


@pytest.mark.parametrize(
    "names",
    [
        ["LABEL_0", "LABEL_1", "LABEL_2"],
        ["joy", "anger", "sadness"],
        ["negative", "neutral", "irony"],
        ["neutral", "positive"],
        ["positive"],
        [],
    ],
)
def test_names_that_do_not_say_it_are_never_guessed(names: list[str]) -> None:
    assert map_labels(names, {}) is None


def test_a_declared_mapping_wins_over_the_name() -> None:
    assert map_labels(["positive", "LABEL_1"], {"positive": "negative", "LABEL_1": "positive"}) == [
        "negative",
        "positive",
    ]


def test_a_mapping_reads_names_with_spaces_and_equal_signs() -> None:
    assert parse_mapping(" a=b = neg , 1 star=negative,x=Positive,", where="--labels") == {
        "a=b": "negative",
        "1 star": "negative",
        "x": "positive",
    }
    assert parse_mapping("", where="--labels") == {}


@pytest.mark.parametrize("text", ["LABEL_0", "=positive", "LABEL_0=good", "a=negative,a=positive"])
def test_a_bad_mapping_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UsageError, match="--labels"):
        parse_mapping(text, where="--labels")


def test_every_label_names_itself() -> None:
    assert [label_of(label) for label in LABELS] == list(LABELS)
