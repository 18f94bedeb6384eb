"""The table of workers, which `monarq workers` and `monarq stats` show.

It leaves out columns that do not fit. Control codes in text from Redis never reach a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.text import Text

from monarq.cli.terminal.formatting import NOTHING, duration
from monarq.cli.terminal.tables import one_line_cell, open_table
from monarq.monitor.queues.lane_usage import LaneUsage, lane_usage
from monarq.monitor.queues.workers import WorkerStats
from monarq.monitor.text.formatting import memory
from monarq.shared.text.printable import printable

WIDE: Final = 100
"""From this width on, everything is shown."""

NARROW: Final = 64
"""Below this width, only the columns about a worker's state are shown."""

LAG_WARNING_S: Final = 1.0
"""A longer lag of the event loop is highlighted."""


def render_workers(workers: Sequence[WorkerStats], *, width: int, whole: bool = True) -> RenderableType:
    """The workers, one row each.

    Args:
        workers: the rows.
        width: the width of the screen.
        whole: whether long names of queues wrap; otherwise each row is cut to one line.
    """
    if not workers:
        return Text("no worker; start one:  monarq worker TARGET")
    table = open_table(gap=1 if width < NARROW else 2)
    table.add_column(one_line_cell("worker on"))
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
            cells["queues"] = one_line_cell(", ".join(worker.queues))
        table.add_row(one_line_cell(worker.host), *(cells[name] for name in names))
    return table


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
        "lag": Text(_lag(worker.loop_lag_s), style="yellow" if worker.loop_lag_s >= LAG_WARNING_S else ""),
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
