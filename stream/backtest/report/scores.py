"""How well incidents were told, and what other thresholds would have done, on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from infra.terminal import printable
from model.quantification import wilson
from stream.backtest.report.show import span, table
from stream.backtest.result import as_time
from stream.backtest.score import Score
from stream.backtest.sweep import Sweep, Try
from stream.spikes.evidence.sentence import duration

SHOWN_FALSE, SHOWN_TRIES = 10, 12
FEW = 10
"""With fewer incidents than this, the best of sixty settings is the best by chance."""


def show_score(console: Console, score: Score) -> None:
    """Incident by incident, then the figures."""
    console.print()
    for one in score.told:
        told = "missed" if one.delay_s is None else f"told after {_after(one.delay_s)}"
        incident = one.incident
        _say(
            console,
            f"incident: {printable(incident.brand)} {incident.kind}, {span(incident.start, incident.end)}: {told}",
        )
    for incident in score.outside:
        _say(console, f"incident: {printable(incident.brand)} {incident.kind}: not judged, no tweets about it then")
    for alarm in score.false[:SHOWN_FALSE]:
        opened = f"{as_time(int(alarm.opened)):%Y-%m-%d %H:%M} UTC"
        _say(console, f"false alarm: {printable(alarm.brand)} {alarm.kind}, opened {opened}")
    if len(score.false) > SHOWN_FALSE:
        _say(console, f"and {len(score.false) - SHOWN_FALSE} more false alarms")
    found, right = score.found, score.alarms - len(score.false)
    _say(
        console,
        f"recall {_share(found, len(score.told))}, precision {_share(right, score.alarms)}, "
        f"median delay {'-' if score.delay_s is None else _after(score.delay_s)}, "
        f"{score.false_alarms:.2f} false alarms a brand and week ({score.weeks:.2f} brand-weeks)",
    )


def show_sweep(console: Console, found: Sweep) -> None:
    """The best settings, the current one among them, and the lines that set the best."""
    names = list(dict.fromkeys(name for one in found.tries for name in one.changed))
    shown = list(found.tries[:SHOWN_TRIES])
    if found.current not in shown:
        shown.append(found.current)
    console.print()
    header = ["", *names, "recall", "precision", "delay", "false alarms/brand-week"]
    console.print(table(header, [_row(one, names, found) for one in shown]))
    _say(console, f"{len(found.tries)} settings tried; at most {found.allowed:g} false alarms a brand and week allowed")
    if found.best.score.false_alarms > found.allowed:
        _say(console, "No setting has so few false alarms; this one has the fewest:")
    if not found.environment:
        _say(console, "The current settings are as good as any.")
        return
    _say(console, "Recommended:")
    for line in found.environment:
        _say(console, f"  {line}")
    incidents = len(found.best.score.told)
    if incidents < FEW:
        many = f"{incidents} incident{'' if incidents == 1 else 's'}"
        _say(console, f"Chosen on {many}: try them on other data before you trust them.")


def _row(one: Try, names: list[str], found: Sweep) -> list[str]:
    mark = "best" if one is found.best else ""
    mark = "current" if one is found.current else mark
    score = one.score
    return [
        mark,
        *(f"{getattr(one.rules, name):g}" for name in names),
        "-" if score.recall is None else f"{score.recall:.0%}",
        "-" if score.precision is None else f"{score.precision:.0%}",
        "-" if score.delay_s is None else _after(score.delay_s),
        f"{score.false_alarms:.2f}",
    ]


def _share(count: int, total: int) -> str:
    if not total:
        return "-"
    low, high = wilson(count, total)
    return f"{count} of {total} ({count / total:.0%}, 95% interval {low:.0%} to {high:.0%})"


def _after(seconds: float) -> str:
    return duration(int(seconds)) if seconds >= 30 else "0 minutes"


def _say(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)
