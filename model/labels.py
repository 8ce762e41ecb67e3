"""The three classes, in the order of every probability row, and how other names become them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from infra.errors import UsageError

Label = Literal["negative", "neutral", "positive"]
LABELS: tuple[Label, ...] = get_args(Label)

_NAMES: dict[str, Label] = {
    "negative": "negative",
    "neg": "negative",
    "very negative": "negative",
    "1 star": "negative",
    "2 stars": "negative",
    "neutral": "neutral",
    "neu": "neutral",
    "3 stars": "neutral",
    "positive": "positive",
    "pos": "positive",
    "very positive": "positive",
    "4 stars": "positive",
    "5 stars": "positive",
}


def label_of(name: str) -> Label | None:
    """The class that a label's name says, in any case ("NEG", "very_negative", "2 stars"); None if it says none.

    Names of emotions are not guessed: whether surprise is good depends on the use.
    """
    return _NAMES.get(re.sub(r"[\s_-]+", " ", name.strip().casefold()))


def parse_mapping(text: str, *, where: str) -> dict[str, Label]:
    """Read a declared mapping, for example ``LABEL_0=negative,LABEL_1=positive``; empty text is an empty mapping.

    Raises UsageError, with ``where`` (the flag or variable) in it, for a part that is not ``NAME=LABEL``.
    """
    mapping: dict[str, Label] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = (piece.strip() for piece in part.rpartition("="))
        label = label_of(value)
        if not name or not equals or label is None:
            raise UsageError(
                f"{where} has {part!r}; each part must be NAME=LABEL, and LABEL one of {', '.join(LABELS)}"
            )
        if mapping.get(name, label) != label:
            raise UsageError(f"{where} maps {name!r} to both {mapping[name]} and {label}; keep one")
        mapping[name] = label
    return mapping


def map_labels(names: Sequence[str], declared: Mapping[str, Label]) -> list[Label] | None:
    """Our class for each of a model's label ``names``, by ``declared`` or else by what the name says.

    Several names may share a class (stars do); their probabilities are then
    added. A model with no neutral label never says neutral. None when a name is
    unknown, or when negative or positive would be out of reach.
    """
    mapped = [declared.get(name) or label_of(name) for name in names]
    known = [label for label in mapped if label is not None]
    if len(known) < len(names) or not {"negative", "positive"} <= set(known):
        return None
    return known
