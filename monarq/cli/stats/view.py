"""The screen of `monarq stats`: the verdict, and the tables of queues, jobs, workers and last failures.

If a height is given, it shows as much as fits and says what is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.stats.layout import LOW_SCREEN_LINES, Part, lay_out
from monarq.cli.stats.tables import (
    job_rows,
    queue_lines,
    render_failures,
    render_jobs,
    render_queue_rows,
    render_queues,
)
from monarq.cli.terminal.formatting import duration
from monarq.cli.terminal.worker_table import render_workers
from monarq.monitor.health.overview import Overview
from monarq.monitor.health.queue_health import HealthState, assess_health, find_problems
from monarq.monitor.queues.workers import sort_workers
from monarq.shared.text.printable import printable

FAILURES: Final = 5
"""How many of the last failures are shown."""

QUEUES_SHARE: Final = 1 / 3
"""The largest share of a screen that queues with sparklines may take."""

STYLES: Final[dict[HealthState, str]] = {
    "no worker": "bold red",
    "unknown jobs": "bold red",
    "failing": "bold red",
    "falling behind": "bold red",
    "loop blocked": "bold yellow",
    "worker lost": "bold yellow",
    "paused": "bold yellow",
    "catching up": "bold yellow",
    "healthy": "bold green",
}


@dataclass(frozen=True, slots=True)
class Viewport:
    """The size and capabilities of a screen.

    Attributes:
        width: its columns.
        height: its lines; None to show everything.
        ascii_only: whether it can show only ASCII.
    """

    width: int
    height: int | None = None
    ascii_only: bool = False


def render(queues: Sequence[Overview], window_s: int | None, viewport: Viewport) -> RenderableType:
    """The whole screen.

    Args:
        queues: the queues to show.
        window_s: the period for which jobs were counted by name, in seconds; None: since the first job.
        viewport: the screen that everything must fit on.
    """
    gap = 0 if viewport.height is not None and viewport.height < LOW_SCREEN_LINES else 1
    headline = _headline(queues)
    parts = [
        _queues_part(queues, viewport),
        _jobs_part(queues, window_s, viewport),
        _workers_part(queues, viewport),
        _failures_part(queues, viewport),
        _arq_part(queues),
    ]
    room = None if viewport.height is None else viewport.height - len(wrap(headline.plain, viewport.width))
    return Group(headline, *lay_out(parts, width=viewport.width, room=room, gap=gap))


def _queues_part(queues: Sequence[Overview], viewport: Viewport) -> Part:
    """Queues with their sparklines, or one row each if sparklines would take too much of a low screen."""
    lines = queue_lines(queues, viewport.width)
    if viewport.height is None or lines <= viewport.height * QUEUES_SHARE:
        drawn = render_queues(queues, width=viewport.width, ascii_only=viewport.ascii_only)
        return Part(
            0, "queue", "queues", min(1, len(queues)), min(1, len(queues)), lambda _: drawn, header_lines=lines - 1
        )
    troubled = {trouble.ref for trouble in find_problems(queues)}
    worst_first = sorted(queues, key=lambda queue: (queue.stats.ref not in troubled, -queue.stats.queued))

    def draw(rows: int) -> RenderableType:
        shown = [queue for queue in queues if queue in worst_first[:rows]]
        return render_queue_rows(shown, width=viewport.width)

    return Part(0, "queue", "queues", len(queues), len(queues), draw)


def _jobs_part(queues: Sequence[Overview], window_s: int | None, viewport: Viewport) -> Part:
    jobs = job_rows(queues)
    with_queue = len({queue for queue, _, _ in jobs}) > 1

    def draw(rows: int) -> RenderableType:
        return render_jobs(jobs[:rows], window=_window(window_s), width=viewport.width, with_queue=with_queue)

    return Part(3, "name of jobs", "names of jobs", len(jobs), len(jobs), draw)


def _workers_part(queues: Sequence[Overview], viewport: Viewport) -> Part:
    workers = sort_workers({worker.worker_id: worker for queue in queues for worker in queue.stats.workers}.values())
    # Unhealthy workers come first, in case not all fit.
    unwell_first = sorted(workers, key=lambda worker: worker.alive and not worker.draining)

    def draw(rows: int) -> RenderableType:
        return render_workers(sort_workers(unwell_first[:rows]), width=viewport.width, whole=viewport.height is None)

    if not workers:
        return Part(1, "worker", "workers", 1, 1, draw, header_lines=0)
    return Part(1, "worker", "workers", len(workers), len(workers), draw)


def _failures_part(queues: Sequence[Overview], viewport: Viewport) -> Part:
    read = sum(len(queue.failures) for queue in queues)
    total = max(read, sum(queue.stats.dead for queue in queues))

    def draw(rows: int) -> RenderableType:
        return render_failures(queues, most=rows, whole=viewport.height is None)

    return Part(2, "dead letter", "dead letters", min(FAILURES, read), total, draw)


def _arq_part(queues: Sequence[Overview]) -> Part:
    lines = [_arq_line(queue) for queue in queues if queue.arq is not None]

    def draw(rows: int) -> RenderableType:
        return Group(*lines[:rows])

    return Part(4, "health check of arq", "health checks of arq", len(lines), len(lines), draw, header_lines=0)


def _headline(queues: Sequence[Overview]) -> Text:
    finding = assess_health(queues)
    where = f"{printable(finding.ref.label)}: " if finding.ref and len(queues) > 1 else ""
    return Text.assemble((finding.state, STYLES[finding.state]), "  ", where, finding.reason)


def _window(window_s: int | None) -> str:
    if window_s is None:
        return "since the first"
    for unit_s, sign in ((3600, "h"), (60, "min")):
        if window_s % unit_s == 0:
            return f"last {window_s // unit_s} {sign}"
    return f"last {duration(window_s)}"


def _arq_line(queue: Overview) -> Text:
    """The health check that a worker wrote in arq's format."""
    arq = queue.arq
    if arq is None:
        return Text("")
    counts = (
        f"{arq.j_complete:,} succeeded, {arq.j_failed:,} failed, {arq.j_retried:,} retried, {arq.j_ongoing:,} running"
    )
    where = (f"arq's health check of {printable(queue.stats.queue)}  ", "dim")
    return Text.assemble(where, counts, no_wrap=True, overflow="ellipsis")
