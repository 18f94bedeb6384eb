"""`monarq demo`: network, file and cpu work, each one part after the other and then by jobs on a pool of workers.

It runs the examples, which are installed with monarq and can be read and tried. It starts a private Redis and a worker
for each core, and stops all of them however it ends.
"""

from __future__ import annotations

import io
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console, Group
from rich.text import Text

from monarq.examples.cpu import cpu_workload
from monarq.examples.files import files_workload
from monarq.examples.harness.comparison import Comparison, Workload, compare, summarize, tabulate
from monarq.examples.harness.pool import LocalPool
from monarq.examples.harness.script import JOBS
from monarq.examples.network import network_workload

WorkloadMaker = Callable[[], AbstractContextManager[Workload]]

WORKLOADS: Final[tuple[WorkloadMaker, ...]] = (network_workload, files_workload, cpu_workload)

SVG_WIDTH: Final = 100


def run_demo(
    console: Console | None = None, *, save_svg: Path | None = None, workloads: Sequence[WorkloadMaker] = WORKLOADS
) -> int:
    """Does some work with and without monarq and prints how long each took. Call it from the main thread.

    Args:
        console: where to show it; by default stdout.
        save_svg: a file to draw the result into; by default none.
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
    with _signals_as_exits(), LocalPool(JOBS) as pool:
        intro = _introduce(pool)
        console.print(Group(intro, ""))
        measured = [_measure(make_workload, pool.url, console) for make_workload in workloads]
    shown = Group(tabulate(measured), "", summarize(measured), _explain(pool.workers))
    console.print(Group("", shown))
    if save_svg is not None:
        save_svg.write_text(_draw_svg(Group(intro, "", shown)), encoding="utf-8")
    return 0 if all(row.same for row in measured) else 1


def _measure(make_workload: WorkloadMaker, redis_url: str, console: Console) -> Comparison:
    with make_workload() as work:
        return compare(work, redis_url, console)


def _introduce(pool: LocalPool) -> Text:
    return Text(
        f"Each kind of work is done twice: here, one part after the other, and as jobs on {pool.workers} workers.\n"
        f"Redis, for the time of the demo: {pool.redis.description}"
    )


def _explain(workers: int) -> Text:
    return Text(
        "A worker waits for many answers at once, so network work gains most. What computes is shared by "
        f"the cores: {workers} workers make it {workers} times faster at the most, where nothing else runs."
    )


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


def _draw_svg(shown: Group) -> str:
    """A picture of a terminal with this text. It asks for no font from the network, as rich's own would."""
    recorder = Console(record=True, width=SVG_WIDTH, file=io.StringIO(), highlight=False)
    recorder.print(Text("$ monarq demo", "bold"), shown)
    svg = recorder.export_svg(title="monarq demo", unique_id="monarq-demo")
    return re.sub(r"(@font-face \{.*?\}|<!-- .*? -->)\s*", "", svg, flags=re.DOTALL)
