"""What an app costs a job: resources, a context, middleware, beside jobs without. `python -m benchmarks.app`.

The ways take turns on one Redis, in one worker that runs in this process until no job is left, so that what disturbs
the machine disturbs all of them. Shown are medians of the processor time of the worker's process for each job.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import click
import uvloop
from rich.console import Console
from rich.table import Table

from monarq import App, Context, Middleware, Producer, Resource, Run, RunNext, WorkerInfo
from monarq.embedded import EmbeddedRedis
from monarq.shared.jobs.job import Job
from monarq.targets import APP


@asynccontextmanager
async def lifespan(worker: WorkerInfo) -> AsyncIterator[dict[str, object]]:
    """One resource."""
    yield {"db": worker.worker_id}


@asynccontextmanager
async def open_session(db: str = Resource("db")) -> AsyncIterator[str]:
    """A factory."""
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
    app._module = ""  # noqa: SLF001 - otherwise each would have the jobs of all


@plain.job
async def without(number: int) -> int:
    """A job that does nothing."""
    return number


@plain.job
async def with_context(ctx: Context, number: int) -> int:
    """It takes a context."""
    return number + ctx.job_try


@resources.job
async def with_name(number: int, *, db: str = Resource("db")) -> int:
    """It takes a resource by name."""
    return number


@resources.job
async def with_factory(number: int, *, db: str = Resource(open_session)) -> int:
    """It takes a resource that is opened for the run."""
    return number


@middleware.job
async def in_middleware(number: int) -> int:
    """It runs in a middleware."""
    return number


@both.job
async def with_both(number: int, *, db: str = Resource("db")) -> int:
    """It takes a resource by name, and runs in a middleware."""
    return number


@dataclass(frozen=True)
class Receipt:
    """What a job returns."""

    number: int


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


async def cost_us(url: str, app: App, job: Job[..., Any], jobs: int) -> float:
    """Processor time of the worker for each job, in µs."""
    async with Producer(url) as producer:
        await producer.enqueue_many([job.bind(number) for number in range(jobs)])
    worker = APP.load(app, app.name, url, {"burst": True, "preflight_warnings": False}).worker()
    before = time.process_time()
    await worker.run()
    return (time.process_time() - before) / jobs * 1e6


async def measure(url: str, jobs: int, rounds: int, tell: Callable[[str], None]) -> dict[str, list[float]]:
    """The costs of all ways, in turns."""
    found: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds + 1):
        for way, (app, job) in WAYS.items():
            cost = await cost_us(url, app, job, jobs)
            if number:  # the first round warms up
                found[way].append(cost)
        tell(f"round {number} of {rounds}")
    return found


@click.command()
@click.option("--jobs", type=click.IntRange(100), default=10_000, show_default=True, help="Jobs of each way and round.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True, help="How often each takes its turn.")
def main(jobs: int, rounds: int) -> None:
    """Measure what an app costs a job."""
    console = Console()
    with EmbeddedRedis() as server:
        found = uvloop.run(measure(server.url, jobs, rounds, lambda text: console.print(text, style="dim")))
    base = statistics.median(found["without"])
    table = Table("way", "µs a job", "more")
    for way, costs in found.items():
        middle = statistics.median(costs)
        table.add_row(way, f"{middle:.1f}", f"{(middle / base - 1) * 100:+.1f} %")
    console.print(table)


if __name__ == "__main__":
    main()
