"""What the font of matplotlib can draw. Needs matplotlib when it is called."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from infra.terminal import printable


@lru_cache(maxsize=1)
def _glyphs() -> Any:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return get_font(findfont(FontProperties())).get_charmap()


def drawable(text: str) -> str:
    """A text on one line, without what the font of the plots has no sign for (emoji, Chinese and others)."""
    known = _glyphs()
    return "".join(character if ord(character) in known else "▯" for character in printable(text))
