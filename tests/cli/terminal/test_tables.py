"""Tables fit their screen: columns are narrowed, then left out, and an id is never broken."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from monarq.cli.terminal.tables import Column, fair_shares, one_line_cell, render_columns, render_id_table, text_cells


def shown(table: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("wanted", "room", "given"),
    [
        ([3, 40, 5], 100, [3, 40, 5]),
        ([3, 40, 40], 23, [3, 10, 10]),
        ([40, 0, 40], -5, [0, 0, 0]),
        ([40, 3, 40, 40], 14, [4, 3, 4, 3]),
    ],
)
def test_room_is_shared_out(wanted: list[int], room: int, given: list[int]) -> None:
    assert fair_shares(wanted, room) == given


@pytest.mark.parametrize(
    ("width", "line"),
    [(30, "a long name  12  more"), (15, "a long name  12"), (12, "a long   12"), (11, "a long  12")],
)
def test_columns_that_matter_less_are_left_out_before_names_are_narrowed(width: int, line: str) -> None:
    columns = [
        Column("name", [one_line_cell("a long name")], min_width=6),
        Column("n", text_cells(["12"]), justify="right"),
        Column("rest", text_cells(["more"]), rank=1),
    ]
    assert " ".join(shown(render_columns(columns, width=width), width)[1].replace("…", "").split()) == (
        " ".join(line.split())
    )


def test_where_an_id_has_no_room_it_gets_a_line_of_its_own() -> None:
    ids = Column("id", text_cells(["an-id-of-twenty-sign"]))
    columns = [ids, Column("tries", text_cells(["3"]), justify="right"), Column("job", text_cells(["send"]))]
    assert shown(render_id_table(ids, columns, width=40), 40)[1].split() == ["an-id-of-twenty-sign", "3", "send"]
    assert shown(render_id_table(ids, columns, width=25), 25) == ["an-id-of-twenty-sign", "  tries 3  send"]


def test_cells_hold_no_control_codes() -> None:
    assert text_cells(["a\x1b[2Jb"]) == [Text(r"a\x1b[2Jb")]
    assert one_line_cell("a\nb").plain == r"a\nb"
