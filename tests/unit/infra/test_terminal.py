"""Foreign text on a terminal: nothing in it is obeyed, and tables stay straight."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from infra.terminal import MOST_MARKS, cut, fit, printable

ANY_TEXT = st.text(st.characters(codec=None))
"""Also lone surrogates, which JSON can carry and no terminal can show."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("two\nlines\tand\r\na tab", "two lines and a tab"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;a new title\x07kept", "kept"),
        ("\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b2Jcleared?", "cleared?"),
        ("\x1bc reset", "reset"),
        ("bell \x07 and backspace \x08", "bell and backspace"),
        ("\u202ereversed\u2066", "reversed"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("a\U0001f468\u200d\U0001f469b", "a\U0001f468\U0001f469b"),
        ("\u2764\ufe0f", "\u2764"),
        ("\U0001f44d\U0001f3fd", "\U0001f44d"),
        ("\U0001f1e9\U0001f1ea", "DE"),
        ("\ud800 half", "half"),
        ("z" + "\u0301" * 40, "z" + "\u0301" * MOST_MARKS),
        ("नमस्ते दुनिया", "नमस्ते दुनिया"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
    ],
)
def test_what_a_terminal_would_obey_or_draw_at_will_is_gone(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(ANY_TEXT)
def test_nothing_that_comes_out_can_steer_a_terminal_or_fail_to_be_written(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}]


@given(ANY_TEXT)
def test_making_it_printable_twice_changes_nothing(text: str) -> None:
    once = printable(text)
    assert printable(once) == once


@given(ANY_TEXT, st.integers(0, 60), st.booleans())
def test_a_fitted_text_has_exactly_the_cells_asked_for(text: str, cells: int, right: bool) -> None:
    assert cell_len(fit(printable(text), cells, right=right)) == cells


@given(ANY_TEXT, st.integers(1, 60))
def test_a_cut_text_says_that_it_was_cut(text: str, cells: int) -> None:
    whole = printable(text)
    shown = cut(whole, cells)
    assert shown == whole if cell_len(whole) <= cells else shown.endswith("…")


def test_a_wide_letter_is_not_cut_in_half() -> None:
    assert fit("中文中文", 4) == "中… "
