"""`monarq demo`: network, files, an interface and computing, each one part after another and by jobs on a pool.

It runs the examples, which are installed with monarq and can be read and tried. It starts a private Redis and a worker
for each core, and stops all of them however it ends.
"""

from __future__ import annotations

import os
import platform
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console
from rich.text import Text

from monarq.cli.terminal.picture import draw_svg, open_recorder
from monarq.examples.cpu import cpu_workload
from monarq.examples.files import files_workload
from monarq.examples.harness.comparison import compare
from monarq.examples.harness.effort import Effort, EffortMeter
from monarq.examples.harness.pool import LocalPool
from monarq.examples.harness.rows import show_reason, show_row, show_text, summarize
from monarq.examples.harness.script import JOBS
from monarq.examples.harness.workload import Comparison, Workload
from monarq.examples.interface import interface_workload
from monarq.examples.network import network_workload
from monarq.shared.version import VERSION

WorkloadMaker = Callable[[], AbstractContextManager[Workload]]

WORKLOADS: Final[tuple[WorkloadMaker, ...]] = (network_workload, files_workload, interface_workload, cpu_workload)

VERSIONS: Final = f"monarq {VERSION} on Python {platform.python_version()}"

BUSY_CORES: Final = 0.3
"""From how many cores that other programs use the times are said to be worse for them."""

SVG_WIDTH: Final = 100


def run_demo(
    console: Console | None = None, *, save_svg: Path | None = None, workloads: Sequence[WorkloadMaker] = WORKLOADS
) -> int:
    """Does some work with and without monarq, and shows what each took as soon as it is done. For the main thread.

    Args:
        console: where to show it; by default stdout.
        save_svg: a file to draw what was shown into; by default none.
        workloads: what to do.

    Returns:
        The exit code: 0, or 1 where the results of the two ways differ.

    Raises:
        EmbeddedRedisError: there is no Redis to start.
        PoolError: the workers do not start.
        KeyboardInterrupt: Ctrl-C was pressed; all is stopped before.
        SystemExit: SIGTERM or SIGHUP came; all is stopped before.
    """
    console = console or Console()
    show_text(console, VERSIONS)
    started = EffortMeter()
    with _signals_as_exits(), LocalPool(JOBS) as pool:
        about_pool = _describe(pool)
        _show_lines(console, about_pool)
        measured = [_measure(make_workload, pool, console) for make_workload in workloads]
        closing = [summarize(measured), *_describe_others(started.stop())]
    console.print()
    _show_lines(console, closing)
    if save_svg is not None:
        save_svg.write_text(_draw_svg(about_pool, measured, pool.workers, closing), encoding="utf-8")
    return 0 if all(row.same for row in measured) else 1


def _measure(make_workload: WorkloadMaker, pool: LocalPool, console: Console) -> Comparison:
    with make_workload() as work:
        measured = compare(work, pool.url, console)
    show_reason(console, measured, pool.workers)
    return measured


def _show_lines(console: Console, lines: Sequence[str]) -> None:
    for line in lines:
        show_text(console, line)


def _describe(pool: LocalPool) -> list[str]:
    return [
        *pool.redis.notes,
        f"Redis, for the time of the demo: {pool.redis.description}",
        f"Workers: {_describe_workers(pool.workers)}",
        "Each kind of work is done twice: one part after another in this process, and as jobs by the pool.",
    ]


def _describe_workers(workers: int) -> str:
    there = os.cpu_count() or workers
    if there > workers:
        return f"{workers}, one for each core that may be used here; the machine has {there}"
    return f"{workers}, one for each core"


def _describe_others(effort: Effort) -> list[str]:
    cores = effort.others_s / effort.seconds
    if cores < BUSY_CORES:
        return []
    used = f"Other programs used {cores:.1f} of the machine's {os.cpu_count()} cores meanwhile"
    return [f"{used}; without them the times would be better."]


@contextmanager
def _signals_as_exits() -> Iterator[None]:
    """SIGTERM and SIGHUP raise an exception in the block, as Ctrl-C does, so that everything is stopped in order."""
    old = {number: signal.signal(number, _exit) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _exit(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _draw_svg(about_pool: Sequence[str], measured: Sequence[Comparison], workers: int, closing: Sequence[str]) -> str:
    recorder = open_recorder(SVG_WIDTH)
    recorder.print(Text("$ monarq demo", "bold"))
    _show_lines(recorder, [VERSIONS, *about_pool])
    for row in measured:
        show_row(recorder, row, workers)
    recorder.print()
    _show_lines(recorder, closing)
    return draw_svg(recorder, "monarq demo")
