"""A table of text cells, and how it is made to fit a terminal: the gentlest step that is enough.

Numbers and names of columns are never cut, since a number without its end is a wrong one. A column that does not fit
is left off whole, and named.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_GAP = "  "
_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")
_NARROWEST_TEXT = 12
"""Cells below which no text is cut: columns are left off instead."""

_FOLDED = ("cluster", "snapshot_id")


@dataclass(frozen=True, slots=True)
class Grid:
    """Names of columns, their rows of cells, which columns stand to the right, and lines of text before the table."""

    names: list[str]
    rows: list[list[str]]
    is_right: list[bool]
    notes: tuple[str, ...] = ()
    has_stacked_heads: bool = False

    @property
    def heads(self) -> list[list[str]]:
        """Lines of each head, as many for every column."""
        parts = [_halves(name) if self.has_stacked_heads else [name] for name in self.names]
        height = max(map(len, parts), default=1)
        return [[""] * (height - len(lines)) + lines for lines in parts]

    @property
    def widths(self) -> list[int]:
        """Cells each column takes."""
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.names)
        return [max(map(cell_width, (*head, *cells))) for head, cells in zip(self.heads, columns, strict=True)]

    def with_only(self, kept: Sequence[int], *notes: str) -> Grid:
        """Keep columns by their places, and say something of the others."""
        return replace(
            self,
            names=[self.names[place] for place in kept],
            rows=[[row[place] for place in kept] for row in self.rows],
            is_right=[self.is_right[place] for place in kept],
            notes=(*self.notes, *notes),
        )

    def lines(self) -> Iterator[str]:
        """Text of the table."""
        yield from self.notes
        widths = self.widths
        for line in (*zip(*self.heads, strict=True), ["─" * cells for cells in widths], *self.rows):
            yield _GAP.join(map(_padded, line, widths, self.is_right)).rstrip()


def fitted(grid: Grid, width: int) -> Grid:
    """Make a table fit: fold what is the same in all rows, shorten digests, stack heads, cut text, drop columns.

    One row that is too wide is turned, a line for each column.
    """
    if _needed(grid) > width and len(grid.rows) == 1:
        return _turned(grid)
    for step in (_folded, _with_short_digests, _stacked):
        if _needed(grid) <= width:
            return grid
        grid = step(grid)
    return _cut(_narrowed(grid, width), width)


def cell_width(text: str) -> int:
    """Cells the text takes on a terminal, where East Asian characters and emoji take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _needed(grid: Grid) -> int:
    return sum(grid.widths) + len(_GAP) * (len(grid.names) - 1)


def _turned(grid: Grid) -> Grid:
    (row,) = grid.rows
    pairs = [[name, value] for name, value in zip(grid.names, row, strict=True)]
    return Grid(["column", "value"], pairs, [False, False])


def _folded(grid: Grid) -> Grid:
    """Say once above the table which cluster and snapshot all rows are of."""
    columns = dict(zip(grid.names, zip(*grid.rows, strict=True), strict=True)) if grid.rows else {}
    same = {name: columns[name][0] for name in _FOLDED if len(set(columns.get(name, ()))) == 1}
    kept = [place for place, name in enumerate(grid.names) if name not in same]
    return grid.with_only(kept, _GAP.join(f"{name} {value}" for name, value in same.items())) if same and kept else grid


def _with_short_digests(grid: Grid) -> Grid:
    return replace(grid, rows=[[_DIGEST.sub(r"\1…", cell) for cell in row] for row in grid.rows])


def _stacked(grid: Grid) -> Grid:
    return replace(grid, has_stacked_heads=True)


def _halves(name: str) -> list[str]:
    """Break a name at the underscore nearest its middle."""
    places = [match.end() for match in re.finditer("_", name)]
    if not places:
        return [name]
    place = min(places, key=lambda end: abs(end - len(name) / 2))
    return [name[:place], name[place:]]


def _least(grid: Grid) -> list[int]:
    """Cells below which no column can go: text can be cut, numbers and names can't."""
    heads = [max(map(len, lines)) for lines in grid.heads]
    pairs = zip(heads, grid.widths, grid.is_right, strict=True)
    return [cells if right else min(cells, max(head, _NARROWEST_TEXT)) for head, cells, right in pairs]


def _narrowed(grid: Grid, width: int) -> Grid:
    """Leave off the last columns that do not fit even with all text cut."""
    least, kept = _least(grid), len(grid.names)
    while kept > 1 and sum(least[:kept]) + len(_GAP) * (kept - 1) > width:
        kept -= 1
    left_off = grid.names[kept:]
    note = f"Left off, but in --format csv: {', '.join(left_off)}."
    return grid.with_only(range(kept), note) if left_off else grid


def _cut(grid: Grid, width: int) -> Grid:
    """Cut texts, the longest first, until the table fits."""
    least, widths = _least(grid), grid.widths
    room = width - len(_GAP) * (len(widths) - 1)
    caps = range(_NARROWEST_TEXT, max(_NARROWEST_TEXT, *widths) + 1)

    def capped(cap: int) -> list[int]:
        return [min(cells, max(floor, cap)) for cells, floor in zip(widths, least, strict=True)]

    number_that_fit = bisect_left(caps, room + 1, key=lambda cap: sum(capped(cap)))
    limits = capped(caps[max(number_that_fit - 1, 0)])
    return replace(grid, rows=[list(map(_shortened, row, limits)) for row in grid.rows])


def _shortened(text: str, limit: int) -> str:
    if cell_width(text) <= limit:
        return text
    from rich.cells import set_cell_size

    return set_cell_size(text, limit - 1).rstrip() + "…"


def _padded(text: str, width: int, is_right: bool) -> str:
    spaces = " " * (width - cell_width(text))
    return spaces + text if is_right else text + spaces
