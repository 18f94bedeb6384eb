"""What an app's resources, context and middleware cost per job, compared with jobs without: `python -m benchmarks.app`.

All variants take turns on one Redis, in one worker that runs in this process until no job is left, so that disturbances
affect all of them. The table has medians of the processor time per job: in the worker, and in total, which is the
enqueue, the worker and Redis. With ``--instructions`` this process runs under valgrind's callgrind, which counts
instructions: slow, but independent of other load.
"""

from __future__ import annotations

import functools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.measuring.instructions import Instructions
from benchmarks.measuring.meter import Meter
from monarq import App, Context, Middleware, Producer, Resource, Run, RunNext, WorkerInfo
from monarq.embedded import EmbeddedRedis
from monarq.shared.jobs.job import Job
from monarq.targets import APP


@asynccontextmanager
async def lifespan(worker: WorkerInfo) -> AsyncIterator[dict[str, object]]:
    """Provides one resource."""
    yield {"db": worker.worker_id}


@asynccontextmanager
async def open_session(db: str = Resource("db")) -> AsyncIterator[str]:
    """Provides another resource per run."""
    yield db


class Pass(Middleware):
    """A middleware that does nothing."""

    async def run(self, run: Run, call_next: RunNext) -> object:
        """Passes the run on."""
        return await call_next(run)


plain = App("plain")
resources = App("resources", lifespan=lifespan)
middleware = App("middleware", middleware=[Pass()])
both = App("both", lifespan=lifespan, middleware=[Pass()])
for app in (plain, resources, middleware, both):
    app._module = ""  # noqa: SLF001 - otherwise each app would have all jobs


@dataclass(frozen=True)
class Receipt:
    """What each job makes, and the last way returns: what a dataclass costs by itself is not the queue's cost."""

    number: int


@plain.job
async def without(number: int) -> int:
    """A job that does nothing else."""
    return Receipt(number).number


@plain.job
async def with_context(ctx: Context, number: int) -> int:
    """It takes a context."""
    return Receipt(number + ctx.job_try).number


@resources.job
async def with_name(number: int, *, db: str = Resource("db")) -> int:
    """It takes a resource by name."""
    return Receipt(number).number


@resources.job
async def with_factory(number: int, *, db: str = Resource(open_session)) -> int:
    """It takes a resource that is opened for the run."""
    return Receipt(number).number


@middleware.job
async def in_middleware(number: int) -> int:
    """It runs in a middleware."""
    return Receipt(number).number


@both.job
async def with_both(number: int, *, db: str = Resource("db")) -> int:
    """It takes a resource by name, and runs in a middleware."""
    return Receipt(number).number


@both.job
async def with_all(number: int, *, db: str = Resource("db")) -> Receipt:
    """It takes a resource by name, runs in a middleware, and returns what its annotation names."""
    return Receipt(number)


WAYS: dict[str, tuple[App, Job[..., Any]]] = {
    "without": (plain, without),
    "context": (plain, with_context),
    "resource by name": (resources, with_name),
    "middleware": (middleware, in_middleware),
    "resource by name and middleware": (both, with_both),
    "resource by name, middleware and result type": (both, with_all),
    "resource of a factory": (resources, with_factory),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a job.

    Attributes:
        worker: in the worker.
        in_all: in producer, worker and Redis together.
    """

    worker: float
    in_all: float


@dataclass(frozen=True, slots=True)
class Gauge:
    """How costs are measured.

    Attributes:
        unit: the unit of the costs.
        own: returns this process's costs so far.
        server: returns Redis' costs so far; 0 if they are not measured.
    """

    unit: str
    own: Callable[[], float]
    server: Callable[[], float]


async def cost_of(url: str, gauge: Gauge, app: App, job: Job[..., Any], jobs: int) -> Cost:
    """The mean cost of a job."""
    served, began = gauge.server(), gauge.own()
    async with Producer(url) as producer:
        await producer.enqueue_many([job.bind(number) for number in range(jobs)])
    worker = APP.load(app, app.name, url, {"burst": True, "preflight_warnings": False}).worker()
    enqueued = gauge.own()
    await worker.run()
    ended = gauge.own()
    return Cost((ended - enqueued) / jobs, (ended - began + gauge.server() - served) / jobs)


async def measure(url: str, gauge: Gauge, jobs: int, rounds: int, tell: Callable[[str], None]) -> dict[str, list[Cost]]:
    """Measures the costs of all variants in turn."""
    found: dict[str, list[Cost]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way, (app, job) in WAYS.items():
            cost = await cost_of(url, gauge, app, job, jobs)
            if number:  # the first round warms up
                found[way].append(cost)
        tell(f"round {number} of {rounds}")
    return found


def timed(url: str) -> Gauge:
    """Measures processor time in µs."""
    meter = Meter(url)
    return Gauge("µs", lambda: time.process_time() * 1e6, lambda: meter.read().cpu_s * 1e6)


def counted(out: Path) -> Gauge:
    """Counts instructions of this process, which runs under callgrind."""
    return Gauge("instructions", Instructions(os.getpid(), out).read, lambda: 0.0)


def run_again_counted(arguments: list[str]) -> None:
    """Runs this program under callgrind.

    Raises:
        click.ClickException: valgrind is not installed.
    """
    if shutil.which("valgrind") is None:
        raise click.ClickException("valgrind is not installed: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        out = f"{folder}/callgrind.out"
        valgrind = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--log-file={folder}/log")
        program = (sys.executable, "-m", "benchmarks.app", *arguments, "--counted-into", out)
        # Otherwise each process iterates over sets in a different order.
        subprocess.run((*valgrind, *program), check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def print_costs(found: dict[str, list[Cost]], unit: str, console: Console) -> None:
    """Prints the table: medians, and the difference from jobs without an app."""
    table = Table("way", f"{unit} a job in the worker", "more", "in all", "more")
    middles = {
        way: Cost(statistics.median(c.worker for c in costs), statistics.median(c.in_all for c in costs))
        for way, costs in found.items()
    }
    base = middles["without"]
    for way, cost in middles.items():
        table.add_row(way, *_cells(cost.worker, base.worker), *_cells(cost.in_all, base.in_all))
    console.print(table)


def _cells(cost: float, base: float) -> tuple[str, str]:
    return f"{cost:,.1f}" if cost < 1000 else f"{cost:,.0f}", f"{(cost / base - 1) * 100:+.1f} %"


@click.command()
@click.option("--jobs", type=click.IntRange(100), default=10_000, show_default=True, help="Jobs per variant and round.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="Measurements per variant.")
@click.option("--instructions", is_flag=True, help="Count instructions with valgrind; 2,000 jobs in 2 rounds suffice.")
@click.option("--counted-into", type=click.Path(path_type=Path), hidden=True)
def main(jobs: int, rounds: int, instructions: bool, counted_into: Path | None) -> None:
    """Measure what an app costs per job."""
    if instructions:
        run_again_counted(["--jobs", str(jobs), "--rounds", str(rounds)])
        return
    console = Console()
    with EmbeddedRedis() as server:
        gauge = timed(server.url) if counted_into is None else counted(counted_into)
        tell = functools.partial(console.print, style="dim")
        print_costs(uvloop.run(measure(server.url, gauge, jobs, rounds, tell)), gauge.unit, console)


if __name__ == "__main__":
    main()
