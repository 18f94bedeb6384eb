"""How queues and workers look on a screen: a table where there is room, else a block a queue; plain text in a pipe.

The layout depends on the width alone, so that a screen that is watched does not jump when numbers grow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from monarq.monitor.stats import QueueStats, WorkerStats

WIDE: Final = 112
"""Columns from which on a queue is a row of a table."""

NARROW: Final = 64
"""Columns below which a worker's version is left out."""

Cell = tuple[str, Text]


def render(queues: Sequence[QueueStats], *, width: int) -> RenderableType:
    """Everything, for a screen of this many columns."""
    parts: list[RenderableType] = [_queue_table(queues)] if width >= WIDE else [_block(queue) for queue in queues]
    parts += [Text(""), *_workers(queues, narrow=width < NARROW)]
    parts += [
        Text(f"health check of {queue.queue}: {queue.health_check}", style="dim", overflow="fold")
        for queue in queues
        if queue.health_check
    ]
    return Group(*parts)


def _queue_table(queues: Sequence[QueueStats]) -> Table:
    table = _open_table(gap=2)
    # Whatever may wrap is made narrower before the rest: names are cut, never numbers.
    table.add_column("queue", overflow="ellipsis")
    for name, _ in _cells(queues[0]):
        table.add_column(name, justify="right", no_wrap=True)
    for queue in queues:
        table.add_row(Text(queue.queue, style="bold"), *(value for _, value in _cells(queue)))
    return table


def _block(queue: QueueStats) -> RenderableType:
    """Two columns of names and numbers: the moment on the left, the counters on the right."""
    grid = Table.grid(padding=(0, 2), pad_edge=False)
    for justify in ("left", "right", "left", "right"):
        grid.add_column(justify=justify, no_wrap=True, min_width=9)
    cells = _cells(queue)
    half = (len(cells) + 1) // 2
    for left, right in zip(cells[:half], [*cells[half:], ("", Text(""))], strict=False):
        grid.add_row(Text("  " + left[0], style="dim"), left[1], Text(right[0], style="dim"), right[1])
    return Group(Text(queue.queue, style="bold"), grid)


def _cells(queue: QueueStats) -> list[Cell]:
    return [
        ("queued", _number(queue.queued)),
        ("deferred", _number(queue.deferred)),
        ("running", _number(queue.running)),
        ("dead", _number(queue.dead, warn="red")),
        ("oldest", Text("-" if queue.oldest_s is None else duration(queue.oldest_s))),
        ("done", _number(queue.done)),
        ("failed", _number(queue.failed, warn="yellow")),
        ("retried", _number(queue.retried)),
        ("crashed", _number(queue.crashed, warn="yellow")),
        ("jobs/s", Text(f"{queue.jobs_per_s:,.1f}")),
    ]


def _workers(queues: Sequence[QueueStats], *, narrow: bool) -> list[RenderableType]:
    """The workers, each once, though it may serve several of the queues."""
    workers = list({worker.id: worker for queue in queues for worker in queue.workers}.values())
    if not workers:
        return [Text("no worker; start one:  monarq worker TARGET")]
    table = _open_table(gap=1 if narrow else 2)
    table.add_column("worker on", overflow="ellipsis")
    names = ["pid", *([] if narrow else ["version"]), "running", "up", "done", "failed"]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    if len(queues) > 1 and not narrow:
        table.add_column("queues", overflow="fold")
    for worker in workers:
        table.add_row(*_worker_row(worker, names, with_queues=len(queues) > 1 and not narrow))
    return [table]


def _worker_row(worker: WorkerStats, names: Iterable[str], *, with_queues: bool) -> list[Text]:
    state, style = _state(worker)
    cells = {
        "pid": Text(str(worker.pid)),
        "version": Text(worker.version),
        "running": Text(f"{worker.running:,}/{worker.concurrency:,}"),
        "up": Text(state, style=style),
        "done": _number(worker.done),
        "failed": _number(worker.failed, warn="yellow"),
    }
    row = [Text(worker.host), *(cells[name] for name in names)]
    return [*row, Text(", ".join(worker.queues))] if with_queues else row


def _state(worker: WorkerStats) -> tuple[str, str]:
    """How long it has been up, or what is the matter with it."""
    if not worker.alive:
        return "gone", "red"
    return ("drains", "yellow") if worker.draining else (duration(worker.uptime_s), "")


def _open_table(*, gap: int) -> Table:
    return Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim", show_edge=False)


def _number(value: int, warn: str = "") -> Text:
    return Text(f"{value:,}", style=warn if value else "")


def duration(seconds: float) -> str:
    """A duration in at most six signs: `1.2s`, `45s`, `3m05s`, `2h07m`, `12d03h`."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86_400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86_400}d{whole % 86_400 // 3600:02}h"
