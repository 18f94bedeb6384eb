"""How the lines of a screen are shared out among its tables: what matters most first, and what is left out is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from monarq.cli.terminal.tables import allot

LOW: Final = 18
"""Lines of a screen below which no line of it stays empty."""


@dataclass(frozen=True, slots=True)
class Part:
    """A table of the screen.

    Attributes:
        worth: its place when there is not room for all; 0 is shown first.
        one: what a row of it is.
        many: the same of several.
        rows: how many it wants to show.
        total: how many there are.
        draw: makes it, with so many rows.
        head: its lines beside those of the rows.
    """

    worth: int
    one: str
    many: str
    rows: int
    total: int
    draw: Callable[[int], RenderableType]
    head: int = 1

    @property
    def lines(self) -> int:
        """The lines below its head that show all that it wants."""
        return self.rows + (self.total > self.rows)

    @property
    def fewest(self) -> int:
        """The lines below its head without which it says nothing: a row, and how many more there are."""
        return min(2, self.lines)

    def rows_in(self, lines: int) -> int:
        """How many rows so many lines hold, with one that tells of the others."""
        return self.rows if lines >= self.lines else max(0, lines - 1)

    def more(self, shown: int) -> str:
        """What is to be said of those that are not shown; '' where all are."""
        left = self.total - shown
        return f"{left:,} more {self.one if left == 1 else self.many}" if left > 0 else ""


def lay_out(parts: Sequence[Part], *, width: int, room: int | None, gap: int) -> list[RenderableType]:
    """The parts that there is room for, and a line about the others.

    Args:
        parts: in the order in which they stand; those without rows are left out.
        width: of the screen.
        room: in lines; None for as many as are wanted.
        gap: empty lines before each part.
    """
    wanted = [part for part in parts if part.rows]
    kept = wanted if room is None else _worth_showing(wanted, width, room, gap)
    bodies = [part.lines for part in kept]
    if room is not None:
        taken = sum(gap + part.head for part in kept) + _told_lines(wanted, kept, width)
        bodies = allot(bodies, room - taken)
    shown: list[RenderableType] = []
    for part, lines in zip(kept, bodies, strict=True):
        rows = part.rows_in(lines)
        shown += [*[Text("")] * gap, part.draw(rows), *_told([part.more(rows)])]
    return shown + _told([part.more(0) for part in wanted if part not in kept])


def _worth_showing(wanted: Sequence[Part], width: int, room: int, gap: int) -> list[Part]:
    """Those that can say something, with what is to be said of the others."""
    kept = list(wanted)
    while kept:
        needed = sum(gap + part.head + part.fewest for part in kept)
        if needed + _told_lines(wanted, kept, width) <= room:
            break
        kept.remove(max(kept, key=lambda part: part.worth))
    return kept


def _told_lines(wanted: Sequence[Part], kept: Sequence[Part], width: int) -> int:
    told = _told([part.more(0) for part in wanted if part not in kept])
    return sum(len(wrap(line.plain, width)) for line in told)


def _told(left_out: Sequence[str]) -> list[Text]:
    said = [each for each in left_out if each]
    return [Text(f"and {', '.join(said)}", style="dim")] if said else []
