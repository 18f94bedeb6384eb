"""The layout of a screen: what matters less gives way, and what is left out is told."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from rich.console import Console, Group, RenderableType
from rich.text import Text

from monarq.cli.stats.layout import Part, lay_out


def part(name: str, rank: int, rows: int, total: int | None = None, header_lines: int = 1) -> Part:
    """A table that is drawn as its name, a line for its header and one for each row."""

    def draw(shown: int) -> RenderableType:
        return Text("\n".join([name] * header_lines + [f"{name}{at}" for at in range(shown)]))

    return Part(rank, name, f"{name}s", rows, rows if total is None else total, draw, header_lines)


def screen(parts: Sequence[Part], room: int | None, *, width: int = 80, gap: int = 0) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(Group(*lay_out(parts, width=width, room=room, gap=gap)))
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


JOB, WORKER, LETTER = part("job", 3, 4), part("worker", 1, 3), part("letter", 2, 2, 9)
ALL = [JOB, WORKER, LETTER]


@pytest.mark.parametrize(
    ("rows", "total", "lines", "fewest"),
    [(0, 0, 0, 0), (1, 1, 1, 1), (2, 2, 2, 2), (5, 5, 5, 2), (1, 2, 2, 2), (5, 9, 6, 2)],
)
def test_the_lines_that_a_part_needs(rows: int, total: int, lines: int, fewest: int) -> None:
    made = part("job", 0, rows, total)
    assert (made.lines, made.fewest) == (lines, fewest)


@pytest.mark.parametrize(
    ("rows", "total", "lines", "shown"),
    [(5, 5, 9, 5), (5, 5, 5, 5), (5, 5, 4, 3), (5, 9, 6, 5), (5, 9, 5, 4), (5, 9, 2, 1), (5, 9, 1, 0), (5, 9, 0, 0)],
)
def test_the_rows_that_fit_beside_the_line_about_the_others(rows: int, total: int, lines: int, shown: int) -> None:
    assert part("job", 0, rows, total).rows_in(lines) == shown


@pytest.mark.parametrize(
    ("total", "shown", "words"),
    [(5, 5, ""), (5, 4, "1 more job"), (5, 3, "2 more jobs"), (12_345, 0, "12,345 more jobs"), (5, 6, "")],
)
def test_what_is_left_out_in_words(total: int, shown: int, words: str) -> None:
    assert part("job", 0, 5, total).left_out(shown) == words


def test_without_a_limit_all_that_is_wanted_is_shown() -> None:
    assert screen(ALL, None) == [
        *("job", "job0", "job1", "job2", "job3"),
        *("worker", "worker0", "worker1", "worker2"),
        *("letter", "letter0", "letter1", "and 7 more letters"),
    ]


@pytest.mark.parametrize("room", [None, 50])
def test_gaps_are_before_each_part(room: int | None) -> None:
    assert screen([part("a", 0, 1), part("b", 0, 1)], room, gap=1) == ["", "a", "a0", "", "b", "b0"]


@pytest.mark.parametrize("room", [None, 50, 0])
def test_a_part_without_rows_is_left_out_and_not_told_of(room: int | None) -> None:
    assert screen([part("job", 0, 0, 5)], room) == []
    assert screen([], room) == []


@pytest.mark.parametrize(
    ("room", "lines"),
    [
        (
            12,
            [
                *("job", "job0", "job1", "and 2 more jobs"),
                *("worker", "worker0", "worker1", "worker2"),
                *("letter", "letter0", "letter1", "and 7 more letters"),
            ],
        ),
        (
            9,
            [
                *("job", "job0", "and 3 more jobs"),
                *("worker", "worker0", "and 2 more workers"),
                *("letter", "letter0", "and 8 more letters"),
            ],
        ),
        (
            8,
            [
                *("worker", "worker0", "worker1", "worker2"),
                *("letter", "letter0", "and 8 more letters", "and 4 more jobs"),
            ],
        ),
        (6, ["worker", "worker0", "worker1", "worker2", "and 4 more jobs, 9 more letters"]),
        (4, ["worker", "worker0", "and 2 more workers", "and 4 more jobs, 9 more letters"]),
        (3, ["and 4 more jobs, 3 more workers, 9 more letters"]),
        (1, ["and 4 more jobs, 3 more workers, 9 more letters"]),
    ],
)
def test_what_a_smaller_screen_leaves_out(room: int, lines: list[str]) -> None:
    assert screen(ALL, room) == lines


@pytest.mark.parametrize("gap", [0, 1])
@pytest.mark.parametrize("width", [20, 80])
@pytest.mark.parametrize("room", range(4, 25))
def test_the_screen_is_not_longer_than_its_room(room: int, width: int, gap: int) -> None:
    parts = [part("queue", 0, 1, header_lines=3), *ALL]
    assert len(screen(parts, room, width=width, gap=gap)) <= room


def test_room_is_shared_evenly_and_what_one_leaves_goes_to_the_others() -> None:
    lines = screen([part("x", 0, 1), part("y", 0, 20), part("z", 0, 20)], 14)
    assert [sum(line.startswith(name) for line in lines) for name in "xyz"] == [2, 5, 5]
    assert len(lines) == 14


def test_the_line_about_the_parts_that_are_left_out_may_need_several_lines() -> None:
    parts = [part("queue", 0, 3), part("job of a very long name", 1, 30)]
    note = ["and 30 more job of a", "very long names"]
    assert screen(parts, 5, width=20) == ["queue", "queue0", "and 2 more queues", *note]
