"""A text as the terms that could explain something: words, phrases of up to three, hashtags, emoji.

Links and mentions are left out, and end a phrase, as does all punctuation. So
does the brand's own name, which is in most tweets about it. Numbers count
only after a word ("error 503"). In scripts without spaces, terms are two to
four neighbouring characters.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from stream.brands.text import fold, is_unspaced, token_finder, unspaced_class, word_class
from stream.spikes.evidence.stop_words import EMPTY, PARTICLES

LONGEST_PHRASE = 3
LONGEST_RUN = 4
"""Characters of a term in a script without spaces."""
MAX_PIECES = 120
"""Words, hashtags and emoji read of a text: ten thousand hashtags cost no more than these."""
MAX_WORD = 40
LEAST_DIGITS = 3
_RETWEET = re.compile(r"^\s*rt\s+@\S+?:?\s+", re.IGNORECASE)
_NUMBER = re.compile(r"[\d.,'-]+")
_SKIN = re.compile("[\U0001f3fb-\U0001f3ff\ufe0f]")
_NO_EMOJI = frozenset("©®™")


class Reading(NamedTuple):
    """A text. ``terms`` are distinct; ``words`` are what two texts are compared by."""

    terms: frozenset[str]
    words: frozenset[str]


@dataclass(frozen=True)
class Reader:
    """Reads texts about one brand. ``own``: its names, as brand rules fold them."""

    own_words: frozenset[str]
    own_name: re.Pattern[str] | None

    @classmethod
    def of(cls, names: Collection[str]) -> Reader:
        """``names``: the brand's name and whatever else it is called, handles and hashtags included."""
        return _reader(frozenset(names))

    @classmethod
    def _new(cls, names: Collection[str]) -> Reader:
        folded = {fold(name).strip() for name in names}
        folded |= {name.lstrip("@#") for name in folded}
        folded |= {name.replace(" ", "") for name in folded}
        folded = {name for name in folded if name and not name.startswith(("@", "#"))}
        tokens = token_finder()
        words = frozenset(word for name in folded for word in tokens(name)) | folded
        if not folded:
            return cls(words, None)
        longest_first = sorted(folded, key=lambda name: (-len(name), name))
        # Where none can begin is seen first: what is around a name is looked at through a table of 2,000 ranges.
        begins = "".join(sorted({re.escape(name[0]) for name in folded}))
        return cls(words, re.compile(f"(?=[{begins}])(?:{_whole(longest_first)})"))

    def read(self, text: str) -> Reading:
        """The terms of ``text``; entities are decoded, and what stands beyond a few thousand characters is not read."""
        emoji = _emoji_in(text)
        folded = _RETWEET.sub("", fold(text))
        if self.own_name is not None:
            folded = self.own_name.sub(" \n ", folded)
        terms = set(emoji)
        words = set(emoji)
        phrase: list[str] = []
        for kind, piece in _pieces(folded):
            if kind == "word":
                phrase.append(piece)
                words.add(piece)
                continue
            terms.update(self._phrases(phrase))
            phrase = []
            if kind == "tag" and piece[1:] not in self.own_words:
                terms.add(piece)
                words.add(piece)
            elif kind == "run":
                terms.update(_neighbours(piece))
                words.update(piece[at : at + 2] for at in range(len(piece) - 1))
        terms.update(self._phrases(phrase))
        return Reading(frozenset(terms), frozenset(words))

    def _phrases(self, words: list[str]) -> Iterator[str]:
        for first in range(len(words)):
            if words[first] in EMPTY:
                continue
            for length in range(1, min(LONGEST_PHRASE, len(words) - first) + 1):
                phrase = words[first : first + length]
                if phrase[-1] not in EMPTY and any(map(self._has_content, phrase)) and _numbers_fit(phrase):
                    yield " ".join(phrase)

    def _has_content(self, word: str) -> bool:
        return (
            word not in PARTICLES
            and word not in EMPTY
            and word not in self.own_words
            and len(word) > 1
            and not _NUMBER.fullmatch(word)
        )


@lru_cache(maxsize=256)
def _reader(names: frozenset[str]) -> Reader:
    """Kept, since compiling its pattern takes 50 ms."""
    return Reader._new(names)  # noqa: SLF001  (its constructor by names)


def is_retweet(text: str) -> bool:
    """Whether a text says of itself that somebody else wrote it."""
    return _RETWEET.match(text) is not None


def _numbers_fit(phrase: list[str]) -> bool:
    """A number of three digits or more has a place after the one word that it numbers: "error 503", not "2 hours"."""
    numbered = [place for place, word in enumerate(phrase) if _NUMBER.fullmatch(word)]
    return not numbered or (numbered == [1] and len(phrase) == 2 and len(phrase[1]) >= LEAST_DIGITS)


def contains(longer: str, shorter: str) -> bool:
    """Whether a term is part of another: whole words of a phrase, characters in a script without spaces."""
    if is_unspaced(shorter[0]):
        return shorter in longer
    return f" {shorter} " in f" {longer} "


def _whole(names: Iterable[str]) -> str:
    """A pattern of any of ``names``, the first that fits, as whole words."""
    parts = []
    for (glued, then_glued), alike in groupby(names, key=lambda name: (is_unspaced(name[0]), is_unspaced(name[-1]))):
        before = "" if glued else rf"(?<!{word_class()})"
        after = "" if then_glued else rf"(?!{word_class()})"
        parts.append(f"{before}(?:{'|'.join(map(re.escape, alike))}){after}")
    return "|".join(parts)


def _emoji_in(text: str) -> list[str]:
    """Emoji without their shades, in order; not the signs that merely are in the table of emoji."""
    if text.isascii():
        return []
    import emoji  # the table is large; plain ASCII streams never need it

    found = (_SKIN.sub("", one["emoji"]) for one in emoji.emoji_list(text)[:MAX_PIECES])
    return [one for one in found if one and one not in _NO_EMOJI and not one[0].isascii()]


def _pieces(folded: str) -> Iterator[tuple[str, str]]:
    """(kind, piece) of a folded text; what is neither word, tag nor run ends a phrase."""
    left = MAX_PIECES
    pattern = _pattern(ascii_only=folded.isascii())
    for match in pattern.finditer(folded):
        kind = match.lastgroup or ""
        if kind == "space":
            continue
        piece = match.group()
        if kind in ("word", "tag"):
            left -= 1
            if len(piece) > MAX_WORD:
                kind = "long"
        elif kind == "run":
            left -= len(piece)
            piece = piece[:MAX_PIECES]
        yield kind, piece
        if left <= 0:
            return


def _neighbours(run: str) -> Iterator[str]:
    for length in range(2, LONGEST_RUN + 1):
        for at in range(len(run) - length + 1):
            yield run[at : at + length]


@lru_cache(maxsize=2)
def _pattern(*, ascii_only: bool) -> re.Pattern[str]:
    word = "[a-z0-9_]" if ascii_only else word_class()
    any_script = word if ascii_only else f"(?:{word}|{unspaced_class()})"
    run = "" if ascii_only else rf"|(?P<run>{unspaced_class()}+)"
    return re.compile(
        rf"(?P<link>(?:https?://|www\.)\S+|{word}+(?:\.{word}+)+/\S*)"
        rf"|(?P<mention>@{any_script}+)"
        rf"|(?P<tag>\#{any_script}+)"
        rf"|(?P<word>{word}+(?:['-]{word}+)*)"
        rf"{run}"
        r"|(?P<space>[ \t]+)"
        r"|(?P<other>\S|\s)"
    )
