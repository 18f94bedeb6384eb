"""How workers look: a table that leaves columns out where there is no room for them, or JSON.

What comes from Redis, ids of jobs too, reaches no terminal as control codes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.console import open_console
from monarq.cli.formatting import NOTHING, duration
from monarq.cli.tables import Column, open_table, render_listed
from monarq.monitor.queues.lane_usage import LaneUsage, lane_usage
from monarq.monitor.queues.stats import known_queues
from monarq.monitor.queues.workers import WorkerStats, read_workers
from monarq.monitor.text.formatting import memory
from monarq.shared.redis.connection import UrlSource
from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable

WIDE: Final = 100
"""Columns from which on everything is shown."""

NARROW: Final = 64
"""Columns below which only what tells a worker's state is left."""

SHORTEST_NAME: Final = 12

LATE_S: Final = 1.0
"""A loop that was kept from turning for longer is marked."""


async def show_workers(source: UrlSource, queues: Sequence[str], *, with_jobs: bool, as_json: bool) -> None:
    """Reads and prints the workers of these queues, or of all that are known.

    Raises:
        RedisError: Redis did not answer.
    """
    redis = source.client()
    try:
        workers = await read_workers(redis, queues or await known_queues(redis))
    finally:
        await redis.aclose()
    if as_json:
        sys.stdout.write(json_line({"workers": workers}) + "\n")
        return
    console = open_console(sys.stdout)
    console.print(render_workers(workers, width=console.width))
    if with_jobs and workers:
        console.print(Text(""), render_jobs(workers, width=console.width))


def render_workers(workers: Sequence[WorkerStats], *, width: int, whole: bool = True) -> RenderableType:
    """The workers, a row each.

    Args:
        workers: which.
        width: of the screen.
        whole: over as many lines as the names of their queues need; else each is cut to one.
    """
    if not workers:
        return Text("no worker; start one:  monarq worker TARGET")
    table = open_table(gap=1 if width < NARROW else 2)
    table.add_column(_cut("worker on"))
    names = _columns(width)
    if any(worker.cpu_places for worker in workers):
        at = names.index("running")
        names[at : at + 1] = ["io jobs", "cpu jobs"]
    if any(worker.abandoned_threads for worker in workers):
        names.insert(names.index("cpu"), "abandoned")
    for name in names:
        if name == "queues":
            table.add_column(name, overflow="fold")
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for worker in workers:
        cells = _cells(worker)
        if not whole:
            cells["queues"] = _cut(", ".join(worker.queues))
        table.add_row(_cut(worker.host), *(cells[name] for name in names))
    return table


def render_jobs(workers: Sequence[WorkerStats], *, width: int) -> RenderableType:
    """What they run, the longest running first."""
    running = [(job, worker) for worker in workers for job in worker.running_jobs]
    if not running:
        return Text("no job runs")
    running.sort(key=lambda each: -each[0].age_s)
    ids = Column("id", _texts(job.id for job, _ in running))
    columns = [
        Column("for", _texts(duration(job.age_s) for job, _ in running), justify="right"),
        ids,
        Column("job", _texts(job.name for job, _ in running), least=SHORTEST_NAME),
        Column("queue", _texts(job.queue for job, _ in running), rank=2, least=SHORTEST_NAME),
        Column("worker", _texts(f"{worker.host}:{worker.pid}" for _, worker in running), rank=1),
    ]
    table = render_listed(ids, columns, width=width)
    unnamed = sum(max(0, worker.running - len(worker.running_jobs)) for worker in workers)
    return Group(table, Text(f"and {unnamed:,} more", style="dim")) if unnamed else table


def _columns(width: int) -> list[str]:
    if width < NARROW:
        return ["pid", "running", "cpu", "up"]
    if width < WIDE:
        return ["pid", "running", "cpu", "memory", "lag", "up", "restarts"]
    return ["pid", "version", "running", "cpu", "memory", "lag", "up", "restarts", "state", "queues"]


def _cells(worker: WorkerStats) -> dict[str, Text]:
    io, cpu = lane_usage(worker)
    state, style = _state(worker)
    is_well = state == "alive"
    return {
        "pid": Text(str(worker.pid)),
        "version": Text(printable(worker.version)),
        "running": _share(io),
        "io jobs": _share(io),
        "cpu jobs": _share(cpu) if cpu.total else Text(NOTHING),
        "abandoned": Text(f"{worker.abandoned_threads:,}", style="yellow" if worker.abandoned_threads else ""),
        "cpu": Text(f"{worker.cpu_percent:.0f}%"),
        "memory": Text(memory(worker.memory_bytes)),
        "lag": Text(_lag(worker.loop_lag_s), style="yellow" if worker.loop_lag_s >= LATE_S else ""),
        "up": Text(duration(worker.uptime_s) if is_well else state, style=style),
        "restarts": Text(f"{worker.restarts:,}", style="yellow" if worker.restarts else ""),
        "state": Text(state, style=style),
        "queues": Text(printable(", ".join(worker.queues))),
    }


def _share(places: LaneUsage) -> Text:
    return Text(f"{places.busy:,}/{places.total:,}")


def _state(worker: WorkerStats) -> tuple[str, str]:
    if not worker.alive:
        return "gone", "red"
    return ("drains", "yellow") if worker.draining else ("alive", "")


def _lag(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else duration(seconds)


def _texts(cells: Iterable[str]) -> list[Text]:
    return [Text(printable(cell)) for cell in cells]


def _cut(name: str) -> Text:
    """A name on one line; its column, which may wrap, is made narrower before those of numbers."""
    return Text(printable(name), no_wrap=True, overflow="ellipsis")
