"""The live view: at every size a full screen of straight lines, whatever people wrote."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from stream.demo.glyphs import clock, duration, net_line, net_text, progress_bar, rate_line, share_bar, shares
from stream.demo.layout import lay_out
from stream.demo.tally import Snapshot, Tally, Wanted
from stream.demo.view import Frame, Step, draw, plain_line
from stream.records import Counts
from tests.unit.stream.demo.records import labeled, undecodable, window

HOSTILE = (
    "\x1b[2J\x1b[31mcleared \x07",
    "\u202eright to left",
    "z" + "\u0301" * 60,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\ufe0f family \U0001f1fa\U0001f1f8",
    "[red]markup[/red] [/] \\[",
    "lines\r\nand\nlines\x85",
    "中文" * 100,
    "&lt;b&gt;&amp;",
    "",
)
BRANDS = (
    "Koru Coffee",
    "Te\u200drn\ufeff",
    "[red]Tern[/red]",
    "中文" * 30,
    "e" + "\u0301" * 40,
    "\U0001f1fa\U0001f1f8",
    "_other",
)
"""Control characters, and marks that turn a line around, are refused in the name of a brand; these are not."""
SIZES = [(80, 24), (120, 40), (200, 50), (100, 30), (99, 30), (72, 16), (40, 8), (39, 7), (20, 5), (1, 1)]
COMMANDS = ("export BAROMETER_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:41297", "barometer tail reputation.windows")


def busy() -> Tally:
    tally = Tally()
    for number in range(60):
        text = HOSTILE[number % len(HOSTILE)]
        brand = BRANDS[number % len(BRANDS)]
        record = labeled(str(number), offset=number, brand=brand, text=text, minute=number)
        tally.add_tweet(0, number, 1_000 + number, float(number) / 10)
        tally.add_labeled(record, 1_200 + number, float(number) / 10)
        tally.add_window(window(record.brand, minute=number, counts=(number % 3, 1, number % 5)), 2_000)
    tally.add_dead(undecodable(61, message=HOSTILE[0] * 20), None, 2_000, 6.0)
    return tally


def frame_of(snapshot: Snapshot, **changes: object) -> Frame:
    values: dict[str, object] = {
        "source": "tweets.csv",
        "kafka": "Kafka 4.3.1 at 127.0.0.1:41297",
        "elapsed_s": 42.0,
        "steps": (Step("Kafka", "done", "4.1 s"), Step("Worker", "running", "loading"), Step("Replay", "waiting", "")),
        "snapshot": snapshot,
        "published": 70,
        "rows_read": 100,
        "total": 100,
        "eta_s": 3.0,
        "rejected": 2,
        "repaired": 1,
        "last_rejected": f"line 7: {HOSTILE[0]} \ud83d",
        "notes": (),
        "commands": COMMANDS,
        "done": None,
    }
    return Frame(**{**values, **changes})  # type: ignore[arg-type]


def screen(tally: Tally, width: int, height: int, **changes: Any) -> list[str]:
    notes = changes.get("notes", ())
    layout = lay_out(width, height, commands=len(COMMANDS), notes=len(notes))
    frame = frame_of(tally.snapshot(layout.wanted, now=6.5), **changes)
    lines: list[str] = draw(frame, layout).plain.split("\n")
    assert len(lines) == height
    assert {cell_len(line) for line in lines} == {width}
    return lines


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("changes", [{}, {"done": "all done"}, {"total": None}, {"notes": ("worker died", "again")}])
@pytest.mark.parametrize("tally", [busy(), Tally()], ids=["busy", "starting"])
def test_every_size_is_filled_exactly(size: tuple[int, int], changes: dict[str, Any], tally: Tally) -> None:
    screen(tally, *size, **changes)


@given(st.integers(1, 240), st.integers(1, 70))
def test_no_size_breaks_a_line(width: int, height: int) -> None:
    screen(BUSY, width, height)


BUSY = busy()


def test_no_escape_sequence_of_a_tweet_reaches_the_terminal() -> None:
    layout = lay_out(120, 40, commands=2, notes=0)
    file = io.StringIO()
    console = Console(file=file, width=120, height=40, force_terminal=True, no_color=True, legacy_windows=False)
    console.print(draw(frame_of(BUSY.snapshot(layout.wanted, 6.5)), layout), end="")
    written = file.getvalue()
    assert "\x1b[2J" not in written
    assert "\x1b[31m" not in written
    assert not set(written) & {"\x07", "\r", "\u202e", "\u200d", "\x85"}
    assert "cleared" in written


def test_without_colour_nothing_but_weight_is_left() -> None:
    layout = lay_out(80, 24, commands=2, notes=0)
    file = io.StringIO()
    console = Console(file=file, width=80, height=24, force_terminal=True, no_color=True, legacy_windows=False)
    console.print(draw(frame_of(BUSY.snapshot(layout.wanted, 6.5)), layout), end="")
    codes = {code for part in file.getvalue().split("\x1b[")[1:] for code in part.partition("m")[0].split(";")}
    assert codes <= {"0", "1", "2"}


def test_the_commands_to_copy_are_on_the_screen_whole() -> None:
    lines = screen(BUSY, 80, 24)
    for command in COMMANDS:
        assert [line for line in lines if f"$ {command} " in line]


def test_numbers_headings_and_tweets_are_where_a_reader_looks_for_them() -> None:
    tally = Tally()
    for number, label in enumerate(("negative", "negative", "positive")):
        tally.add_tweet(0, number, 1_000, 5.0)
        tally.add_labeled(labeled(str(number), offset=number, label=label, text=f"tweet {number}"), 1_250, 5.0)  # type: ignore[arg-type]
    tally.add_window(window(counts=(2, 0, 1), closed=False), 1_300)
    lines = screen(tally, 80, 24)
    assert "tweets.csv" in lines[0]
    assert "model: bundled 1f3a9c2" in lines[1]
    assert " 70%  70 of 100 published, 0:03 left" in lines[2]
    assert lines[4].split()[:1] == ["3"]
    assert "0.25 s" in lines[4]
    assert "1 open" in lines[4]
    [row] = [line for line in lines if line.startswith(" Koru Coffee")]
    assert row.split()[2] == "3"
    assert "\N{MINUS SIGN}0.33" in row
    assert [line for line in lines if line.startswith(" ▼ 0.90  Koru Coffee") and "tweet 1" in line]


def test_brands_that_have_no_room_are_counted() -> None:
    tally = Tally()
    for number in range(40):
        tally.add_window(window(f"brand {number:02}", counts=(0, 0, 1)), 1_000)
    lines = screen(tally, 80, 24)
    shown = [line for line in lines if line.startswith(" brand ")]
    assert [line for line in lines if f"and {40 - len(shown)} more" in line]


def test_labelled_tweets_are_shown_before_the_first_window_is_there() -> None:
    tally = Tally()
    tally.add_labeled(labeled("1", text="the first one"), 1_000, 5.0)
    lines = screen(tally, 80, 24)
    assert [line for line in lines if "no window yet" in line]
    assert [line for line in lines if "the first one" in line]


def test_what_is_out_of_the_ordinary_is_said() -> None:
    lines = screen(BUSY, 80, 24, notes=("the worker was ended by SIGKILL; started again as process 4711",))
    assert [line for line in lines if "ended by SIGKILL" in line]
    assert [line for line in lines if "rejected rows 2" in line]


def test_lag_is_what_was_published_and_is_neither_labelled_nor_dead() -> None:
    tally = Tally()
    tally.add_tweet(0, 0, 1_000, 0.0)
    tally.add_labeled(labeled("1", offset=0), 1_000, 0.0)
    tally.add_dead(undecodable(1), None, 1_000, 0.0)
    assert frame_of(tally.snapshot(Wanted(), 0.0), published=10).lag == 8


def test_the_plain_line_is_one_line_without_control_characters() -> None:
    line = plain_line(frame_of(BUSY.snapshot(Wanted(), 6.5)))
    assert line.isprintable()
    assert "published 70/100" in line


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 80))
def test_a_share_bar_fills_its_cells_and_hides_no_part(negative: int, neutral: int, positive: int, cells: int) -> None:
    parts = shares(Counts(negative=negative, neutral=neutral, positive=positive), cells)
    assert sum(parts) == (cells if negative + neutral + positive else 0)
    if cells >= 3:
        assert [bool(part) for part in parts] == [bool(count) for count in (negative, neutral, positive)]


def test_a_share_bar_is_true_to_half_a_cell_where_every_part_is_seen() -> None:
    assert shares(Counts(negative=50, neutral=25, positive=25), 20) == (10, 5, 5)
    assert shares(Counts(negative=1, neutral=998, positive=1), 10) == (1, 8, 1)
    assert share_bar(Counts(negative=1, neutral=1, positive=0), 4).plain == "━━──"


def test_sparklines_go_from_worst_to_best() -> None:
    assert net_line([-1.0, -0.5, 0.0, 0.5, 1.0, None]).plain == "▁▃▅▆█·"
    assert rate_line([0, 1, 50, 100]).plain == "▁▁▄█"
    assert rate_line([]).plain == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5, "+0.50"), (-0.561, "\N{MINUS SIGN}0.56"), (0.0, " 0.00"), (-0.001, " 0.00"), (1.0, "+1.00")],
)
def test_net_sentiment_is_signed_and_always_as_wide(value: float, shown: str) -> None:
    assert net_text(value).plain == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.004, "4 ms"), (0.0994, "99 ms"), (0.21, "0.21 s"), (9.994, "9.99 s"), (12.34, "12.3 s"), (1_250.0, "1,250 s")],
)
def test_durations_have_three_digits_and_a_unit(seconds: float, shown: str) -> None:
    assert duration(seconds) == shown


def test_clock_times() -> None:
    assert [clock(seconds) for seconds in (0, 65.9, 3_600, 7_207)] == ["0:00", "1:05", "1:00:00", "2:00:07"]


@given(st.floats(-0.5, 1.5), st.integers(0, 100))
def test_a_progress_bar_has_its_width(share: float, cells: int) -> None:
    assert progress_bar(share, cells, "cyan").cell_len == cells
