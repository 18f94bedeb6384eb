"""How costs grow with the work: `python -m benchmarks.scale`. Tables, raw points as JSON, and an SVG of all lines."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

import click
import uvloop
from arq.connections import RedisSettings, create_pool
from rich.console import Console
from rich.table import Table

from benchmarks.crowd import Crowd
from benchmarks.floor import open_client
from benchmarks.measuring import machine, measures
from benchmarks.measuring.case import open_case
from benchmarks.measuring.measures import SMALL, Effort, quantile
from benchmarks.measuring.meter import Meter
from benchmarks.measuring.steps import Steps, steps_of
from benchmarks.reports import chart
from benchmarks.running.environments import prepare
from benchmarks.running.roster import ROSTER
from monarq import Producer, Queue
from monarq.embedded import EmbeddedRedis
from monarq.shared.protocol.queue_ref import FORMATS

FULL: Final = Effort(lone=200)
CLAIM: Final = 100
CLAIMS: Final = 300


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one line.

    Attributes:
        plot: the plot to which it belongs.
        line: the line's name.
        x: the amount of work.
        y: its cost.
    """

    plot: str
    line: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Sizes:
    """How far to go."""

    backlogs: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    crowds: tuple[int, ...] = (1, 10, 100, 300, 1000)
    at_once: tuple[int, ...] = (10, 100, 1000, 5000)
    queues: tuple[int, ...] = (1, 2, 4, 8, 16)
    payloads: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000)
    jobs: int = 40_000
    lone: int = 200
    effort: Effort = FULL


FEW: Final = Sizes((1_000, 3_000), (1, 20), (100,), (2,), (100, 10_000), jobs=500, lone=10, effort=SMALL)

PLOTS: Final = {
    "claim": ("Time of one claim of 100 jobs", "jobs in the queue", "ms"),
    "claim in Redis": ("Redis' processor time for it", "jobs in the queue", "ms"),
    "memory": ("Redis memory per queued job without arguments", "jobs in the queue", "bytes"),
    "crowd wait": ("Latency of a lone job among idle workers", "idle workers", "ms"),
    "crowd cost": ("Cost of idle workers in Redis", "idle workers", "commands a second each; % of a core in total"),
    "at once": ("No-op jobs a second by concurrency", "jobs at once in one worker", "jobs/s"),
    "io at once": ("io jobs of 50 ms: time relative to the ideal", "jobs at once in one worker", "times"),
    "queues": ("No-op jobs a second of one worker, by number of queues", "queues", "jobs/s"),
    "queues wait": ("Latency of a lone job on one worker, by number of queues", "queues", "ms"),
    "payload": ("No-op jobs a second by payload size", "bytes", "jobs/s"),
    "payload bytes": ("Payload throughput of one worker", "bytes", "MB/s"),
}


async def backlog(url: str, sizes: Sizes) -> list[Point]:
    """Claims from longer and longer queues of both formats, and their memory; for comparison, that of arq itself."""
    points, meter, redis = [], Meter(url), open_client(url)
    for size in sizes.backlogs:
        for each in FORMATS:
            steps = steps_of(each, redis)
            used = await _memory_of_each(meter, partial(_fill, url, steps.queue), size)
            points.append(Point("memory", f"{each} format", size, used))
            whole_ms, cpu_ms = await _claims(steps, meter, size)
            for plot, times_ms in (("claim", whole_ms), ("claim in Redis", cpu_ms)):
                quantiles = [(f"{each} p{part * 100:g}", quantile(times_ms, part)) for part in (0.5, 0.99)]
                points += [Point(plot, line, size, value) for line, value in quantiles]
    await redis.aclose()
    for size in sizes.backlogs[:3]:
        used = await _memory_of_each(meter, partial(_fill_by_arq, url), size)
        points.append(Point("memory", "arq itself", size, used))
    return points


async def _memory_of_each(meter: Meter, fill: Callable[[int], Awaitable[None]], size: int) -> float:
    """Redis' bytes per job with this many jobs; both readings are taken without connected producers."""
    meter.clear()
    await fill(100)
    meter.redis.flushall()
    await asyncio.sleep(0.2)
    empty = meter.read().memory
    await fill(size)
    await asyncio.sleep(0.2)
    return (meter.read().memory - empty) / size


async def _fill(url: str, queue: Queue, size: int) -> None:
    async with Producer(url, queue=queue) as producer:
        for at in range(0, size, 50_000):
            await producer.enqueue_many("noop", [()] * min(50_000, size - at))


async def _fill_by_arq(url: str, size: int) -> None:
    pool = await create_pool(RedisSettings.from_dsn(url))
    for at in range(0, size, 20):
        await asyncio.gather(*[pool.enqueue_job("noop") for _ in range(at, min(at + 20, size))])
    await pool.aclose()


