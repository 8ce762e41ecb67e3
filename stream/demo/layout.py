"""How a terminal's lines and columns are shared out, from 200x50 down to what can hardly be read."""

from __future__ import annotations

from dataclasses import dataclass

from stream.demo.tally import Wanted

ROOMY_WIDTH = 100
ROOMY_HEIGHT = 30
"""From this size on, sections stand in boxes."""
LEAST_WIDTH = 40
LEAST_HEIGHT = 8
"""Below this size there is one line of numbers."""

_NAME_CELLS = (10, 16, 24)
_COUNT_CELLS = 8
_NET_CELLS = 5
_GAP = 2


@dataclass(frozen=True)
class BrandColumns:
    """Cells of each column of the brand table; the gap between two is 2."""

    name: int
    count: int
    bar: int
    net: int
    series: int


@dataclass(frozen=True)
class Layout:
    """What there is room for. ``inner``: cells between a box's sides, or its margins."""

    width: int
    height: int
    boxed: bool
    inner: int
    subtitle: bool
    figures: bool
    trouble: bool
    commands: int
    columns: BrandColumns
    body: int
    """Lines for brands and tweets together, their headings and borders included."""

    @property
    def wanted(self) -> Wanted:
        """The most that could be shown."""
        return Wanted(brands=self.body, cells=self.columns.series, tweets=self.body, seconds=max(10, self.width // 5))

    @property
    def around(self) -> int:
        """Lines that a section takes beside its rows."""
        return 2 if self.boxed else 1

    def split(self, brands: int) -> tuple[int, int]:
        """Rows for brands and for tweets; brands come first, but leave a third to the tweets."""
        rows = self.body - 2 * self.around
        if rows < 4:
            return min(brands, max(0, self.body - self.around)), 0
        shown = min(brands, rows - max(2, rows // 3))
        return shown, rows - shown


def lay_out(width: int, height: int, *, commands: int, notes: int) -> Layout:
    """Share out a terminal of this size, with so many footer commands and notes."""
    boxed = width >= ROOMY_WIDTH and height >= ROOMY_HEIGHT
    inner = width - 4 if boxed else width - 2
    subtitle = height >= 16
    figures = height >= 14 and width >= 72
    trouble = height >= 12
    footer = commands if height >= 22 else 0
    fixed = 1 + subtitle + 1 + (2 if figures else 1) + trouble + notes + (footer + 1 if footer else 0)
    fixed += 3 if boxed else 0  # the pipeline's box, and a line of air below the title
    return Layout(
        width=width,
        height=height,
        boxed=boxed,
        inner=inner,
        subtitle=subtitle,
        figures=figures,
        trouble=trouble,
        commands=footer,
        columns=_columns(inner),
        body=max(0, height - fixed),
    )


def _columns(inner: int) -> BrandColumns:
    """Narrow terminals lose the sparkline first, then the bar."""
    name = _NAME_CELLS[0] if inner < 60 else _NAME_CELLS[1] if inner < 110 else _NAME_CELLS[2]
    rest = inner - name - _COUNT_CELLS - _NET_CELLS - 4 * _GAP
    if rest >= 24:
        bar = min(40, rest * 45 // 100)
        return BrandColumns(name, _COUNT_CELLS, bar, _NET_CELLS, rest - bar)
    return BrandColumns(name, _COUNT_CELLS, max(0, rest + _GAP), _NET_CELLS, 0)
