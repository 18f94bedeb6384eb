"""The tables of `monarq stats`: queues, jobs by name, the last failures. Each leaves out columns that do not fit.

The layout depends only on the width, so that a watched screen does not jump when numbers grow. Control codes in text
from Redis never reach a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monarq.cli.terminal.formatting import NOTHING, duration, rate, span, sparkline
from monarq.cli.terminal.tables import Column, one_line_cell, open_table, render_columns
from monarq.monitor.health.overview import RATE_STEPS, Overview
from monarq.monitor.queues.counters import Counters
from monarq.shared.text.error_text import brief
from monarq.shared.text.printable import printable

WIDE: Final = 144
"""From this width on, the sparklines of a queue are in its row."""

ROWS: Final = 100
"""From this width on, a queue is a row of a table."""

NARROW: Final = 64
"""Below this width, columns are closer together."""

WIDE_GAPS: Final = 112
"""From this width on, the numbers of jobs are further apart."""

MIN_NAME_WIDTH: Final = 16
"""The minimum width of a queue's name."""

MIN_QUEUE_WIDTH: Final = 9
"""The minimum width of a queue's name next to a job's name."""

Cell = tuple[str, Text]
JobRow = tuple[str, str, Counters]


def queue_lines(queues: Sequence[Overview], width: int) -> int:
    """How many lines the queues take."""
    if width >= WIDE:
        return 1 + len(queues)
    return 3 + 2 * len(queues) if width >= ROWS else 8 * len(queues)


def render_queues(queues: Sequence[Overview], *, width: int, ascii_only: bool) -> RenderableType:
    """The state of queues, with sparklines of the last minutes."""
    if width < ROWS:
        return Group(*(_block(queue, ascii_only) for queue in queues))
    table = _queue_table(queues, [_cells(queue) for queue in queues])
    if width >= WIDE:
        rows = [[*_cells(queue), *_sparklines(queue, ascii_only)] for queue in queues]
        return _queue_table(queues, rows)
    sparklines = [_sparklines(queue, ascii_only) for queue in queues]
    return Group(table, Text(""), _queue_table(queues, sparklines))


def render_queue_rows(queues: Sequence[Overview], *, width: int) -> RenderableType:
    """The state of queues, one line each, with as many numbers as fit."""
    gap = 1 if width < NARROW else 2
    cells = [dict(_cells(queue)) for queue in queues]
    numbers = [
        Column(name, [row[name] for row in cells], rank, usual_width=usual, justify="right")
        for name, (rank, usual) in _QUEUE_COLUMNS.items()
    ]
    names = Column("queue", [one_line_cell(_name(queue)) for queue in queues], min_width=MIN_NAME_WIDTH)
    return render_columns([names, *numbers], width=width, gap=gap)


def _queue_table(queues: Sequence[Overview], rows: Sequence[Sequence[Cell]]) -> Table:
    table = open_table(gap=2)
    # Columns that may wrap are narrowed first: names are cut, never numbers.
    table.add_column("queue", overflow="ellipsis")
    for name, _ in rows[0]:
        table.add_column(name, justify="left" if name in _SPARKLINES else "right", no_wrap=True)
    for queue, cells in zip(queues, rows, strict=True):
        table.add_row(_name(queue), *(value for _, value in cells))
    return table


def _block(queue: Overview, ascii_only: bool) -> RenderableType:
    """Two columns of names and numbers: counts on the left, rates and waits on the right."""
    grid = Table.grid(padding=(0, 2), pad_edge=False)
    for _ in range(2):
        grid.add_column(justify="left", no_wrap=True, min_width=9)
        grid.add_column(justify="right", no_wrap=True, min_width=9)
    cells = _cells(queue)
    half = (len(cells) + 1) // 2
    for left, right in zip(cells[:half], [*cells[half:], ("", Text(""))], strict=False):
        grid.add_row(Text("  " + left[0], style="dim"), left[1], Text(right[0], style="dim"), right[1])
    lines = [Text.assemble((f"  {name:<20}", "dim"), line) for name, line in _sparklines(queue, ascii_only)]
    return Group(_name(queue), grid, *lines)


def _name(queue: Overview) -> Text:
    name = Text(printable(queue.stats.ref.label), style="bold")
    return name.append(" paused", style="bold yellow") if queue.stats.paused else name


def _cells(queue: Overview) -> list[Cell]:
    stats = queue.stats
    return [
        ("queued", number(stats.queued)),
        ("deferred", number(stats.deferred)),
        ("running", number(stats.running)),
        ("dead", number(stats.dead, warn="red")),
        ("oldest", Text(NOTHING if stats.oldest_s is None else duration(stats.oldest_s))),
        ("in/s", Text(rate(queue.enqueued_per_s))),
        ("out/s", Text(rate(stats.jobs_per_s))),
        ("wait p50", Text(span(queue.window.wait.quantile(0.5)))),
        ("wait p95", Text(span(queue.window.wait.quantile(0.95)))),
    ]


