"""What a job costs Redis in either format: `python -m benchmarks.formats`.

The scripts of both formats are called in turn on one server, without running jobs. Processor time is that of Redis'
main thread; with ``--instructions`` the server runs under valgrind's callgrind, which counts that thread's
instructions: slow, but independent of other load.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.floor import open_client
from benchmarks.measuring.instructions import Instructions
from benchmarks.measuring.meter import Meter
from benchmarks.measuring.steps import Steps, steps_of
from monarq.embedded import EmbeddedRedis
from monarq.shared.protocol.queue_ref import FORMATS, Format

START_S: Final = 60.0

CASES: Final = ("enqueue", "claim + finish", "drained queue", "a lone job")
"""The first two enqueue all jobs and then take them, a hundred per call. The third never has more than two calls' jobs
waiting, and the last one only one job."""

Measured = dict[tuple[str, Format], list[float]]


@dataclass(frozen=True, slots=True)
class Server:
    """A server whose work is measured.

    Attributes:
        url: its address.
        unit: the unit of the measured work.
        spent: returns how much it has done so far.
    """

    url: str
    unit: str
    spent: Callable[[], float]


@contextmanager
def timed_server() -> Iterator[Server]:
    """A server that is measured by its main thread's processor time, in µs."""
    with EmbeddedRedis(port=0) as server:
        meter = Meter(server.url)
        yield Server(server.url, "µs", lambda: meter.read().cpu_s * 1e6)


@contextmanager
def counted_server() -> Iterator[Server]:
    """A server that runs under callgrind.

    Raises:
        click.ClickException: valgrind or redis-server is not installed.
    """
    for needed in ("valgrind", "redis-server"):
        if shutil.which(needed) is None:
            raise click.ClickException(f"{needed} is not installed: apt-get install {needed}")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        valgrind = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--log-file={folder}/log")
        redis_server = ("redis-server", "--port", str(port), "--save", "", "--dir", folder)
        with subprocess.Popen((*valgrind, *redis_server), stdout=subprocess.DEVNULL) as process:
            try:
                _await_port(port)
                yield Server(f"redis://127.0.0.1:{port}", "instructions", Instructions(process.pid, out).read)
            finally:
                process.terminate()


def _await_port(port: int) -> None:
    give_up_s = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > give_up_s:
                raise
            time.sleep(0.1)
        else:
            return


async def measure(server: Server, jobs: int, turns: int) -> Measured:
    """Measures the cost per job of each case in both formats, in turn."""
    measured: Measured = {(case, each): [] for case in CASES for each in FORMATS}
    redis = open_client(server.url)
    meter = Meter(server.url)
    try:
        for turn in range(turns + 1):
            for queue_format in FORMATS if turn % 2 else FORMATS[::-1]:
                meter.clear()
                spent = await _measure_once(server, steps_of(queue_format, redis), jobs)
                if turn > 0:  # the first one warms up
                    for case, cost in spent.items():
                        measured[case, queue_format].append(cost)
    finally:
        await redis.aclose()
    return measured


async def _measure_once(server: Server, steps: Steps, jobs: int) -> dict[str, float]:
    calls, lone = jobs // 100, max(20, jobs // 20)

    async def spent(run: Awaitable[None], count: int) -> float:
        before = server.spent()
        await run
        return (server.spent() - before) / count

    async def put() -> None:
        for _ in range(calls):
            await steps.enqueue(100)

    async def take() -> None:
        while await steps.claim_and_finish(100):
            pass

    async def drain(count: int, batch: int) -> None:
        for _ in range(count):
            await steps.enqueue(batch)
            await steps.claim_and_finish(batch)

    return {
        "enqueue": await spent(put(), 100 * calls),
        "claim + finish": await spent(take(), 100 * calls),
        "drained queue": await spent(drain(calls, 100), 100 * calls),
        "a lone job": await spent(drain(lone, 1), lone),
    }


def print_measured(measured: Measured, unit: str, console: Console) -> None:
    """Prints the table: medians with minimum and maximum, and the native format's cost relative to arq's."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (f"{unit} a job", "arq", "native", "native / arq"):
        table.add_column(heading, justify="left" if heading.startswith(unit) else "right")
    for case in CASES:
        arq, native = measured[case, "arq"], measured[case, "native"]
        ratio = statistics.median(native) / statistics.median(arq)
        table.add_row(case, _spread(arq), _spread(native), f"{ratio:.2f}")
    console.print(table)


def _spread(values: list[float]) -> str:
    digits = 1 if statistics.median(values) < 1000 else 0
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"


@click.command()
@click.option("--jobs", type=click.IntRange(200), default=20_000, show_default=True, help="Jobs per case.")
@click.option("--turns", type=click.IntRange(1), default=7, show_default=True, help="How often each case is measured.")
@click.option("--instructions", is_flag=True, help="Count instructions under valgrind; 2,000 jobs suffice.")
@click.option("--small", is_flag=True, help="A few jobs: shows only that it works.")
def main(jobs: int, turns: int, instructions: bool, small: bool) -> None:
    """Measure what a job costs Redis in either format."""
    with counted_server() if instructions else timed_server() as server:
        measured = uvloop.run(measure(server, 200 if small else jobs, 1 if small else turns))
        print_measured(measured, server.unit, Console())


if __name__ == "__main__":
    main()
