"""The layout of a screen: divides its lines among the tables by rank, and says in a line what was left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from monarq.cli.terminal.tables import fair_shares

LOW_SCREEN_LINES: Final = 18
"""A screen with fewer lines than this gets no empty lines."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table of the screen.

    Attributes:
        rank: if there is not enough room, the parts with the highest rank are left out first.
        singular: the word for one row.
        plural: the word for several rows.
        rows: how many rows to show if there is room.
        total: how many rows there are.
        draw: draws the table with this many rows.
        header_lines: the lines above the rows.
    """

    rank: int
    singular: str
    plural: str
    rows: int
    total: int
    draw: Callable[[int], RenderableType]
    header_lines: int = 1

    @property
    def lines(self) -> int:
        """The lines below the header that it needs to show all its rows."""
        return self.rows + (self.total > self.rows)

    @property
    def fewest(self) -> int:
        """The fewest useful lines below the header: one row, and a line that says how many more there are."""
        return min(2, self.lines)

    def rows_in(self, lines: int) -> int:
        """How many rows fit into this many lines, besides the line that says how many are left out."""
        return self.rows if lines >= self.lines else max(0, lines - 1)

    def left_out(self, shown: int) -> str:
        """How many rows are not shown, in words; '' if all are."""
        left = self.total - shown
        return f"{left:,} more {self.singular if left == 1 else self.plural}" if left > 0 else ""


def lay_out(parts: Sequence[Part], *, width: int, room: int | None, gap: int) -> list[RenderableType]:
    """The parts that fit, and a line about the others.

    Args:
        parts: in display order; those without rows are left out.
        width: the width of the screen.
        room: the available lines; None for no limit.
        gap: empty lines before each part.
    """
    wanted = [part for part in parts if part.rows]
    kept = wanted if room is None else _fitting(wanted, width, room, gap)
    bodies = [part.lines for part in kept]
    if room is not None:
        taken = sum(gap + part.header_lines for part in kept) + _note_lines(wanted, kept, width)
        bodies = fair_shares(bodies, room - taken)
    shown: list[RenderableType] = []
    for part, lines in zip(kept, bodies, strict=True):
        rows = part.rows_in(lines)
        shown += [*[Text("")] * gap, part.draw(rows), *_note([part.left_out(rows)])]
    return shown + _note([part.left_out(0) for part in wanted if part not in kept])


def _fitting(wanted: Sequence[Part], width: int, room: int, gap: int) -> list[Part]:
    """The parts that can each show something, leaving room for the note about the others."""
    kept = list(wanted)
    while kept:
        needed = sum(gap + part.header_lines + part.fewest for part in kept)
        if needed + _note_lines(wanted, kept, width) <= room:
            break
        kept.remove(max(kept, key=lambda part: part.rank))
    return kept


def _note_lines(wanted: Sequence[Part], kept: Sequence[Part], width: int) -> int:
    note = _note([part.left_out(0) for part in wanted if part not in kept])
    return sum(len(wrap(line.plain, width)) for line in note)


def _note(left_out: Sequence[str]) -> list[Text]:
    some = [each for each in left_out if each]
    return [Text(f"and {', '.join(some)}", style="dim")] if some else []
