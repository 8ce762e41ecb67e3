"""The sentences of the scenario, from ``texts/*.toml``. All are invented, and so is every company in them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from model.labels import LABELS, Label

Choices = Sequence[str]
BRAND_FILES = ("veloria_air", "lumora", "kettle_and_crane", "quillon_bank", "popcorra", "zuppla", "pedalune")


@dataclass(frozen=True)
class Topic:
    """What is said about something: sentences by mood, and what fills their slots."""

    texts: Mapping[str, Choices]
    slots: Mapping[str, Choices]

    def moods(self) -> list[Label]:
        """The moods there are sentences for."""
        return [label for label in LABELS if self.texts.get(label)]


@dataclass(frozen=True)
class BrandTopic(Topic):
    """A brand: how people write its name, how often, and in which mood."""

    name: str
    forms: Choices
    native: Mapping[str, str]
    share: int
    mood: Mapping[str, int]
    hashtags: Mapping[str, Choices]


@dataclass(frozen=True)
class EpisodeTopic(Topic):
    """A crisis or a viral moment of one brand."""

    brand: str
    terms: tuple[str, ...]
    loud_author: str


@dataclass(frozen=True)
class Language:
    """Short sentences about any brand in one language."""

    code: str
    share: int
    texts: Mapping[str, Choices]


@dataclass(frozen=True)
class Texts:
    """Everything the scenario can say."""

    brands: Sequence[BrandTopic]
    elsewhere: Topic
    pairs: Topic
    crisis: EpisodeTopic
    viral: EpisodeTopic
    languages: Sequence[Language]
    author_words: Mapping[str, Choices]
    openings: Mapping[str, Choices]
    endings: Mapping[str, Choices]
    emoji: Mapping[str, Choices]

    def brand(self, name: str) -> BrandTopic:
        return next(brand for brand in self.brands if brand.name == name)


@cache
def load_texts() -> Texts:
    """Read the bundled sentences, once."""
    shared = _read("shared")
    common: Mapping[str, Choices] = shared["slots"]
    brands = [_brand(_read(name), common) for name in BRAND_FILES]
    return Texts(
        brands=brands,
        elsewhere=_topic(_read("elsewhere"), common),
        pairs=_topic(_read("pairs"), common),
        crisis=_episode(_read("crisis"), common),
        viral=_episode(_read("viral"), common),
        languages=[Language(code, entry.pop("share"), entry) for code, entry in _read("languages").items()],
        author_words=shared["authors"],
        openings=shared["openings"],
        endings=shared["endings"],
        emoji=shared["emoji"],
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__).joinpath("texts", f"{name}.toml").read_text("utf-8"))


def _topic(data: dict[str, Any], common: Mapping[str, Choices]) -> Topic:
    return Topic(data["texts"], {**common, **data.get("slots", {})})


def _brand(data: dict[str, Any], common: Mapping[str, Choices]) -> BrandTopic:
    named = {name: data[name] for name in ("name", "forms", "native", "share", "mood", "hashtags")}
    return BrandTopic(data["texts"], {**common, **data["slots"]}, **named)


def _episode(data: dict[str, Any], common: Mapping[str, Choices]) -> EpisodeTopic:
    slots = {**common, **data["slots"]}
    return EpisodeTopic(data["texts"], slots, data["brand"], tuple(data["terms"]), data.get("loud_author", ""))
