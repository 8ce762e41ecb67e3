"""The page: what came of it in one line, the numbers, the plot, each spike with its evidence, a table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from model.quantification import wilson
from stream.backtest.report.page import STYLE, safe, section
from stream.backtest.report.plots import COLOURS
from stream.backtest.report.show import span as in_words
from stream.backtest.result import Minute
from stream.records import Spike
from stream.report.gather import Story
from stream.report.picture import svg
from stream.spikes.rules import HOUR_S

_DAY_S = 86_400
_HOURS_UP_TO_S = 2 * _DAY_S
"""A longer time is told by days."""
_STYLE = """
:root { --bar: #aab7c4; --negative: #c0392b; --positive: #1e8449; --volume: #2471a3 }
@media (prefers-color-scheme: dark) {
  :root { --bar: #56636f; --negative: #f0776a; --positive: #58c98b; --volume: #6bb3ea } }
header p.lead { font-size: 1.15rem; margin: .6rem 0 0 }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 1.2rem 0 }
dl div { border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: .7rem .9rem }
dt { color: var(--quiet); font-size: .85rem } dd { margin: 0; font-size: 1.5rem; font-variant-numeric: tabular-nums }
dd small { display: block; font-size: .8rem; color: var(--quiet) }
svg { width: 100%; height: auto; margin: .5rem 0 }
footer { color: var(--quiet); font-size: .85rem; margin-top: 2rem; padding-top: .8rem;
  border-top: 1px solid var(--line) }
@media print { section, dl div { break-inside: avoid } }
"""


def page(story: Story, now: dt.datetime) -> str:
    """The page as HTML. ``now``: when it was made. What people wrote is escaped, and links to nowhere."""
    name = safe(story.brand)
    series = story.series
    when = in_words(series.start, series.end)
    sections = "\n".join(_section(number, spike) for number, spike in enumerate(story.spikes, start=1))
    models = safe(", ".join(sorted(series.models)))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: reputation, {when}</title>
<style>{STYLE}{_STYLE}</style>
</head>
<body>
<header>
<h1>{name}</h1>
<p class="quiet">{when}</p>
<p class="lead">{safe(lead(story))}</p>
</header>
<main>
<dl>
{_numbers(story)}
</dl>
{svg(story)}
<h2>What stood out</h2>
{sections or "<p>No spike: the shares and the number of tweets stayed near what was expected.</p>"}
<h2>{"By hour" if series.end - series.start <= _HOURS_UP_TO_S else "By day"}</h2>
{_table(story)}
</main>
<footer>From {safe(story.source)}; tweets labelled by model {models}. Intervals are of 95% (Wilson). Made by
Barometer on {now:%Y-%m-%d %H:%M} UTC.</footer>
</body>
</html>
"""


def _section(number: int, spike: Spike) -> str:
    """A spike in the colour that its kind has on this page."""
    return section(number, spike).replace(f"--kind: {COLOURS[spike.kind]}", f"--kind: var(--{spike.kind})", 1)


def lead(story: Story) -> str:
    """The whole of it in a sentence or two."""
    total, negative, _positive = _sums(story.series.minutes)
    said = f"{total:,} tweets, {negative / total:.0%} of them negative"
    expected = expected_share(story)
    if expected is not None:
        points = round(100 * (negative / total - expected))
        side = (
            "as expected" if points == 0 else f"{abs(points)} points {'above' if points > 0 else 'below'} the expected"
        )
        said += f", {side}{'' if points == 0 else f' {expected:.0%}'}"
    if not story.spikes:
        return f"{said}. No spike."
    worst = max(story.spikes, key=lambda spike: spike.peak_z)
    count = len(story.spikes)
    return f"{said}. {count} spike{'s' if count != 1 else ''}{', the strongest' if count > 1 else ''}: {worst.sentence}"


def expected_share(story: Story) -> float | None:
    """The negative share that was expected, mean of the hours that have tweets; None while it was being learnt."""
    known = [hour.negative for hour in story.expected]
    return sum(known) / len(known) if known else None


def _sums(minutes: Sequence[Minute]) -> tuple[int, int, int]:
    """All, negative and positive tweets."""
    return (
        sum(minute.tweets for minute in minutes),
        sum(minute.negative for minute in minutes),
        sum(minute.positive for minute in minutes),
    )


def _numbers(story: Story) -> str:
    total, negative, positive = _sums(story.series.minutes)
    expected = expected_share(story)
    usual = "still being learnt" if expected is None else f"expected {expected:.0%}"
    low, high = wilson(negative, total)
    shown = [
        ("Tweets", f"{total:,}", f"{60 * total / max(60, story.series.end - story.series.start):.1f} a minute"),
        ("Negative", f"{negative / total:.1%}", f"{low:.1%} to {high:.1%}; {usual}"),
        ("Positive", f"{positive / total:.1%}", "{:.1%} to {:.1%}".format(*wilson(positive, total))),
        ("Net sentiment", f"{(positive - negative) / total:+.2f}", "positive less negative, of all"),
        ("Spikes", f"{len(story.spikes)}", _kinds(story)),
    ]
    return "\n".join(
        f"<div><dt>{name}</dt><dd>{value}<small>{safe(note)}</small></dd></div>" for name, value, note in shown
    )


def _kinds(story: Story) -> str:
    kinds = [str(spike.kind) for spike in story.spikes]
    still = sum(spike.status == "open" for spike in story.spikes)
    said = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    return f"{said}{f'; {still} still open' if still else ''}" or "of share or volume"


def _table(story: Story) -> str:
    series = story.series
    size = HOUR_S if series.end - series.start <= _HOURS_UP_TO_S else _DAY_S
    groups: dict[int, list[Minute]] = {}
    for minute in series.minutes:
        groups.setdefault(minute.start // size * size, []).append(minute)
    rows = []
    for start in sorted(groups):
        total, negative, positive = _sums(groups[start])
        at = dt.datetime.fromtimestamp(start, dt.UTC)
        cells = (
            f"{total:,}",
            f"{negative / total:.0%}",
            f"{positive / total:.0%}",
            f"{(positive - negative) / total:+.2f}",
        )
        numbers = "".join(f'<td class="n">{cell}</td>' for cell in cells)
        rows.append(f"<tr><td>{at:%a %d %b %Y}{f'{at: %H:%M}' if size == HOUR_S else ''}</td>{numbers}</tr>")
    heads = "".join(f'<th class="n">{name}</th>' for name in ("tweets", "negative", "positive", "net"))
    return f'<div class="scroll"><table><tr><th>from (UTC)</th>{heads}</tr>\n{chr(10).join(rows)}</table></div>'
