"""What Redis allows: monarq's scripts with given batch sizes, without running jobs. `python -m benchmarks.floor`.

Two claims are in flight at a time, so that Redis need not wait for Python to read a reply. The table has the measured
rate, and the rate at which Redis' single thread would always be busy: no worker can be faster than that.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from benchmarks.measuring.meter import Meter, Reading
from benchmarks.measuring.steps import steps_of
from monarq.embedded import EmbeddedRedis
from monarq.shared.protocol.queue_ref import FORMATS, Format
from monarq.shared.redis.client import RedisClient
from monarq.shared.redis.connection import open_redis
from monarq.shared.redis.private_pool import PrivatePool

BATCHES: Final = (1, 10, 100, 1000)
AT_ONCE: Final = 2
QUIET_S: Final = 0.02
PAYLOAD: Final = b"x" * 30


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a step.

    Attributes:
        step: its name.
        batch: jobs per call.
        rate: jobs per second, including Python's share.
        redis_us: processor time of Redis' main thread per job, in µs.
        commands: commands per job, including those called by scripts.
        bytes_in: bytes sent to Redis per job.
        bytes_out: bytes received from Redis per job.
    """

    step: str
    batch: int
    rate: float
    redis_us: float
    commands: float
    bytes_in: float
    bytes_out: float


def cost(step: str, batch: int, jobs: int, seconds: float, used: Reading) -> Cost:
    """A step's cost from its totals."""
    return Cost(
        step,
        batch,
        jobs / seconds,
        used.cpu_s / jobs * 1e6,
        used.calls / jobs,
        used.bytes_in / jobs,
        used.bytes_out / jobs,
    )


class Floor:
    """Calls the scripts.

    Args:
        redis: a client like that of workers and producers.
        meter: the meter of the same server.
        queue_format: the format of the scripts.
    """

    def __init__(self, redis: RedisClient, meter: Meter, queue_format: Format) -> None:
        self._redis = redis
        self._meter = meter
        self._steps = steps_of(queue_format, redis)

    async def measure(self, jobs: int, batch: int) -> list[Cost]:
        """Enqueues a number of jobs, then claims and finishes them."""
        return [
            await self._step("enqueue", jobs, batch, self.put),
            await self._step("claim and finish", jobs, batch, self._work),
        ]

    async def sets(self, count: int) -> Cost:
        """Plain SETs, one at a time on the same connection, to compare with single enqueues of a producer."""

        async def run(total: int, _: int) -> None:
            for number in range(total):
                await self._redis.execute(("SET", f"floor:{number}", PAYLOAD))

        return await self._step("SET one at a time", count, 1, run)

    async def pings(self, count: int) -> list[float]:
        """Milliseconds that PINGs take after a quiet moment: what the machine needs to wake two processes."""
        took_ms = []
        for _ in range(count):
            await asyncio.sleep(QUIET_S)
            begun_s = time.perf_counter()
            await self._redis.execute(("PING",))
            took_ms.append((time.perf_counter() - begun_s) * 1000)
        return sorted(took_ms)

    async def _step(self, name: str, jobs: int, batch: int, run: Callable[[int, int], Awaitable[None]]) -> Cost:
        before, begun_s = self._meter.read(), time.perf_counter()
        await run(jobs, batch)
        seconds = time.perf_counter() - begun_s
        return cost(name, batch, jobs, seconds, self._meter.read() - before)

    async def put(self, jobs: int, batch: int) -> None:
        """Enqueues jobs, `batch` per call."""
        for _ in range(0, jobs, batch):
            await self._steps.enqueue(batch)

    async def _work(self, jobs: int, batch: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._claim_and_finish(batch))

    async def _claim_and_finish(self, batch: int) -> None:
        while await self._steps.claim_and_finish(batch):
            pass


def open_client(url: str) -> RedisClient:
    """A client like that of workers and producers."""
    return RedisClient(PrivatePool.like(open_redis(url)), shown=url, timeout_s=5.0)


async def measure(url: str, jobs: int, queue_format: Format) -> tuple[list[Cost], list[float]]:
    """All costs, on an empty server for each batch size; and the sorted times of PINGs after a quiet moment."""
    meter, costs = Meter(url), []
    redis = open_client(url)
    try:
        for batch in BATCHES:
            meter.clear()
            # Small batches are slow: fewer jobs suffice.
            count = max(batch, jobs // 10 if batch == 1 else jobs)
            costs += await Floor(redis, meter, queue_format).measure(count - count % batch, batch)
        costs.append(await Floor(redis, meter, queue_format).sets(max(1, jobs // 10)))
        pings_ms = await Floor(redis, meter, queue_format).pings(max(10, jobs // 250))
    finally:
        await redis.aclose()
    return costs, pings_ms


def print_costs(costs: list[Cost], console: Console) -> None:
    """The table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "batch", "jobs/s", "Redis µs/job", "Redis' limit, jobs/s", "commands", "bytes in", "bytes out"):
        table.add_column(heading, justify="left" if not heading else "right")
    for one in costs:
        ceiling = f"{1e6 / one.redis_us:,.0f}" if one.redis_us else ""
        figures = (f"{one.rate:,.0f}", f"{one.redis_us:.1f}", ceiling)
        table.add_row(
            one.step,
            str(one.batch),
            *figures,
            f"{one.commands:.2f}",
            f"{one.bytes_in:.0f}",
            f"{one.bytes_out:.0f}",
        )
    console.print(table)


@click.command()
@click.option("--jobs", type=click.IntRange(1000), default=50_000, show_default=True, help="Jobs per batch size.")
@click.option("--format", "queue_format", type=click.Choice(FORMATS), default="native", show_default=True)
@click.option("--small", is_flag=True, help="A thousand jobs: shows only that it works.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/floor.json"), show_default=True)
def main(jobs: int, queue_format: Format, small: bool, out: Path) -> None:
    """Measure what monarq's scripts cost Redis, without running jobs."""
    with EmbeddedRedis(port=0) as server:
        costs, pings_ms = uvloop.run(measure(server.url, 1000 if small else jobs, queue_format))
        rows = [{name: getattr(one, name) for name in Cost.__slots__} for one in costs]
        ping = {"p50": pings_ms[len(pings_ms) // 2], "p99": pings_ms[len(pings_ms) * 99 // 100]}
        about = {
            "machine": machine.describe(),
            "redis": server.description,
            "format": queue_format,
            "rows": rows,
            "quiet_ping_ms": ping,
        }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(about, indent=1) + "\n")
    print_costs(costs, Console())
    Console().print(f"a PING after 20 ms of quiet: {ping['p50']:.3f} ms p50, {ping['p99']:.3f} ms p99")


if __name__ == "__main__":
    main()
