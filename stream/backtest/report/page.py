"""One self-contained HTML page about a brand: the plot, the spikes, what was said."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from html import escape

from infra.terminal import printable
from stream.backtest.report.plots import COLOURS
from stream.backtest.report.show import span
from stream.backtest.result import Series
from stream.records import Spike
from stream.spikes.evidence.sentence import duration

STYLE = """
:root { color-scheme: light dark; --ink: #2c3e50; --quiet: #6b7885; --line: #e1e5e9; --card: #f8f9fa; --page: #fff }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ec; --quiet: #9aa6b2; --line: #3a444e; --card: #232a31; --page: #181d22 } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h2 { font-size: 1.1rem; margin: 0 }
.quiet { color: var(--quiet) }
img { width: 100%; height: auto; border-radius: 8px; background: #fff; margin: 1rem 0 }
section { border: 1px solid var(--line); border-left: 5px solid var(--kind); border-radius: 8px;
  background: var(--card); padding: 1rem 1.2rem; margin: 1rem 0 }
.kind { color: var(--kind); text-transform: uppercase; font-size: .8rem; letter-spacing: .05em }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: .8rem 0 } th { font-weight: 600; text-align: left; color: var(--quiet) }
td, th { padding: .15rem 1.2rem .15rem 0 } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
blockquote { margin: .5rem 0; padding-left: .8rem; border-left: 3px solid var(--line); overflow-wrap: anywhere }
blockquote small { color: var(--quiet) }
"""
_FACTS = (
    ("share", "at the end"),
    ("baseline", "expected"),
    ("peak_share", "at its peak"),
)


def page(brand: str, series: Series, spikes: Sequence[Spike], png: bytes, source: str) -> str:
    """The page as HTML. ``png``: the plot. What people wrote is escaped, and links to nowhere."""
    name = safe(brand)
    tweets = sum(minute.tweets for minute in series.minutes)
    lead = f"{tweets:,} tweets, {span(series.start, series.end)}, from {safe(source)}; "
    lead += f"labelled by {safe(', '.join(sorted(series.models)))}"
    picture = b64encode(png).decode()
    sections = "\n".join(section(number, spike) for number, spike in enumerate(spikes, start=1))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: reputation spikes</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{name}</h1>
<p class="quiet">{lead}</p>
<img alt="Shares with 95% intervals, what was expected, spikes, and tweets, over time" \
src="data:image/png;base64,{picture}">
{sections or "<p>No spikes.</p>"}
</body>
</html>
"""


def section(number: int, spike: Spike) -> str:
    """A spike with its evidence, as HTML."""
    evidence = spike.evidence
    if spike.closed_at is None:
        when = f"open since {spike.opened_at:%Y-%m-%d %H:%M} UTC"
    else:
        length = duration(int((spike.closed_at - spike.opened_at).total_seconds()))
        when = f"{span(int(spike.opened_at.timestamp()), int(spike.closed_at.timestamp()))} ({length})"
    quotes = "\n".join(
        f"<blockquote>{safe(tweet.text)}<br><small>{tweet.created_at:%H:%M} UTC, {tweet.label}"
        f"{f', {tweet.copies} copies' if tweet.copies > 1 else ''}</small></blockquote>"
        for tweet in evidence.tweets
    )
    return f"""<section style="--kind: {COLOURS[spike.kind]}">
<h2><span class="kind">{number} · {spike.kind}</span> {when}</h2>
<p>{safe(spike.sentence)}</p>
{_facts(spike)}
{_terms(spike)}
{quotes}
</section>"""


def _facts(spike: Spike) -> str:
    rate = spike.kind == "volume"
    shown = [
        f"{what} {value:.1f} a minute" if rate else f"{what} {value:.0%}"
        for name, what in _FACTS
        for value in [getattr(spike, name)]
    ]
    evidence = spike.evidence
    shown.append(f"z {spike.peak_z:.1f} at its peak")
    shown.append(f"{evidence.sampled:,} tweets read, of {evidence.voices:,} people or texts")
    if evidence.copies_share:
        shown.append(f"{evidence.copies_share:.0%} copies")
    for title, mix in (("languages", evidence.languages), ("sources", evidence.sources)):
        if mix:
            shown.append(f"{title}: {', '.join(f'{name or chr(8212)} {share:.0%}' for name, share in mix.items())}")
    return f'<p class="quiet">{safe("; ".join(shown))}</p>'


def _terms(spike: Spike) -> str:
    if not spike.evidence.terms:
        return ""
    rows = "\n".join(
        f'<tr><td>{safe(term.term)}</td><td class="n">{term.share:.0%}</td><td class="n">{term.share_before:.0%}</td>'
        f'<td class="n">{term.explains:.0%}</td><td class="n">{term.z:.1f}</td></tr>'
        for term in spike.evidence.terms
    )
    head = '<tr><th>term</th><th class="n">voices</th><th class="n">before</th>'
    head += '<th class="n">of the rise</th><th class="n">z</th></tr>'
    return f'<div class="scroll"><table>{head}\n{rows}</table></div>'


def safe(text: str) -> str:
    """What people wrote, as it may stand in HTML."""
    return escape(printable(text))
