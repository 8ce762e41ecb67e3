"""Findings for a person: a line for each, the fix below where there is one."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.terminal import printable
from stream.doctor.finding import Finding

_MARKS = {"ok": ("ok", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}
_WIDE = 160


def show(findings: Sequence[Finding], console: Console | None = None) -> None:
    """Print the findings, and what they come to."""
    console = console or Console(highlight=False)
    if not console.is_terminal:
        console = Console(file=console.file, width=_WIDE, highlight=False)
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        mark, style = _MARKS[finding.state]
        said = Text(printable(finding.seen))
        if finding.fix:
            said.append(f"\n{printable(finding.fix)}", style="cyan")
        table.add_row(Text(mark, style=style), Text(finding.check, style="bold"), said)
    console.print(table)
    counts = {state: sum(finding.state == state for finding in findings) for state in _MARKS}
    if counts["fail"]:
        console.print(f"\n{_many(counts['fail'], 'thing')} to mend", style="bold red")
    elif counts["warn"]:
        console.print(f"\nAll works; {_many(counts['warn'], 'thing')} to look at", style="yellow")
    else:
        console.print("\nAll is well", style="green")


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"