_QUEUE_COLUMNS: Final[dict[str, tuple[int, int]]] = {
    "queued": (1, 9),
    "deferred": (7, 8),
    "running": (2, 7),
    "dead": (3, 5),
    "oldest": (4, 6),
    "in/s": (6, 5),
    "out/s": (5, 5),
    "wait p50": (9, 8),
    "wait p95": (8, 8),
}
"""The rank and usual width of each number of a queue; see `Column`."""

_SPARKLINES: Final = ("ended, last 5 min", "failed, last 5 min")


def _sparklines(queue: Overview, ascii_only: bool) -> list[Cell]:
    """Both use one scale, so that a few failures among many jobs look like a few."""
    missing = [0.0] * (RATE_STEPS - len(queue.rates))
    series = {
        "cyan": [*missing, *(step.ended_per_s for step in queue.rates)],
        "red": [*missing, *(step.failed_per_s for step in queue.rates)],
    }
    highest = max(series["cyan"])
    return [
        (name, _bars(values, highest, style, ascii_only))
        for name, (style, values) in zip(_SPARKLINES, series.items(), strict=True)
    ]


def _bars(values: Sequence[float], highest: float, style: str, ascii_only: bool) -> Text:
    bars = sparkline(values, highest=highest, ascii_only=ascii_only)
    return Text.assemble(*((bar, style if value else "dim") for bar, value in zip(bars, values, strict=True)))


def job_rows(queues: Sequence[Overview]) -> list[JobRow]:
    """Queue, name and counters of each job name, most runs first."""
    rows = [(queue.stats.ref.label, name, counters) for queue in queues for name, counters in queue.jobs.items()]
    return sorted(rows, key=lambda row: (-row[2].started, -row[2].enqueued, row[:2]))


def render_jobs(rows: Sequence[JobRow], *, window: str, width: int, with_queue: bool) -> Table:
    """The counters of the jobs of each name, with as many numbers as fit.

    Args:
        rows: from `job_rows`.
        window: the period for which jobs were counted, as text for the heading.
        width: the width of the screen.
        with_queue: whether there are jobs of several queues.
    """
    head = f"job, {window}"
    names = Column(head, [one_line_cell(name or "(no name)") for _, name, _ in rows], min_width=len(head))
    queues = Column("queue", [one_line_cell(queue) for queue, _, _ in rows], _QUEUE_RANK, min_width=MIN_QUEUE_WIDTH)
    cells = [_job_cells(counters) for _, _, counters in rows]
    numbers = [
        Column(name, [row[name] for row in cells], rank, usual_width=usual, justify="right")
        for name, (rank, usual) in _JOB_COLUMNS.items()
    ]
    gap = 1 if width < WIDE_GAPS else 2
    return render_columns([names, *([queues] if with_queue else []), *numbers], width=width, gap=gap)


_QUEUE_RANK: Final = 5

_JOB_COLUMNS: Final[dict[str, tuple[int, int]]] = {
    "enqueued": (11, 8),
    "succeeded": (1, 9),
    "failed": (2, 6),
    "cancelled": (10, 9),
    "retried": (6, 7),
    "dead": (7, 5),
    "crashed": (9, 7),
    "run p50": (8, 7),
    "run p95": (3, 7),
    "run p99": (12, 7),
    "wait p95": (4, 8),
}
"""The rank and usual width of each number of jobs; see `Column`."""


def _job_cells(counters: Counters) -> dict[str, Text]:
    run = {f"run p{q}": Text(span(counters.run.quantile(q / 100))) for q in (50, 95, 99)}
    return {
        "enqueued": number(counters.enqueued),
        "succeeded": number(counters.succeeded),
        "failed": number(counters.failed, warn="red"),
        "cancelled": number(counters.cancelled),
        "retried": number(counters.retried, warn="yellow"),
        "dead": number(counters.dead, warn="red"),
        "crashed": number(counters.crashed, warn="red"),
        **run,
        "wait p95": Text(span(counters.wait.quantile(0.95))),
    }


def render_failures(queues: Sequence[Overview], *, most: int, whole: bool) -> Table:
    """The most recent dead letters of all queues, newest first.

    Args:
        queues: the queues in which they died.
        most: how many to show at most.
        whole: whether long messages wrap; otherwise each is cut to one line.
    """
    letters = sorted(
        ((letter, queue.now_ms) for queue in queues for letter in queue.failures), key=lambda each: -each[0].died_ms
    )
    table = open_table(gap=2)
    table.add_column("died", justify="right", no_wrap=True)
    table.add_column("job", overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("last failures", overflow="fold")
    for letter, now_ms in letters[:most]:
        age = duration(max(0.0, (now_ms - letter.died_ms) / 1000))
        error = printable(brief(letter.error))
        message = Text(error, style="red") if whole else Text(error, style="red", no_wrap=True, overflow="ellipsis")
        table.add_row(Text(age, style="dim"), Text(printable(letter.name)), message)
    return table


def number(value: int, warn: str = "") -> Text:
    """A whole number, in this style if it is not 0."""
    return Text(f"{value:,}", style=warn if value else "")
