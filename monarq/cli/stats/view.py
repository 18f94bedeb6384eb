"""The screen of `monarq stats`: is it well, how queues stand, what became of jobs, who works, what failed last.

Where the height is given, as much is shown as there is room for, and what is left out is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.formatting import duration
from monarq.cli.stats.layout import LOW, Part, lay_out
from monarq.cli.stats.tables import (
    job_rows,
    queue_lines,
    render_failures,
    render_jobs,
    render_queue_rows,
    render_queues,
)
from monarq.cli.workers.view import render_workers
from monarq.monitor.health.overview import Overview
from monarq.monitor.health.queue_health import HealthState, assess_health, find_problems
from monarq.monitor.queues.workers import sort_workers
from monarq.shared.text.printable import printable

FAILURES: Final = 5
"""How many of the last failures are shown."""

QUEUES_SHARE: Final = 1 / 3
"""The part of a screen that queues may take with all that is told of them."""

STYLES: Final[dict[HealthState, str]] = {
    "no worker": "bold red",
    "failing": "bold red",
    "falling behind": "bold red",
    "loop blocked": "bold yellow",
    "worker lost": "bold yellow",
    "paused": "bold yellow",
    "catching up": "bold yellow",
    "healthy": "bold green",
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What a screen is made for.

    Attributes:
        width: its columns.
        height: its lines; None where everything is to be shown.
        ascii_only: whether it can show no other signs.
    """

    width: int
    height: int | None = None
    ascii_only: bool = False


def render(queues: Sequence[Overview], window_s: int | None, frame: Frame) -> RenderableType:
    """Everything, for this frame.

    Args:
        queues: what was read.
        window_s: over how long jobs were counted by name; None for since the first job.
        frame: where it is shown.
    """
    gap = 0 if frame.height is not None and frame.height < LOW else 1
    headline = _headline(queues)
    parts = [
        _queues_part(queues, frame),
        _jobs_part(queues, window_s, frame),
        _workers_part(queues, frame),
        _failures_part(queues, frame),
        _arq_part(queues),
    ]
    room = None if frame.height is None else frame.height - len(wrap(headline.plain, frame.width))
    return Group(headline, *lay_out(parts, width=frame.width, room=room, gap=gap))


def _queues_part(queues: Sequence[Overview], frame: Frame) -> Part:
    """A row each, without their last minutes, where these would take too much of a low screen."""
    lines = queue_lines(queues, frame.width)
    if frame.height is None or lines <= frame.height * QUEUES_SHARE:
        drawn = render_queues(queues, width=frame.width, ascii_only=frame.ascii_only)
        return Part(0, "queue", "queues", min(1, len(queues)), min(1, len(queues)), lambda _: drawn, head=lines - 1)
    with_problems = [problem.queue for problem in find_problems(queues)]
    worst_first = sorted(queues, key=lambda queue: (queue.stats.queue not in with_problems, -queue.stats.queued))

    def draw(rows: int) -> RenderableType:
        shown = [queue for queue in queues if queue in worst_first[:rows]]
        return render_queue_rows(shown, width=frame.width)

    return Part(0, "queue", "queues", len(queues), len(queues), draw)


def _jobs_part(queues: Sequence[Overview], window_s: int | None, frame: Frame) -> Part:
    jobs = job_rows(queues)
    with_queue = len({queue for queue, _, _ in jobs}) > 1

    def draw(rows: int) -> RenderableType:
        return render_jobs(jobs[:rows], window=_window(window_s), width=frame.width, with_queue=with_queue)

    return Part(3, "name of jobs", "names of jobs", len(jobs), len(jobs), draw)


def _workers_part(queues: Sequence[Overview], frame: Frame) -> Part:
    workers = sort_workers({worker.id: worker for queue in queues for worker in queue.stats.workers}.values())
    # Those that are not well come first where not all can be shown.
    ill_first = sorted(workers, key=lambda worker: worker.alive and not worker.draining)

    def draw(rows: int) -> RenderableType:
        return render_workers(sort_workers(ill_first[:rows]), width=frame.width, whole=frame.height is None)

    if not workers:
        return Part(1, "worker", "workers", 1, 1, draw, head=0)
    return Part(1, "worker", "workers", len(workers), len(workers), draw)


def _failures_part(queues: Sequence[Overview], frame: Frame) -> Part:
    read = sum(len(queue.failures) for queue in queues)
    total = max(read, sum(queue.stats.dead for queue in queues))

    def draw(rows: int) -> RenderableType:
        return render_failures(queues, most=rows, whole=frame.height is None)

    return Part(2, "dead letter", "dead letters", min(FAILURES, read), total, draw)


def _arq_part(queues: Sequence[Overview]) -> Part:
    told = [_arq_line(queue) for queue in queues if queue.arq is not None]

    def draw(rows: int) -> RenderableType:
        return Group(*told[:rows])

    return Part(4, "health check of arq", "health checks of arq", len(told), len(told), draw, head=0)


def _headline(queues: Sequence[Overview]) -> Text:
    finding = assess_health(queues)
    where = f"{printable(finding.queue)}: " if finding.queue and len(queues) > 1 else ""
    return Text.assemble((finding.state, STYLES[finding.state]), "  ", where, finding.reason)


def _window(window_s: int | None) -> str:
    if window_s is None:
        return "since the first"
    for unit_s, sign in ((3600, "h"), (60, "min")):
        if window_s % unit_s == 0:
            return f"last {window_s // unit_s} {sign}"
    return f"last {duration(window_s)}"


def _arq_line(queue: Overview) -> Text:
    """What a worker told as arq's do."""
    arq = queue.arq
    if arq is None:
        return Text("")
    told = f"{arq.j_complete:,} done, {arq.j_failed:,} failed, {arq.j_retried:,} retried, {arq.j_ongoing:,} running"
    where = (f"arq's health check of {printable(queue.stats.queue)}  ", "dim")
    return Text.assemble(where, told, no_wrap=True, overflow="ellipsis")
