"""How people write: sentences filled in, in several registers, by authors who never existed."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

from model.labels import Label
from stream.scenario.texts import BrandTopic, Choices, Texts

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa])(?= [aeio])")
_SHORT = {"you": "u", "your": "ur", "are": "r", "please": "pls", "because": "cuz", "thank you": "thx", "thanks": "thx"}
_SHORTENED = re.compile(r"\b(?:thank you|thanks|you|your|are|please|because)\b")
_LINK_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class Voice:
    """Turns sentences into tweets. Everything random comes from ``rng``."""

    def __init__(self, rng: random.Random, texts: Texts) -> None:
        self._rng = rng
        self._texts = texts
        self._authors = _invent_authors(rng, texts.author_words)

    def author(self) -> str:
        """Somebody; few write often, most hardly ever."""
        part = self._rng.random()
        return self._authors[int(part * part * len(self._authors))]

    def fill(self, sentence: str, slots: Mapping[str, Choices], given: Mapping[str, str]) -> str:
        """A sentence with its slots filled: from ``given``, else at random, never twice with the same value."""
        used: set[str] = set()

        def value(match: re.Match[str]) -> str:
            name = match.group(1)
            if name in given:
                return given[name]
            choices = slots.get(name) or slots[name.rstrip("0123456789")]
            chosen = self._rng.choice([choice for choice in choices if choice not in used])
            used.add(chosen)
            return chosen

        filled = _SLOT.sub(value, sentence)
        return filled[0].upper() + filled[1:]

    def name_of(self, brand: BrandTopic, lang: str = "en") -> str:
        """One of the ways to write a brand, in a script the language uses."""
        native = brand.native.get(lang)
        if native and self._rng.random() < 0.6:
            return native
        return self._rng.choice(brand.forms)

    def finish(self, text: str, mood: Label, hashtags: Sequence[str] = ()) -> str:
        """An English sentence as somebody types it: their punctuation, case, hashtags, links, emoji."""
        text = _ARTICLE.sub(r"\1n", text)
        text = self._register(self._embed(text, mood), mood)
        if hashtags and self._rng.random() < 0.12:
            text = f"{text} {self._rng.choice(hashtags)}"
        if self._rng.random() < 0.04:
            text = f"{text} https://t.example/{''.join(self._rng.choice(_LINK_LETTERS) for _ in range(8))}"
        if self._rng.random() < 0.03:
            text = f"@{self.author()} {text}"
        return self.decorate(text, mood)

    def _embed(self, text: str, mood: Label) -> str:
        """A sentence, perhaps with a word before and a judgement after it."""
        openings, endings = self._texts.openings[mood], self._texts.endings[mood]
        if openings and self._rng.random() < 0.09:
            text = f"{self._rng.choice(openings)} {text}"
        if endings and self._rng.random() < 0.2:
            text = f"{self._stop(text, mood)} {self._rng.choice(endings)}"
        return self._stop(text, mood) if self._rng.random() < 0.65 else text

    def _register(self, text: str, mood: Label) -> str:
        """As typed by the hasty, the lazy and the loud."""
        if self._rng.random() < 0.06:
            text = text.replace(" so ", f" s{'o' * self._rng.randrange(2, 6)} ")
        case = self._rng.random()
        if case < 0.07:
            return _SHORTENED.sub(lambda match: _SHORT[match.group()], text.lower())
        if case < 0.2:
            return text.lower()
        return text.upper() if case < 0.23 and mood == "negative" else text

    def decorate(self, text: str, mood: Label) -> str:
        """Now and then an emoji at the end, or three."""
        if self._rng.random() < (0.05 if mood == "neutral" else 0.26):
            sign = self._rng.choice(self._texts.emoji[mood])
            text = f"{text} {sign * self._rng.choice((1, 1, 1, 2, 3)) if sign != '<3' else sign}"
        return text

    def _stop(self, text: str, mood: Label) -> str:
        if text[-1] in ".!?":
            return text
        return text + ("!" if mood != "neutral" and self._rng.random() < 0.35 else ".")


def _invent_authors(rng: random.Random, words: Mapping[str, Choices]) -> list[str]:
    """Handles of two or three words and a number, in the order of how much they write."""
    handles = []
    for kind in words["kinds"]:
        for thing in words["things"]:
            number = rng.randrange(2, 98)
            styles = (f"{kind}_{thing}", f"{kind}{thing}{number}", f"{thing}_{number}{kind}", f"the_{kind}_{thing}")
            handles.append(rng.choice(styles))
    rng.shuffle(handles)
    return handles
