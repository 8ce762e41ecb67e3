"""Numbers as a few terminal cells: bars, sparklines, signs, times.

Colours are the terminal's own sixteen, so that they fit its theme, light or
dark; nothing is told by colour alone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from rich.text import Text

from model.labels import Label
from stream.demo.windows import Span
from stream.records import Counts

LEVELS = "▁▂▃▄▅▆▇█"
COLOURS: dict[Label, str] = {"negative": "red", "neutral": "dim", "positive": "green"}
MARKS: dict[Label, str] = {"negative": "▼", "neutral": "◆", "positive": "▲"}
NEARLY_ZERO = 0.05
"""Net sentiment closer to 0 than this has no colour."""

_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_SPINS_PER_S = 8


def spinner(elapsed_s: float) -> str:
    """One frame of a turning sign."""
    return _SPINNER[int(elapsed_s * _SPINS_PER_S) % len(_SPINNER)]


def share_bar(counts: Counts, cells: int) -> Text:
    """Negative, neutral and positive parts of a whole, left to right; the thin line is neutral."""
    negative, neutral, positive = shares(counts, cells)
    return Text.assemble(("━" * negative, "red"), ("─" * neutral, "dim"), ("━" * positive, "green"))


def shares(counts: Counts, cells: int) -> tuple[int, int, int]:
    """Cells for each part (largest remainders); what is there at all gets one cell if there is room."""
    parts = [counts.negative, counts.neutral, counts.positive]
    total = sum(parts)
    if not total or cells <= 0:
        return 0, 0, 0
    least = [1 if part and cells >= len(parts) else 0 for part in parts]
    spare = cells - sum(least)
    exact = [max(0.0, part * cells / total - floor) for part, floor in zip(parts, least, strict=True)]
    scale = spare / sum(exact) if sum(exact) else 0.0
    filled = [floor + int(more * scale) for floor, more in zip(least, exact, strict=True)]
    order = sorted(range(len(parts)), key=lambda i: (int(exact[i] * scale) - exact[i] * scale, -parts[i]))
    for place in order[: cells - sum(filled)]:
        filled[place] += 1
    return filled[0], filled[1], filled[2]


def net_line(values: Sequence[float | None]) -> Text:
    """Net sentiment over time: low and red for -1, high and green for +1, a dot where nobody spoke."""
    line = Text()
    for value in values:
        if value is None:
            line.append("·", "dim")
        else:
            line.append(LEVELS[round((value + 1) / 2 * (len(LEVELS) - 1))], net_style(value))
    return line


def net_style(value: float) -> str:
    """The colour of a net sentiment."""
    return "red" if value <= -NEARLY_ZERO else "green" if value >= NEARLY_ZERO else "dim"


def net_text(value: float) -> Text:
    """Signed, two digits, always five cells wide."""
    shown = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return Text("0.00".rjust(5) if shown[1:] == "0.00" else shown, f"bold {net_style(value)}")


def rate_line(values: Sequence[int]) -> Text:
    """Tweets in each second, against the best of them."""
    top = max(values, default=0)
    line = Text()
    for value in values:
        if value:
            line.append(LEVELS[min(len(LEVELS) - 1, value * len(LEVELS) // (top + 1))], "cyan")
        else:
            line.append(LEVELS[0], "dim")
    return line


def progress_bar(share: float, cells: int, style: str) -> Text:
    """A bar filled to a share from 0 to 1."""
    halves = round(min(1.0, max(0.0, share)) * cells * 2)
    full, half = divmod(halves, 2)
    return Text.assemble(("━" * full + "╸" * half, style), ("─" * (cells - full - half), "dim"))


def clock(seconds: float) -> str:
    """1:05, or 2:00:07."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def duration(seconds: float) -> str:
    """Three significant digits with a unit: 85 ms, 0.21 s, 12.3 s, 125 s."""
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s" if seconds < 99.95 else f"{seconds:,.0f} s"


def span_text(span: Span) -> tuple[str, str]:
    """The time a sparkline covers (UTC), and what one cell of it stands for."""
    start, end = (dt.datetime.fromtimestamp(s, dt.UTC) for s in (span.start_s, span.end_s))
    if span.cell_s >= 86_400:
        each = f"{span.cell_s // 86_400} d"
    else:
        each = f"{span.cell_s // 3600} h" if span.cell_s >= 3600 else f"{span.cell_s // 60} min"
    short = span.end_s - span.start_s <= 86_400
    form = "%H:%M" if short else "%b %-d" if start.year == end.year else "%b %Y"
    return f"{start:{form}}\N{EN DASH}{end:{form}}", f"{each} each"
