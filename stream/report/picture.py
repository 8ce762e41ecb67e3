"""The plot of a backtest as SVG inside a page, in the page's colours: light on dark where the reader has it so."""

from __future__ import annotations

import io
import re

from infra.plotting import INK, QUIET
from stream.backtest.report.plots import COLOURS, VOLUME, Picture, draw
from stream.report.gather import Story

_VARIABLES = {
    INK: "--ink",
    QUIET: "--quiet",
    VOLUME: "--bar",
    "#e5e8eb": "--line",
    "#c5ccd3": "--line",
    **{colour: f"--{kind}" for kind, colour in COLOURS.items()},
}
_COLOUR = re.compile("|".join(_VARIABLES))
_LABEL = "Shares with 95% intervals, what was expected, spikes, and tweets, over time"


def svg(story: Story) -> str:
    """An ``<svg>`` element that needs nothing else: letters are drawn as shapes."""
    from matplotlib import rc_context

    figure = draw(Picture(story.brand, story.series, story.expected, story.spikes))
    drawn = io.StringIO()
    # The salt makes the same story the same bytes.
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "barometer"}):
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    element = text[text.index("<svg ") :]
    coloured = _COLOUR.sub(lambda found: f"var({_VARIABLES[found[0]]})", element)
    return coloured.replace("<svg ", f'<svg role="img" aria-label="{_LABEL}" ', 1)
