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

from monarq.cli.figures import duration
from monarq.cli.stats_tables import job_rows, queue_lines, render_failures, render_jobs, render_queues
from monarq.cli.workers_view import render_workers
from monarq.monitor.overview import Overview
from monarq.monitor.verdict import State, judge
from monarq.monitor.workers import in_order
from monarq.shared.printable import printable

FAILURES: Final = 5
"""How many of the last failures are shown."""

STYLES: Final[dict[State, str]] = {
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
    jobs = job_rows(queues)
    workers = in_order({worker.id: worker for queue in queues for worker in queue.stats.workers}.values())
    # The workers that are not well come first where not all can be shown.
    ill_first = sorted(workers, key=lambda worker: worker.alive and not worker.draining)
    failures = sum(len(queue.failures) for queue in queues)
    wanted = [len(jobs), len(workers), min(FAILURES, failures)]
    headline = _headline(queues)
    fixed = 1 + len(wrap(headline.plain, frame.width)) + queue_lines(queues, frame.width)
    fixed += sum(3 for count in wanted if count) + sum(map(_has_arq, queues))
    rows = wanted if frame.height is None else allot(wanted, frame.height - fixed)
    shown_workers = workers if rows[1] == len(workers) else in_order(ill_first[: rows[1]])
    parts: list[RenderableType] = [headline, Text("")]
    parts.append(render_queues(queues, width=frame.width, ascii_only=frame.ascii_only))
    if rows[0]:
        parts += [Text(""), render_jobs(jobs[: rows[0]], window=_window(window_s), width=frame.width)]
        parts += _more(len(jobs) - rows[0], "name of jobs", "names of jobs")
    if rows[1] or not workers:
        parts += [Text(""), render_workers(shown_workers, width=frame.width)]
        parts += _more(len(workers) - rows[1], "worker", "workers")
    if rows[2]:
        parts += [Text(""), render_failures(queues, most=rows[2], whole=frame.height is None)]
    parts += [_arq_line(queue) for queue in queues if _has_arq(queue)]
    return Group(*parts)


def allot(wanted: Sequence[int], room: int) -> list[int]:
    """So many rows for each table that all fit: small ones are shown whole, and what is left is shared evenly."""
    given = [0] * len(wanted)
    left, open_places = max(0, room), [at for at, count in enumerate(wanted) if count]
    while open_places:
        share = left // len(open_places)
        small = [at for at in open_places if wanted[at] <= share]
        for at in small or open_places:
            given[at] = min(wanted[at], share)
            left -= given[at]
        open_places = [at for at in open_places if at not in small] if small else []
    return given


def _headline(queues: Sequence[Overview]) -> Text:
    verdict = judge(queues)
    where = f"{printable(verdict.queue)}: " if verdict.queue and len(queues) > 1 else ""
    return Text.assemble((verdict.state, STYLES[verdict.state]), "  ", where, verdict.reason)


def _window(window_s: int | None) -> str:
    if window_s is None:
        return "since the first"
    for unit_s, sign in ((3600, "h"), (60, "min")):
        if window_s % unit_s == 0:
            return f"last {window_s // unit_s} {sign}"
    return f"last {duration(window_s)}"


def _more(count: int, one: str, many: str) -> list[Text]:
    return [Text(f"and {count:,} more {one if count == 1 else many}", style="dim")] if count > 0 else []


def _has_arq(queue: Overview) -> bool:
    return queue.arq is not None


def _arq_line(queue: Overview) -> Text:
    """What a worker told as arq's do."""
    arq = queue.arq
    if arq is None:
        return Text("")
    told = f"{arq.j_complete:,} done, {arq.j_failed:,} failed, {arq.j_retried:,} retried, {arq.j_ongoing:,} running"
    where = (f"arq's health check of {printable(queue.stats.queue)}  ", "dim")
    return Text.assemble(where, told, no_wrap=True, overflow="ellipsis")