async def _claims(steps: Steps, meter: Meter, size: int) -> tuple[list[float], list[float]]:
    """The times of claims, in total and in Redis; new jobs replace the claimed ones, so the queue keeps its length."""
    per_claim = min(CLAIM, size // 10)
    whole_ms, cpu_ms = [], []
    for _ in range(CLAIMS):
        cpu_s, begun_s = meter.cpu_s(), time.perf_counter()
        ends = await steps.claim(per_claim)
        whole_ms.append((time.perf_counter() - begun_s) * 1000)
        cpu_ms.append((meter.cpu_s() - cpu_s) * 1000)
        await steps.finish(ends)
        await steps.enqueue(per_claim)
    return whole_ms, cpu_ms


async def crowds(url: str, sizes: Sizes) -> list[Point]:
    """More and more idle workers on one queue of either format."""
    points, meter = [], Meter(url)
    for each, size in product(FORMATS, sizes.crowds):
        meter.clear()
        crowd = Crowd(url, size, each)
        async with crowd.waiting():
            waits = []
            for _ in range(sizes.lone):
                waits.append(await crowd.lone_job_ms())
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.5)
            before, begun_s = meter.read(), time.perf_counter()
            sent, _ = await asyncio.to_thread(meter.count_commands, sizes.effort.idle_s)
            took_s = time.perf_counter() - begun_s
            used = meter.read() - before
        points += [Point("crowd wait", f"{each} p{part * 100:g}", size, quantile(waits, part)) for part in (0.5, 0.99)]
        points.append(Point("crowd cost", f"{each}: commands/s each", size, sent / took_s / size))
        points.append(Point("crowd cost", f"{each}: % of a core", size, used.cpu_s / took_s * 100))
    return points


def at_once(url: str, sizes: Sizes) -> Iterator[Point]:
    """More and more jobs at once in one worker."""
    environment, meter = prepare(ROSTER[0]), Meter(url)
    for size in sizes.at_once:
        with open_case(environment, url, meter, processes=1, concurrency=size) as case:
            yield Point("at once", "jobs/s", size, case.drain("noop", max(sizes.jobs, 5 * size)).rate)
            jobs = 10 * size if size < 1000 else 4 * size
            ideal_s = jobs / size * 0.05
            yield Point("io at once", "time / ideal", size, case.drain("wait", jobs).makespan_s / ideal_s)


def queues(url: str, sizes: Sizes) -> Iterator[Point]:
    """More and more queues on one worker."""
    environment, meter = prepare(ROSTER[0]), Meter(url)
    for size in sizes.queues:
        extra = {"MONARQ_BENCH_QUEUES": str(size)}
        with open_case(environment, url, meter, processes=1, extra=extra) as case:
            yield Point("queues", "jobs/s", size, case.drain("noop", sizes.jobs).rate)
            for row in measures.lone_jobs(case, sizes.effort):
                if row.measure.endswith(("p50", "p99")):
                    yield Point("queues wait", row.measure.rpartition(" ")[2], size, row.value)


def payloads(url: str, sizes: Sizes) -> Iterator[Point]:
    """Larger and larger payloads."""
    environment, meter = prepare(ROSTER[0]), Meter(url)
    with open_case(environment, url, meter, processes=1) as case:
        for size in sizes.payloads:
            rate = case.drain("noop", max(100, min(sizes.jobs, 200_000_000 // size)), size=size).rate
            yield Point("payload", "jobs/s", size, rate)
            yield Point("payload bytes", "MB/s", size, rate * size / 1e6)


PARTS: Final[dict[str, Callable[[str, Sizes], list[Point]]]] = {
    "backlog": lambda url, sizes: uvloop.run(backlog(url, sizes)),
    "crowds": lambda url, sizes: uvloop.run(crowds(url, sizes)),
    "at-once": lambda url, sizes: list(at_once(url, sizes)),
    "queues": lambda url, sizes: list(queues(url, sizes)),
    "payloads": lambda url, sizes: list(payloads(url, sizes)),
}


def run_part(name: str, sizes: Sizes) -> list[Point]:
    """Runs one part on a server of its own."""
    with EmbeddedRedis(port=0) as server:
        return PARTS[name](server.url, sizes)


def draw(points: list[Point]) -> str:
    """All plots in one SVG."""
    charts = []
    for plot, (title, x_label, y_label) in PLOTS.items():
        lines: dict[str, list[tuple[float, float]]] = {}
        for point in points:
            if point.plot == plot:
                lines.setdefault(point.line, []).append((point.x, point.y))
        if lines:
            charts.append(chart.lines(title, x_label, y_label, [chart.Line(*line) for line in lines.items()]))
    return chart.stack(charts)


def print_points(points: list[Point], console: Console) -> None:
    """Prints one row per line."""
    table = Table("", "line", "", box=None, pad_edge=False)
    lines: dict[tuple[str, str], list[Point]] = {}
    for point in points:
        lines.setdefault((point.plot, point.line), []).append(point)
    for (plot, line), on_it in lines.items():
        title, x_label, y_label = PLOTS[plot]
        values = "  ".join(f"{point.x:,.0f}: {point.y:,.4g}" for point in on_it)
        table.add_row(f"{title} ({y_label})", line, f"{values}  ({x_label})")
    console.print(table)


@click.command()
@click.option("--small", is_flag=True, help="One or two small points per line: shows only that it works.")
@click.option("--parts", metavar="NAMES", help=f"Only these: {','.join(PARTS)}. Default: all.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/scale.json"), show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Write the SVG here.")
def main(small: bool, parts: str | None, out: Path, plot: Path | None) -> None:
    """Measure how monarq's costs grow with backlog, workers, concurrency, queues and payloads."""
    console = Console(width=200)
    sizes, points = FEW if small else Sizes(), []
    for name in parts.split(",") if parts else PARTS:
        console.log(name)
        points += run_part(name, sizes)
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = [{name: getattr(point, name) for name in Point.__slots__} for point in points]
    out.write_text(json.dumps({"machine": machine.describe(), "points": rows}, indent=1) + "\n")
    if plot is not None:
        plot.write_text(draw(points) + "\n")
    print_points(points, console)


if __name__ == "__main__":
    main()
