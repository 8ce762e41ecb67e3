"""The one text cleaner, used for training and for inference alike.

A model must see at run time exactly what it saw in training, so this module is
pure and has no settings. The conventions for mentions and links are those of
TweetEval (Barbieri et al. 2020): ``@user`` and ``http``.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache

VERSION = 1
"""Goes up whenever any text may come out differently: models are bound to the version they were trained with."""
MAX_CHARS = 4_000
"""Texts are cut here before any work: no tokeniser window reaches further, and
a megabyte of hostile text then costs no more than a long tweet."""

_ESCAPED_UNICODE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_URL = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_MENTION = re.compile(r"(?<!\w)@\w+")
_HASHTAG = re.compile(r"#(\w+)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=[0-9])|(?<=[A-Z])(?=[A-Z][a-z])|_+")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INVISIBLE = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    r"""Return ``text`` as the classifier expects it.

    HTML entities and literal ``\uXXXX`` escapes are decoded, links become
    ``http``, mentions ``@user``, emoji their English names, hashtags the words
    in them; invisible characters go and white space is collapsed. The result
    can be empty (a text of zero-width characters has nothing to classify).

    >>> normalise("@United &amp; co: #WorstFlightEver 😡 https://t.co/x")
    '@user & co: # Worst Flight Ever enraged face http'
    """
    text = text[:MAX_CHARS]
    if "&" in text:
        text = html.unescape(text)
    if "\\u" in text:
        text = _ESCAPED_UNICODE.sub(_decode_escapes, text)
    if not text.isascii():
        text = _SURROGATE.sub("", text)
        text = _emoji_to_words(text)
    text = _URL.sub("http", text)
    text = _MENTION.sub("@user", text)
    text = _HASHTAG.sub(_split_hashtag, text)
    text = _INVISIBLE.sub("", text)
    return _SPACE.sub(" ", text).strip()


def _decode_escapes(match: re.Match[str]) -> str:
    r"""Decode a run of ``\uXXXX``, pairing surrogates; half a pair is dropped."""
    units = bytes.fromhex(match.group().replace("\\u", ""))
    return units.decode("utf-16-be", errors="ignore")


def _split_hashtag(match: re.Match[str]) -> str:
    return "# " + _CAMEL.sub(" ", match.group(1)).strip()


def _emoji_to_words(text: str) -> str:
    import emoji  # the table is large; plain ASCII streams never need it

    return emoji.replace_emoji(text, lambda found, _data: f" {_emoji_name(found)} ")


@lru_cache(maxsize=4_096)
def _emoji_name(found: str) -> str:
    import emoji

    return emoji.demojize(found, delimiters=("", "")).replace("_", " ").replace("-", " ")
