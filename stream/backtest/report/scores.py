"""How well incidents were told, and what other thresholds would have done, on the terminal."""

from __future__ import annotations

from collections.abc import Sequence

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
    alike: dict[tuple[float | None, ...], list[Try]] = {}
    for one in found.tries:
        alike.setdefault(_outcome(one), []).append(one)
    groups = list(alike.values())
    shown = groups[:SHOWN_TRIES]
    shown += [group for group in groups[SHOWN_TRIES:] if found.current in group]
    console.print()
    header = [
        "",
        *(name.replace("_", " ") for name in names),
        "alike",
        "recall",
        "precision",
        "delay",
        "false alarms a brand-week",
    ]
    console.print(table(header, [_row(group, names, found) for group in shown]))
    _say(
        console,
        f"{len(found.tries)} settings tried, of which those with the same outcome are shown as one; "
        f"at most {found.allowed:g} false alarms a brand and week allowed",
    )
    if not found.best.score.found:
        _say(console, "No setting tells any of the incidents: look at them, and at the file, before the thresholds.")
        return
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


def _outcome(one: Try) -> tuple[float | None, ...]:
    score = one.score
    return score.recall, score.precision, score.delay_s, score.false_alarms


def _row(group: Sequence[Try], names: Sequence[str], found: Sweep) -> list[str]:
    """One of several settings that come to the same: the current one, else the first."""
    one = found.current if found.current in group else group[0]
    marks = ["best"] * (found.best in group) + ["current"] * (found.current in group)
    score = one.score
    return [
        ", ".join(marks),
        *(f"{getattr(one.rules, name):g}" for name in names),
        str(len(group)),
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
