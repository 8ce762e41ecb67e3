"""A backtest on the terminal. Nothing that people wrote reaches it as it is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.terminal import cut, printable
from stream.backtest.result import Result, as_json, as_time
from stream.records import EvidenceTerm, EvidenceTweet, Spike
from stream.spikes.evidence.sentence import duration

KIND_STYLES = {"negative": "bold red", "positive": "bold green", "volume": "bold cyan"}
SHOWN_TERMS, SHOWN_TWEETS, LISTED_DEAD = 6, 3, 5
_INDENT = "  "
_LEAST_TEXT = 30


def show(console: Console, result: Result) -> None:
    """Brands, spikes with their evidence, and what was not counted."""
    _say(console, _overview(result))
    console.print(_brands(result))
    spikes = result.spikes
    if not spikes:
        _say(console, "No spikes.")
    for spike in spikes:
        console.print()
        show_spike(console, spike)
    _show_dead(console, result)


def show_spike(console: Console, spike: Spike) -> None:
    """When, how much, which terms, and what was said."""
    head = Text(f"{spike.kind.upper()} ", style=KIND_STYLES[spike.kind])
    head.append(printable(spike.brand), style="bold")
    head.append(f"  {_when(spike)}")
    console.print(head, soft_wrap=True)
    _say(console, f"{_INDENT}{printable(spike.sentence)}")
    if terms := spike.evidence.terms[:SHOWN_TERMS]:
        _say(console, f"{_INDENT}terms: {', '.join(map(_term, terms))}")
    for tweet in spike.evidence.tweets[:SHOWN_TWEETS]:
        _say(console, _INDENT + _tweet(tweet, console.width - len(_INDENT)))


def _overview(result: Result) -> str:
    told, reading, seconds = result.told, result.reading, result.seconds
    said = f"{told.counted:,} tweets counted (a tweet about two brands counts for each) of {reading.tweets:,}"
    notes = [
        f"{told.duplicates:,} duplicates" if told.duplicates else "",
        f"{told.late:,} too late" if told.late else "",
        f"{reading.outside:,} left out by --from, --to or --limit" if reading.outside else "",
        f"{result.by_model:,} texts labelled in {seconds.label:.1f} s" if result.by_model else "",
        f"{result.from_cache:,} labels from the cache" if result.from_cache else "",
        f"read in {seconds.read:.1f} s, counted in {seconds.fold:.1f} s ({result.labelled_per_s:,.0f} tweets/s)",
    ]
    return "; ".join([said, *filter(None, notes)])


def _brands(result: Result) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("brand", "tweets", "negative", "95% interval", "net", "from", "to (UTC)", "spikes"):
        table.add_column(name, justify="left" if name in ("brand", "from", "to (UTC)") else "right", no_wrap=True)
    summaries: dict[str, dict[str, Any]] = as_json(result)["brands"]
    spikes = [spike.brand for spike in result.spikes]
    for brand, summary in sorted(summaries.items(), key=lambda item: (-item[1]["tweets"], item[0])):
        table.add_row(
            Text(cut(printable(brand), 24)),
            f"{summary['tweets']:,}",
            f"{summary['negative_share']:.1%}",
            f"{summary['negative_share_low']:.1%} to {summary['negative_share_high']:.1%}",
            f"{summary['net_sentiment']:+.2f}",
            f"{summary['first']:%Y-%m-%d %H:%M}",
            f"{summary['last']:%Y-%m-%d %H:%M}",
            str(spikes.count(brand) or "-"),
        )
    return table


def _when(spike: Spike) -> str:
    opened = f"{spike.opened_at:%Y-%m-%d %H:%M}"
    if spike.closed_at is None:
        return f"opened {opened}, still open at {spike.updated_at:%H:%M}"
    length = duration(int((spike.closed_at - spike.opened_at).total_seconds()))
    same_day = spike.closed_at.date() == spike.opened_at.date()
    closed = f"{spike.closed_at:%H:%M}" if same_day else f"{spike.closed_at:%Y-%m-%d %H:%M}"
    return f"{opened} to {closed} UTC ({length}; {spike.reason})"


def _term(term: EvidenceTerm) -> str:
    return f"{printable(term.term)} ({term.share:.0%} of voices, before {term.share_before:.0%})"


def _tweet(tweet: EvidenceTweet, width: int) -> str:
    copies = f" x{tweet.copies}" if tweet.copies > 1 else ""
    head = f"{tweet.created_at:%H:%M} {tweet.label}{copies}: "
    return head + cut(printable(tweet.text), max(_LEAST_TEXT, width - len(head)))


def _show_dead(console: Console, result: Result) -> None:
    reading = result.reading
    if not reading.dead:
        return
    console.print()
    counts = ", ".join(f"{count:,} {reason}" for reason, count in reading.dead.most_common())
    _say(console, f"{reading.dead.total():,} rows are not counted: {counts}")
    for row in reading.dead_rows[:LISTED_DEAD]:
        where = f"line {row.line}: " if row.line else ""
        _say(console, f"{_INDENT}{where}{printable(row.message)}")
    if reading.dead.total() > LISTED_DEAD:
        _say(console, f"{_INDENT}and {reading.dead.total() - LISTED_DEAD:,} more")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A plain table; all but the first column are numbers."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(header):
        made.add_column(name, justify="right" if number else "left")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def _say(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)


def span(start: int, end: int) -> str:
    """Two times, in seconds since 1970, for people."""
    first, last = as_time(start), as_time(end)
    if last - first < dt.timedelta(days=1) and first.date() == last.date():
        return f"{first:%Y-%m-%d %H:%M} to {last:%H:%M} UTC"
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
