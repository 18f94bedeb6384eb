"""The tables of `monarq stats`: which columns a width has room for, in which order rows come, what is cut."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest
from rich.console import Console, RenderableType

from monarq.cli.stats.tables import (
    ROWS,
    WIDE,
    job_rows,
    number,
    queue_lines,
    render_failures,
    render_jobs,
    render_queue_rows,
    render_queues,
)
from monarq.monitor.health.overview import Overview
from monarq.monitor.queues.counters import Counters
from tests.cli.overviews import letter, overview, quiet, rates, times

WIDTHS = (50, 63, 64, 80, 99, 100, 111, 112, 143, 144, 200)


def shown(table: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def queues_at(width: int, *queues: Overview, ascii_only: bool = False) -> list[str]:
    return shown(render_queues(queues, width=width, ascii_only=ascii_only), width)


def jobs_at(width: int, *queues: Overview) -> list[str]:
    rows = job_rows(queues)
    return shown(render_jobs(rows, window="last 15 min", width=width, with_queue=len(queues) > 1), width)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("count", [1, 2, 5])
def test_queues_take_as_many_lines_as_is_said(width: int, count: int) -> None:
    queues = [overview(f"queue-{at}") for at in range(count)]
    assert len(queues_at(width, *queues)) == queue_lines(queues, width)


@pytest.mark.parametrize("width", [WIDE, ROWS, ROWS - 1, 50])
def test_a_quiet_queue_takes_as_many_lines_as_a_busy_one(width: int) -> None:
    """A watched screen does not jump."""
    busy, idle = queues_at(width, overview()), queues_at(width, quiet(rates=(), window=Counters()))
    assert len(busy) == len(idle)


@pytest.mark.parametrize("width", [30, 40, *WIDTHS])
def test_the_columns_do_not_change_as_numbers_grow(width: int) -> None:
    jobs = [Counters(), Counters(enqueued=99_999, succeeded=99_999, failed=9999, retried=9999, dead=999, crashed=999)]
    small, large = (
        overview(queued=9 * size, deferred=size, running=size, dead=size % 9999, jobs={"send": counters})
        for size, counters in zip((0, 9999), jobs, strict=True)
    )
    heads = [shown(render_queue_rows([queue], width=width), width)[0] for queue in (small, large)]
    assert heads[0] == heads[1]
    assert jobs_at(width, small)[0] == jobs_at(width, large)[0]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (30, "queue, queued, running"),
        (40, "queue, queued, running, dead, oldest"),
        (64, "queue, queued, running, dead, oldest, in/s, out/s"),
        (200, "queue, queued, deferred, running, dead, oldest, in/s, out/s, wait p50, wait p95"),
    ],
)
def test_the_numbers_of_a_queue_that_matter_most_are_shown(width: int, columns: str) -> None:
    head, row = shown(render_queue_rows([overview()], width=width), width)
    assert head.split() == columns.replace(",", "").split()
    assert row.split()[:2] == ["arq:queue", "1,234,567"]


@pytest.mark.parametrize(
    ("width", "columns"),
    [
        (30, "succeeded"),
        (40, "succeeded, failed"),
        (48, "succeeded, failed, run p95"),
        (80, "succeeded, failed, retried, dead, crashed, run p50, run p95, wait p95"),
        (200, "enqueued, succeeded, failed, cancelled, retried, dead, crashed, run p50, run p95, run p99, wait p95"),
    ],
)
def test_the_numbers_of_jobs_that_matter_most_are_shown(width: int, columns: str) -> None:
    head = jobs_at(width, overview())[0]
    assert head.removeprefix("job, last 15 min").split() == columns.replace(",", "").split()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_its_screen_and_a_long_name_is_cut(width: int) -> None:
    long = "a-very-long-name-of-a-queue-" * 8
    queue = overview(long, jobs={long: Counters(succeeded=1_234_567, failed=7)}, failures=(letter(long, "no " * 90),))
    tables = [
        render_queue_rows([queue], width=width),
        render_jobs(job_rows([queue]), window="last 15 min", width=width, with_queue=True),
        *([render_queues([queue], width=width, ascii_only=False)] if width >= ROWS else []),
    ]
    for table in tables:
        lines = shown(table, width)
        assert max(map(len, lines)) <= width
        assert "…" in lines[1]
        assert "1,234,567" in lines[1]
    failures = shown(render_failures([queue], most=5, whole=False), width)
    assert len(failures) == 2
    assert max(map(len, failures)) <= width


@pytest.mark.parametrize("width", [WIDE, ROWS, 50])
def test_a_failure_among_many_jobs_looks_like_few(width: int) -> None:
    lines = queues_at(width, overview(rates=rates(succeeded=29, failed=1)))
    assert "█" * 20 in "\n".join(lines)
    assert "▂" * 20 in "\n".join(lines)
    assert "▁" * 20 in "\n".join(queues_at(width, overview(rates=rates(succeeded=30))))


@pytest.mark.parametrize("steps", [0, 1, 19])
def test_steps_that_are_missing_are_empty_and_before_the_others(steps: int) -> None:
    lines = "\n".join(queues_at(50, overview(rates=rates(succeeded=30)[:steps])))
    assert f"  ended, last 5 min   {'▁' * (20 - steps)}{'█' * steps}" in lines


def test_ascii_where_there_is_nothing_else() -> None:
    for width in (50, ROWS, WIDE):
        "\n".join(queues_at(width, overview(), ascii_only=True)).encode("ascii")


@pytest.mark.parametrize("width", [WIDE, ROWS, 50])
def test_what_is_not_known_of_an_empty_queue(width: int) -> None:
    text = " ".join(" ".join(queues_at(width, quiet(window=Counters()))).split())
    assert "0 0 0 0 - 0 0 - -" in text if width >= ROWS else "oldest -" in text


def test_a_paused_queue_says_so() -> None:
    for width in (50, ROWS, WIDE):
        assert any(
            line.startswith("emails paused")
            for line in queues_at(width, overview("emails", format="native", paused=True))
        )
    paused = [overview("emails", format="native", paused=True)]
    [_, row] = shown(render_queue_rows(paused, width=60), 60)
    assert row.startswith("emails paused")


def counted(**of: tuple[int, int]) -> dict[str, Counters]:
    """Jobs by name, with how many were started and enqueued."""
    return {name: Counters(started=started, enqueued=enqueued) for name, (started, enqueued) in of.items()}


@pytest.mark.parametrize(
    ("queues", "order"),
    [
        ([], []),
        ([overview(jobs={})], []),
        ([overview(jobs=counted(a=(1, 0), b=(5, 0), c=(3, 0)))], ["b", "c", "a"]),
        ([overview(jobs=counted(a=(1, 1), b=(1, 2), c=(0, 9)))], ["b", "a", "c"]),
        ([overview("y", jobs=counted(b=(1, 1), a=(1, 1))), overview("x", jobs=counted(c=(1, 1)))], ["c", "a", "b"]),
        ([overview("x", jobs=counted(a=(1, 0))), overview("y", jobs=counted(a=(2, 0), b=(1, 0)))], ["a", "a", "b"]),
    ],
    ids=range(6),
)
def test_jobs_that_ran_most_come_first(queues: Sequence[Overview], order: list[str]) -> None:
    assert [name for _, name, _ in job_rows(queues)] == order


def test_jobs_of_several_queues_say_whose_they_are() -> None:
    lines = jobs_at(160, overview(jobs=counted(a=(2, 0))), overview("emails", jobs=counted(a=(1, 0))))
    assert [line.split()[1] for line in lines[1:]] == ["arq:queue", "emails"]
    assert "queue" in lines[0].split()


def test_a_job_without_a_name() -> None:
    assert jobs_at(80, overview(jobs={"": Counters(succeeded=1)}))[1].startswith("(no name)")


@pytest.mark.parametrize(
    ("given", "cells"),
    [
        ({}, "0 0 0 0 0 0 0 - - - -"),
        (
            {"enqueued": 1234, "succeeded": 5, "failed": 6, "cancelled": 2, "retried": 7, "dead": 8, "crashed": 9},
            "1,234 5 6 2 7 8 9 - - - -",
        ),
        ({"run": times(9, 10), "wait": times(3, 10)}, "0 0 0 0 0 0 0 384ms 499ms 509ms 8ms"),
    ],
    ids=range(3),
)
def test_the_numbers_of_a_job(given: dict[str, Any], cells: str) -> None:
    assert jobs_at(200, overview(jobs={"send": Counters(**given)}))[1].split() == ["send", *cells.split()]


FAILURES = [
    overview("x", now_ms=61_000, failures=(letter("old", "no", 1_000), letter("newest", "no", 60_500))),
    overview("y", now_ms=71_000, failures=(letter("newer", "no", 60_000), letter("future", "no", 99_000))),
]


@pytest.mark.parametrize("most", [0, 1, 3, 10])
def test_the_newest_failures_of_all_queues(most: int) -> None:
    rows = [line.split()[:2] for line in shown(render_failures(FAILURES, most=most, whole=False), 80)[1:]]
    assert rows == [["0.0s", "future"], ["0.5s", "newest"], ["11s", "newer"], ["1m00s", "old"]][:most]


@pytest.mark.parametrize(("whole", "lines"), [(False, 2), (True, 5)])
def test_a_long_message_is_cut_to_its_line_or_wraps(whole: bool, lines: int) -> None:
    queue = overview(failures=(letter("send", "word " * 40),))
    table = shown(render_failures([queue], most=5, whole=whole), 80)
    assert len(table) == lines
    assert ("…" in table[1]) is not whole


HOSTILE = "a\x1b[2J\rb\u202ec"


def test_nothing_reaches_a_terminal_as_control_codes() -> None:
    queue = overview(HOSTILE, jobs={HOSTILE: Counters(succeeded=1)}, failures=(letter(HOSTILE, HOSTILE),))
    tables = [
        *(render_queues([queue], width=width, ascii_only=False) for width in (50, ROWS, WIDE)),
        render_queue_rows([queue], width=100),
        render_jobs(job_rows([queue]), window="last 15 min", width=160, with_queue=True),
        render_failures([queue], most=5, whole=True),
    ]
    for table in tables:
        text = "\n".join(shown(table, 160))
        assert not {"\x1b", "\r", "\u202e"} & set(text)
        assert r"a\x1b[2J" in text


@pytest.mark.parametrize(
    ("value", "warn", "text", "style"),
    [(0, "red", "0", ""), (1, "red", "1", "red"), (1_234_567, "", "1,234,567", "")],
)
def test_a_number_warns_where_it_is_not_0(value: int, warn: str, text: str, style: str) -> None:
    made = number(value, warn=warn)
    assert (made.plain, made.style) == (text, style)


@pytest.mark.parametrize("width", [50, ROWS, WIDE])
def test_queues_of_one_name_are_told_apart(width: int) -> None:
    native = overview("emails", format="native", jobs={"send": Counters(succeeded=2)})
    twins = [native, overview("emails", format="arq", jobs={"send": Counters(succeeded=1)})]
    of_rows = shown(render_queue_rows(twins, width=width), width)
    for lines in (queues_at(width, *twins), of_rows):
        assert sum("emails (arq)" in line for line in lines) == sum("emails" in line for line in lines) / 2, lines
    assert {queue for queue, _, _ in job_rows(twins)} == {"emails", "emails (arq)"}
    assert {queue for queue, _, _ in job_rows(twins[1:])} == {"emails (arq)"}, "with or without the other"
