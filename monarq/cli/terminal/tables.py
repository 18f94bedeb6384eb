"""Tables that fit their screen. Ids are never broken over lines, so that they can be copied."""

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
        name: its heading.
        cells: one for each row.
        rank: 0 for a column that is always shown; of the others, the highest ranks are left out first.
        min_width: the width that it may be narrowed to; None if it must stay whole.
        usual_width: the width that it gets even if it needs less, so that a watched screen does not change when
            numbers grow.
        justify: the alignment of its cells.
    """

    name: str
    cells: Sequence[Text]
    rank: int = 0
    min_width: int | None = None
    usual_width: int = 0
    justify: JustifyMethod = "left"

    @property
    def full_width(self) -> int:
        """Its width if all its cells are whole."""
        return max(self.usual_width, len(self.name), *(cell.cell_len for cell in self.cells), 0)

    @property
    def narrow_width(self) -> int:
        """Its minimum width."""
        return self.full_width if self.min_width is None else min(self.full_width, self.min_width)


def text_cells(values: Iterable[str]) -> list[Text]:
    """The cells of a column, without control codes."""
    return [Text(printable(value)) for value in values]


def one_line_cell(value: Text | str) -> Text:
    """A cell that is cut if its column is narrower. A column that may wrap is narrowed before columns of numbers."""
    text = value if isinstance(value, Text) else Text(printable(value))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def render_columns(columns: Sequence[Column], *, width: int, gap: int = GAP) -> Table:
    """A table of as many of these columns as fit."""
    kept = _fitting(columns, width, gap)
    table = open_table(gap=gap)
    room = width - _width_of(kept, gap)
    more = fair_shares([column.full_width - column.narrow_width for column in kept], room)
    for column, extra in zip(kept, more, strict=True):
        head = Text(column.name, no_wrap=True, overflow="ellipsis")
        table.add_column(head, justify=column.justify, overflow="fold", width=column.narrow_width + extra)
    for cells in zip(*(column.cells for column in kept), strict=True):
        table.add_row(*cells)
    return table


def render_id_table(ids: Column, columns: Sequence[Column], *, width: int) -> RenderableType:
    """A table of rows with an id; on a narrow screen, each id is on a line of its own and the rest below it.

    Args:
        ids: the column of ids, which are never cut.
        columns: all columns, including `ids`.
        width: the width of the screen.
    """
    if _width_of([column for column in columns if not column.rank], GAP) <= width:
        return render_columns(columns, width=width)
    rest = [_labelled(column) for column in columns if column is not ids]
    lines: list[RenderableType] = []
    for job_id, *cells in zip(ids.cells, *rest, strict=True):
        below = Text("  ").join(cell for cell in cells if cell.plain.strip())
        lines += [Text(job_id.plain, no_wrap=True, overflow="ellipsis"), Padding(below, (0, 0, 0, GAP))]
    return Group(*lines)


def _labelled(column: Column) -> list[Text]:
    """Cells prefixed with their column's heading, since numbers mean nothing without it."""
    if column.justify != "right":
        return list(column.cells)
    return [Text.assemble(f"{column.name} ", cell) if cell.plain else cell for cell in column.cells]


def fair_shares(wanted: Sequence[int], room: int) -> list[int]:
    """Divides the room evenly: none gets more than it wants, and what it does not want goes to the others."""
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
    """A table without borders."""
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim", show_edge=False)


def _fitting(columns: Sequence[Column], width: int, gap: int) -> list[Column]:
    kept: list[Column] = []
    for column in sorted(columns, key=lambda each: each.rank):
        if column.rank and _width_of([*kept, column], gap) > width:
            break
        kept.append(column)
    return [column for column in columns if column in kept]


def _width_of(columns: Sequence[Column], gap: int) -> int:
    return sum(column.narrow_width + gap for column in columns) - gap
