"""Foreign text made safe for a terminal, and cut to a number of cells.

What people write holds escape sequences, marks that change the direction of a
line, letters with fifty accents, and emoji that terminals draw one or two
cells wide as they please. ``printable`` keeps what can be read and whose width
all terminals agree on, so that a table stays a table.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rich.cells import cell_len

MOST_MARKS = 2
"""Combining marks kept on one letter: enough for every script, too few to climb over the line above."""

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # OSC, DCS: titles, links
    r"|\x1b[ -/]*[0-~]"
)
"""Escape sequences of ECMA-48, whole, so that nothing like [31m is left of them."""
_REGIONAL_A = 0x1F1E6
_REGIONAL_Z = 0x1F1FF


@lru_cache(maxsize=8192)
def _replacement(character: str) -> str:
    """What stands for one character: itself, a space, nothing or a letter."""
    code = ord(character)
    if 0x20 <= code < 0x7F:
        return character
    if _REGIONAL_A <= code <= _REGIONAL_Z:  # half of a flag: terminals draw a pair as 2 or as 4 cells
        return chr(ord("A") + code - _REGIONAL_A)
    if 0x1F3FB <= code <= 0x1F3FF or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
        return ""  # skin tones and variation selectors: the width depends on the terminal
    category = unicodedata.category(character)
    if category in {"Cc", "Zs", "Zl", "Zp"}:
        return " "
    if category[0] == "C":  # direction marks, joiners, lone surrogates, private and unassigned codes
        return ""
    return character


def printable(text: str) -> str:
    """The text on one line, without anything that a terminal obeys; runs of white space become one space."""
    kept: list[str] = []
    marks = 0
    for character in _SEQUENCE.sub("", text):
        safe = _replacement(character)
        if not safe:
            continue
        marks = marks + 1 if unicodedata.category(safe) in {"Me", "Mn"} else 0
        if marks <= MOST_MARKS:
            kept.append(safe)
    return " ".join("".join(kept).split())


def cut(text: str, cells: int) -> str:
    """At most ``cells`` terminal cells of a printable text; what was cut off shows as an ellipsis."""
    if cells <= 0:
        return ""
    if cell_len(text) <= cells:
        return text
    kept: list[str] = []
    used = 0
    for character in text:
        used += cell_len(character)
        if used > cells - 1:
            break
        kept.append(character)
    return "".join(kept).rstrip() + "…"


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Exactly ``cells`` terminal cells: cut, or filled with spaces (before the text if ``right``)."""
    shown = cut(text, cells)
    space = " " * (cells - cell_len(shown))
    return space + shown if right else shown + space
