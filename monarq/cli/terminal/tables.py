"""Tables that fit their screen. An id is not broken over lines: who needs it wants to copy it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Group, JustifyMethod, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from monarq.shared.text.printable import printable

GAP: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column.

    Attributes:
        name: its head.
        cells: what stands in its rows.
        rank: 0 for what is always shown; of the others the highest are left out first.
        least: the signs that it may be narrowed to; None where it has to stay whole.
        usual: the signs that it is given room for even where it needs fewer, so that a screen that is watched stays
            as it is when numbers grow.
        justify: on which side its cells stand.
    """

    name: str
    cells: Sequence[Text]
    rank: int = 0
    least: int | None = None
    usual: int = 0
    justify: JustifyMethod = "left"

    @property
    def widest(self) -> int:
        """The signs that it needs for everything."""
        return max(self.usual, len(self.name), *(cell.cell_len for cell in self.cells), 0)

    @property
    def narrowest(self) -> int:
        """The signs that it needs at least."""
        return self.widest if self.least is None else min(self.widest, self.least)


def text_cells(values: Iterable[str]) -> list[Text]:
    """The cells of a column, without control codes."""
    return [Text(printable(value)) for value in values]


def one_line_cell(value: Text | str) -> Text:
    """A cell that is cut where its column is narrower; a column that may wrap is narrowed before those of numbers."""
    text = value if isinstance(value, Text) else Text(printable(value))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def render_columns(columns: Sequence[Column], *, width: int, gap: int = GAP) -> Table:
    """A table of as many of these columns as there is room for."""
    kept = _that_fit(columns, width, gap)
    table = open_table(gap=gap)
    room = width - _needed(kept, gap)
    more = allot([column.widest - column.narrowest for column in kept], room)
    for column, signs in zip(kept, more, strict=True):
        head = Text(column.name, no_wrap=True, overflow="ellipsis")
        table.add_column(head, justify=column.justify, overflow="fold", width=column.narrowest + signs)
    for cells in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*cells)
    return table


def render_listed(ids: Column, columns: Sequence[Column], *, width: int) -> RenderableType:
    """A table of things with an id; where there is no room for one, each id on a line of its own and the rest below it.

    Args:
        ids: the ids, which stand whole.
        columns: all columns, that of the ids too.
        width: of the screen.
    """
    if _needed([column for column in columns if not column.rank], GAP) <= width:
        return render_columns(columns, width=width)
    rest = [_labelled(column) for column in columns if column is not ids]
    lines: list[RenderableType] = []
    for told, *cells in zip(ids.cells, *rest, strict=True):
        below = Text("  ").join(cell for cell in cells if cell.plain.strip())
        lines += [Text(told.plain, no_wrap=True, overflow="ellipsis"), Padding(below, (0, 0, 0, GAP))]
    return Group(*lines)


def _labelled(column: Column) -> list[Text]:
    """A number says nothing without the head of its column."""
    if column.justify != "right":
        return list(column.cells)
    return [Text.assemble(f"{column.name} ", cell) if cell.plain else cell for cell in column.cells]


def allot(wanted: Sequence[int], room: int) -> list[int]:
    """How much each gets of what there is: those that want little all of it, and the others the same."""
    given = [0] * len(wanted)
    left, open_places = max(0, room), [at for at, count in enumerate(wanted) if count]
    while open_places:
        share = left // len(open_places)
        small = [at for at in open_places if wanted[at] <= share]
        for at in small or open_places:
            given[at] = min(wanted[at], share)
            left -= given[at]
        open_places = [at for at in open_places if at not in small] if small else []
    for at in [at for at, count in enumerate(wanted) if given[at] < count][:left]:
        given[at] += 1
    return given


def open_table(*, gap: int = GAP) -> Table:
    """A table without lines."""
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim", show_edge=False)


def _that_fit(columns: Sequence[Column], width: int, gap: int) -> list[Column]:
    kept: list[Column] = []
    for column in sorted(columns, key=lambda each: each.rank):
        if column.rank and _needed([*kept, column], gap) > width:
            break
        kept.append(column)
    return [column for column in columns if column in kept]


def _needed(columns: Sequence[Column], gap: int) -> int:
    return sum(column.narrowest + gap for column in columns) - gap
