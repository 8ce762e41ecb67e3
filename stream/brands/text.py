"""Text as brand rules compare it: folded, and cut into words in every script."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from model.normalise import MAX_CHARS

_INVISIBLE = re.compile(
    r"[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)
_TRADE_MARK = re.compile("[\u2120\u2122]")
_LAST_WORD = "\U00020000"  # beyond it there is only Chinese
_UNSPACED_RANGES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x9FFF),  # Chinese and Japanese, Hangul jamo
    (0xA960, 0xA97F),  # Hangul
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Chinese
    (0x1AFF0, 0x1B16F),  # Kana
    (0x20000, 0x3FFFF),  # Chinese
)


def fold(text: str) -> str:
    """``text`` without what does not matter to a reader of names.

    HTML entities are decoded, letters lose their case and their width, accents
    are composed (but kept: ``pate`` is not ``pâté``), invisible characters go.
    As for the classifier, what stands beyond MAX_CHARS is not read.
    """
    text = text[:MAX_CHARS]
    if "&" in text:
        text = html.unescape(text)
    if text.isascii():
        return text.lower()
    text = _TRADE_MARK.sub(" ", _INVISIBLE.sub("", text)).replace("\u2019", "'")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def is_unspaced(character: str) -> bool:
    """Whether the script is written without spaces between words, or glues particles to them."""
    code = ord(character)
    return code >= _UNSPACED_RANGES[0][0] and any(first <= code <= last for first, last in _UNSPACED_RANGES)


def is_word(character: str) -> bool:
    """Whether the character is part of a word, in a script that separates words."""
    if character == "_":
        return True
    return character < _LAST_WORD and unicodedata.category(character)[0] in "LMN" and not is_unspaced(character)


def token_finder() -> Callable[[str], list[str]]:
    """A function that lists the words of a folded text, mentions with their ``@``; unspaced scripts are left out."""
    ascii_token = re.compile(r"(?:(?<!\w)@)?\w+", re.ASCII)
    word = word_class()
    token = re.compile(rf"(?:(?<!{word})@)?{word}+")

    def find_tokens(text: str) -> list[str]:
        return (ascii_token if text.isascii() else token).findall(text)

    return find_tokens


@lru_cache(maxsize=1)
def word_class() -> str:
    r"""What ``is_word`` accepts, as a regex class: ``\w`` lacks marks, such as the vowel signs of Hindi."""
    unspaced = set(_unspaced_codes())
    codes = (code for code in range(ord(_LAST_WORD)) if code not in unspaced)
    return _class_of(code for code in codes if code == ord("_") or unicodedata.category(chr(code))[0] in "LMN")


@lru_cache(maxsize=1)
def unspaced_class() -> str:
    """Letters, marks and numbers of scripts without spaces, as a regex class."""
    return _class_of(code for code in _unspaced_codes() if unicodedata.category(chr(code))[0] in "LMN")


def _unspaced_codes() -> Iterator[int]:
    for first, last in _UNSPACED_RANGES:
        yield from range(first, last + 1)


def _class_of(codes: Iterable[int]) -> str:
    """A regex class of ascending codes."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]"
