"""Finds brands in texts.

Matching ignores case and the way letters are composed, and respects words: a
rule matches whole words only, except in scripts that are written without
spaces (Chinese, Japanese, Thai, ...) or whose particles stick to the word
(Korean), where it matches anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Self

from infra.errors import UsageError
from stream.brands.file import BrandsFile
from stream.brands.text import fold, is_unspaced, is_word, token_finder

BUNDLED = "brands.yaml"
MENTIONS = ("words", "phrases", "handles", "hashtags")


@dataclass(frozen=True)
class Brand:
    """The rules of one brand, folded. ``needles`` are what its words, phrases, handles and hashtags look like."""

    name: str
    needles: tuple[str, ...]
    authors: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def is_in(self, text: str) -> bool:
        """Whether a folded text with single spaces mentions the brand outside of every excluded phrase."""
        for phrase in self.exclude:
            text = _blank(text, phrase)
        return any(_position(text, needle) >= 0 for needle in self.needles)


@dataclass(frozen=True)
class BrandRules:
    """All brands, with an index from the words of a text to the brands that it may be about.

    Looking up words costs about the same for 1 brand as for 1,000; only a
    brand that has a word in the text is looked at closely.
    """

    brands: tuple[Brand, ...]
    _tokens: Callable[[str], list[str]] = field(repr=False)
    _index: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(repr=False)
    _unspaced: tuple[tuple[str, int], ...] = field(repr=False)
    _authors: Mapping[str, tuple[int, ...]] = field(repr=False)

    @classmethod
    def of(cls, brands: Iterable[Brand]) -> Self:
        """Index the brands; ``find`` answers in their order."""
        brands = tuple(brands)
        tokens = token_finder()
        sure: dict[str, list[int]] = {}
        maybe: dict[str, list[int]] = {}
        authors: dict[str, list[int]] = {}
        unspaced: list[tuple[str, int]] = []
        for number, brand in enumerate(brands):
            for author in brand.authors:
                authors.setdefault(author, []).append(number)
            for needle in brand.needles:
                words = tokens(needle)
                if not words:
                    unspaced.append((max(needle.split(), key=len), number))
                elif words == [needle] and not brand.exclude:
                    sure.setdefault(needle, []).append(number)
                else:
                    maybe.setdefault(max(words, key=len), []).append(number)  # long words are rare words
        index = {word: (tuple(sure.get(word, ())), tuple(maybe.get(word, ()))) for word in sure.keys() | maybe.keys()}
        return cls(brands, tokens, index, tuple(unspaced), {name: tuple(of) for name, of in authors.items()})

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read rules from a file; None: those that come with the program.

        Raises UsageError with file, line and what to write instead.
        """
        if path is None:
            text = resources.files(__package__).joinpath(BUNDLED).read_text("utf-8")
        else:
            try:
                text = path.read_text("utf-8-sig")
            except OSError as error:
                raise UsageError(f"the brands file {str(path)!r} cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise UsageError(f"the brands file {str(path)!r} is not UTF-8; save it as UTF-8") from error
        return cls.parse(text, str(path or BUNDLED))

    @classmethod
    def parse(cls, yaml: str, name: str) -> Self:
        """Read rules from the text of a brands file; ``name`` stands in messages. Raises UsageError."""
        return cls.of(
            Brand(
                name,
                needles=tuple(entry for kind in MENTIONS for entry in entries.get(kind, ())),
                authors=entries.get("authors", ()),
                exclude=entries.get("exclude", ()),
            )
            for name, entries in BrandsFile(yaml, name).brands()
        )

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the file."""
        return tuple(brand.name for brand in self.brands)

    def called(self, name: str) -> tuple[str, ...]:
        """The brand's name and all by which its rules know it; the name alone of a brand without rules."""
        needles = next((brand.needles for brand in self.brands if brand.name == name), ())
        return (name, *needles)

    def find(self, text: str, author: str | None = None) -> list[str]:
        """Names of the brands that ``text`` mentions or whose author wrote it, in the order of the file."""
        folded = fold(text)
        found: set[int] = set()
        candidates: set[int] = set()
        for word in self._index.keys() & self._tokens(folded):
            sure, maybe = self._index[word]
            found.update(sure)
            candidates.update(maybe)
        if self._unspaced and not folded.isascii():
            candidates.update(number for piece, number in self._unspaced if piece in folded)
        if author and self._authors:
            found.update(self._authors.get(fold(author).strip().removeprefix("@"), ()))
        candidates -= found
        if candidates:
            spaced = " ".join(folded.split())
            found.update(number for number in candidates if self.brands[number].is_in(spaced))
        return [self.brands[number].name for number in sorted(found)]


def _position(text: str, needle: str, start: int = 0) -> int:
    """Where ``needle`` stands in ``text`` as whole words, from ``start`` on; -1 where it does not."""
    while (at := text.find(needle, start)) >= 0:
        if _starts_word(text, at) and _ends_word(text, at + len(needle), needle):
            return at
        start = at + 1
    return -1


def _starts_word(text: str, at: int) -> bool:
    if at == 0:
        return True
    before = text[at - 1]
    if before == "@" and text[at] not in "@#" and (at == 1 or not is_word(text[at - 2])):
        return False  # inside a mention, which only a handle can match
    return is_unspaced(text[at]) or not is_word(before)


def _ends_word(text: str, end: int, needle: str) -> bool:
    if end == len(text):
        return True
    if needle[0] == "#" and is_unspaced(text[end]):
        return False  # a hashtag goes on, whatever the script
    return is_unspaced(needle[-1]) or not is_word(text[end])


def _blank(text: str, phrase: str) -> str:
    """``text`` with every occurrence of ``phrase`` replaced by what no rule can match, nor match across."""
    start = 0
    while (at := _position(text, phrase, start)) >= 0:
        text = f"{text[:at]}\0{text[at + len(phrase) :]}"
        start = at + 1
    return text
