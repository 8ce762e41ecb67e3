"""The live view: one frame of numbers in, lines of exactly the terminal's width out.

Pure: it asks no clock, no terminal and no Kafka, so that every size can be
tested. Whatever comes from tweets goes through ``printable`` first.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from infra.terminal import fit, printable
from stream.demo import glyphs
from stream.demo.layout import LEAST_HEIGHT, LEAST_WIDTH, Layout, lay_out
from stream.demo.tally import BrandRow, LastTweet, Snapshot
from stream.records import OTHER_BRAND

_TEXT_READ = 400
"""Characters of a tweet that are looked at: more never fit on a line."""

StepState = Literal["waiting", "running", "done"]


@dataclass(frozen=True)
class Step:
    """One thing that must be up before tweets flow."""

    name: str
    state: StepState
    detail: str


@dataclass(frozen=True)
class Frame:
    """All that one picture shows. Times in seconds."""

    source: str
    """What is replayed."""
    kafka: str
    elapsed_s: float
    steps: tuple[Step, ...]
    snapshot: Snapshot
    published: int
    rows_read: int
    total: int | None
    eta_s: float | None
    rejected: int
    repaired: int
    last_rejected: str | None
    notes: tuple[str, ...]
    commands: tuple[str, ...]
    done: str | None
    """The sentence that ends the run, once it is over."""

    @property
    def lag(self) -> int:
        """Published source records that are neither labelled nor dead yet."""
        return max(self.published, self.snapshot.received) - self.snapshot.settled


def layout_for(width: int, height: int, *, commands: int, notes: int) -> Layout:
    """The layout to take a snapshot for, and to draw it with."""
    return lay_out(width, height, commands=commands, notes=notes)


def draw(frame: Frame, layout: Layout) -> Text:
    """The whole screen: ``height`` lines of ``width`` cells."""
    if layout.width < LEAST_WIDTH or layout.height < LEAST_HEIGHT:
        return _joined([Text(fit(_short_line(frame), layout.width))], layout)
    lines = [_title(frame, layout)]
    if layout.subtitle:
        lines.append(_subtitle(frame, layout))
    if layout.boxed:
        lines.append(Text())
    lines += _section("", _pipeline(frame, layout), layout) if layout.boxed else _pipeline(frame, layout)
    lines += _body(frame, layout)
    if layout.commands:
        lines += _footer(frame, layout)
    return _joined(lines, layout)


def plain_line(frame: Frame) -> str:
    """The same in one line without colour, for logs and pipes."""
    now = frame.snapshot
    of = f"/{frame.total:,}" if frame.total is not None else ""
    latency = (
        f" · latency p50 {glyphs.duration(now.latency.p50)} p95 {glyphs.duration(now.latency.p95)}"
        if now.latency
        else ""
    )
    return (
        f"{glyphs.clock(frame.elapsed_s)} · published {frame.published:,}{of} · labelled {now.labeled:,} · "
        f"lag {frame.lag:,} · {now.rate:,.0f} tweets/s{latency} · "
        f"windows {now.windows:,} ({now.open_windows:,} open) · dead {now.dead:,} · rejected {frame.rejected:,}"
    )


def _short_line(frame: Frame) -> str:
    """What matters most, for the narrowest terminals."""
    now = frame.snapshot
    return f"{now.rate:,.0f}/s · lag {frame.lag:,} · {now.labeled:,} labelled · {now.windows:,} windows"


def _joined(lines: Sequence[Text], layout: Layout) -> Text:
    whole = Text("\n", no_wrap=True, overflow="crop", end="").join(
        [_fill(line, layout.width) for line in lines[: layout.height]]
        + [Text(" " * layout.width) for _ in range(layout.height - len(lines))]
    )
    whole.no_wrap, whole.overflow, whole.end = True, "crop", ""
    return whole


def _fill(line: Text, cells: int) -> Text:
    """Exactly so many cells."""
    line = line.copy()
    line.truncate(cells, overflow="crop", pad=True)
    return line


def _ends(left: Text, right: Text, cells: int) -> Text:
    """One text at each end of a line; the right one goes first when there is no room."""
    gap = cells - left.cell_len - right.cell_len
    if gap < 2:
        return _fill(left, cells)
    return Text.assemble(left, " " * gap, right)


def _title(frame: Frame, layout: Layout) -> Text:
    left = Text.assemble((" Barometer", "bold cyan"), ("  " + printable(frame.source), "bold"))
    if frame.done:
        state = Text.assemble(("done", "bold green"), f"  {glyphs.clock(frame.elapsed_s)} ")
    else:
        state = Text(f"{glyphs.clock(frame.elapsed_s)} ")
    return _ends(left, state, layout.width)


def _subtitle(frame: Frame, layout: Layout) -> Text:
    model = frame.snapshot.model
    labels = f"model: {printable(model.name)} {printable(model.version)} " if model else ""
    return _ends(Text(f" {frame.kafka}", "dim"), Text(labels, "dim"), layout.width)


def _pipeline(frame: Frame, layout: Layout) -> list[Text]:
    margin = "" if layout.boxed else " "
    lines = [_progress(frame, layout.inner)]
    lines += _figures(frame, layout.inner) if layout.figures else [Text(fit(_short_line(frame), layout.inner))]
    if layout.trouble:
        lines.append(_trouble(frame, layout.inner))
    lines += [Text(fit(f"! {printable(note)}", layout.inner), "yellow") for note in frame.notes]
    return [Text.assemble(margin, line) for line in lines]


def _progress(frame: Frame, cells: int) -> Text:
    if frame.done:
        return Text(fit(f"✔ {frame.done}", cells), "green")
    if frame.total is None:
        read = f"reading the file, {frame.rows_read:,} rows so far" if frame.rows_read else ""
        return Text(fit(f"{frame.published:,} tweets published" if frame.published else read, cells), "dim")
    share = min(1.0, frame.published / frame.total) if frame.total else 1.0
    words = f"  {share:4.0%}  {frame.published:,} of {frame.total:,}"
    if cells < 70:
        return Text.assemble(glyphs.progress_bar(share, max(0, cells - len(words)), "cyan"), words)
    words += " published"
    if share >= 1:
        words += (
            f", {frame.lag:,} to label" if frame.lag else f", {frame.snapshot.unsettled_windows:,} windows to close"
        )
    elif frame.eta_s is not None:
        words += f", {glyphs.clock(frame.eta_s)} left"
    bar = glyphs.progress_bar(share, max(0, cells - len(words)), "cyan")
    return Text.assemble(bar, words)


def _figures(frame: Frame, cells: int) -> list[Text]:
    """Two lines: headings, and the numbers under them."""
    now = frame.snapshot
    none = Text("-", "dim")
    p50 = Text(glyphs.duration(now.latency.p50), "bold") if now.latency else none
    p95 = Text(glyphs.duration(now.latency.p95), "bold") if now.latency else none
    still_open = f"  {now.open_windows:,} open" if now.open_windows else ""
    windows = Text.assemble((f"{now.windows:,}", "bold"), (still_open, "dim"))
    columns: list[tuple[str, Text, int]] = [
        ("lag", Text(f"{frame.lag:,}", "bold"), 10),
        ("latency p50", p50, 13),
        ("p95", p95, 10),
        ("labelled", Text(f"{now.labeled:,}", "bold"), 11),
        ("windows", windows, 16),
    ]
    first = cells - sum(width for _, _, width in columns)
    rate = f"{now.rate:,.0f}"
    line = glyphs.rate_line(now.rates[-max(0, first - len(rate) - 4) :] if first - len(rate) > 4 else ())
    headings, numbers = [Text(fit("tweets/s", first), "dim")], [_fill(Text.assemble((rate, "bold"), "  ", line), first)]
    for heading, number, width in columns:
        headings.append(Text(fit(heading, width), "dim"))
        numbers.append(_fill(number, width))
    return [Text.assemble(*headings), Text.assemble(*numbers)]


def _trouble(frame: Frame, cells: int) -> Text:
    """Dead letters and rejected rows, with the reason of the last one."""
    now = frame.snapshot
    dead = f"dead letters {now.dead:,}"
    if now.last_dead is not None:
        dead += f" · {printable(now.last_dead.reason)}: {printable(now.last_dead.message[:_TEXT_READ])}"
    rejected = f"rejected rows {frame.rejected:,}"
    if frame.repaired:
        rejected = f"repaired rows {frame.repaired:,} · {rejected}"
    if frame.last_rejected:
        rejected += f" · {printable(frame.last_rejected[:_TEXT_READ])}"
    half = (cells - 3) // 2
    right = min(len(rejected), max(half, cells - 3 - len(dead)))
    left = cells - right - 3
    return Text.assemble(
        (fit(dead, left), "yellow" if now.dead else "dim"),
        "   ",
        (fit(rejected, right), "yellow" if frame.rejected else "dim"),
    )


def _body(frame: Frame, layout: Layout) -> list[Text]:
    now = frame.snapshot
    if not now.brands and not now.last:
        return _section("Starting", _steps(frame, layout), layout, height=layout.body - layout.around)
    brand_rows, tweet_rows = layout.split(now.brands_in_all or 1)
    lines: list[Text] = []
    if brand_rows:
        lines += _section(_brand_headings(frame, layout), _brands(now, brand_rows, layout), layout, height=brand_rows)
    if tweet_rows:
        until = f"event time {now.event_time:%a %-d %b %Y %H:%M} UTC" if now.event_time else ""
        tweets = [_tweet(tweet, layout) for tweet in now.last[:tweet_rows]]
        lines += _section("Last tweets", tweets, layout, right=until, height=tweet_rows)
    return lines


def _section(heading: str, rows: Sequence[Text], layout: Layout, *, right: str = "", height: int = 0) -> list[Text]:
    """Rows under a heading that is part of the line above them; filled up to ``height`` rows."""
    if right:
        heading = fit(heading, max(0, layout.inner - len(right) - 2)) + "  " + right
    rule = _rule(fit(heading, layout.inner))
    filled = [*rows, *[Text()] * (height - len(rows))]
    if not layout.boxed:
        return [Text.assemble(" ", rule, " "), *[Text.assemble(" ", _fill(row, layout.inner), " ") for row in filled]]
    return [
        Text.assemble(("╭ " if heading else "╭─", "dim"), rule, (" ╮" if right else "─╮", "dim")),
        *[Text.assemble(("│ ", "dim"), _fill(row, layout.inner), (" │", "dim")) for row in filled],
        Text("╰" + "─" * (layout.width - 2) + "╯", "dim"),
    ]


def _rule(heading: str) -> Text:
    """A line with the words of a heading in it: every run of two spaces or more becomes the line."""
    line = Text()
    for run in re.finditer(r" {2,}| $|(?:[^ ]| (?=[^ ]))+", heading):
        before = " " if run.start() else ""
        after = " " if run.end() < len(heading) else ""
        if run[0].isspace():
            line.append(before + "─" * (len(run[0]) - len(before) - len(after)) + after, "dim")
        else:
            line.append(run[0], "bold")
    return line


def _steps(frame: Frame, layout: Layout) -> list[Text]:
    signs = {"waiting": "·", "running": glyphs.spinner(frame.elapsed_s), "done": "✔"}
    styles = {"waiting": "dim", "running": "cyan", "done": "green"}
    name = max((len(step.name) for step in frame.steps), default=0)
    return [
        Text.assemble(
            (f"{signs[step.state]} ", styles[step.state]),
            fit(step.name, name + 2),
            (fit(printable(step.detail), max(0, layout.inner - name - 4)), "dim"),
        )
        for step in frame.steps
    ]


NEGATIVE = "negative"


def _brand_headings(frame: Frame, layout: Layout) -> str:
    columns = layout.columns
    heading = fit("Brands", columns.name) + "  " + fit("tweets", columns.count, right=True)
    if columns.bar:
        heading += "  " + _share_heading(columns.bar)
    heading += "  " + fit("net", columns.net, right=True)
    if columns.series and frame.snapshot.span:
        covered, each = glyphs.span_text(frame.snapshot.span)
        heading += "  " + (f"{covered}, {each}" if len(covered) + len(each) + 2 <= columns.series else covered)
    return heading


def _share_heading(cells: int) -> str:
    if cells >= 28:
        return f"negative{'neutral':^{cells - 16}}positive"
    return f"negative{'positive':>{cells - 8}}" if cells >= 18 else fit("share", cells)


def _brands(now: Snapshot, rows: int, layout: Layout) -> list[Text]:
    if not now.brands:
        return [Text("no window yet", "dim")]
    if now.brands_in_all <= rows:
        return [_brand(row, layout) for row in now.brands]
    shown = [_brand(row, layout) for row in now.brands[: rows - 1]]
    return [*shown, Text(f"and {now.brands_in_all - len(shown):,} more", "dim")]


def _brand(row: BrandRow, layout: Layout) -> Text:
    columns = layout.columns
    alarm = ("▲ " if row.alarm == NEGATIVE else "△ ", "bold red") if row.alarm else ("  ", "")
    line = Text.assemble(
        fit(_shown(row.name), columns.name), alarm, (fit(f"{row.counts.total:,}", columns.count, right=True), "bold")
    )
    if columns.bar:
        line.append("  ").append_text(glyphs.share_bar(row.counts, columns.bar))
    line.append("  ").append_text(glyphs.net_text(row.net))
    if columns.series:
        line.append("  ").append_text(glyphs.net_line(row.series))
    return line


def _shown(brand: str) -> str:
    return "(no brand)" if brand == OTHER_BRAND else printable(brand)


def _tweet(tweet: LastTweet, layout: Layout) -> Text:
    brand = layout.columns.name
    label = fit(tweet.label, 9) if layout.inner >= 90 else ""
    text = printable(html.unescape(tweet.text[:_TEXT_READ]))
    style = glyphs.COLOURS[tweet.label]
    # One cell is left free: a terminal that draws a letter wider than expected must not break the line.
    room = layout.inner - brand - len(label) - 10
    return Text.assemble(
        (f"{glyphs.MARKS[tweet.label]} {label}", style),
        (f"{tweet.confidence:.2f}", "dim"),
        "  ",
        fit(_shown(tweet.brand), brand),
        "  ",
        (fit(text, max(0, room - 1)), "default"),
    )


def _footer(frame: Frame, layout: Layout) -> list[Text]:
    lines = [Text.assemble(" ", _rule(fit("In another terminal", layout.width - 2)))]
    for command in frame.commands[:-1]:
        lines += [Text.assemble(("  $ ", "dim"), (fit(command, layout.width - 5), "cyan"))]
    stop = Text("Ctrl-C ends the demo " if frame.done else "Ctrl-C stops everything ", "dim")
    last = Text.assemble(("  $ ", "dim"), (frame.commands[-1], "cyan"))
    return [*lines, _ends(last, stop, layout.width)]
