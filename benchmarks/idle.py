"""What an idle worker with many queues costs: `python -m benchmarks.idle --queues 1000`.

One worker process serves all queues. While they are empty, its connections, its commands, and the processor time of
worker, supervisor and Redis are measured; then how long a lone job waits in one of the queues. With ``--swallow``, lone
jobs are enqueued that wake no worker. With ``--away``, Redis is stopped for a while and restarted.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urlsplit

import click
import psutil
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import machine
from benchmarks.measuring.measures import quantile
from benchmarks.measuring.meter import Meter, Reading
from monarq import Producer, Queue, job
from monarq.embedded import EmbeddedRedis
from monarq.shared.formats.native.keys import FLEET_RECORDS, NativeKeys
from monarq.shared.protocol.queue_ref import FORMATS, Format

CPU_LANE: Final = "MONARQ_BENCH_CPU_LANE"
"""The environment variable that gives the worker a job for its cpu lane."""

SETTLE_S: Final = 5.0
PAUSE_S: Final = 0.05
LONGEST_START_S: Final = 300.0

Rows = list[tuple[str, str]]


@job(name="benchmarks.idle.started")
async def started() -> int:
    """Returns when it started, in ns of the monotonic clock."""
    return time.monotonic_ns()


if os.environ.get(CPU_LANE):

    @job(name="benchmarks.idle.burn")
    def burn() -> None:
        """Never enqueued: because of it, the worker watches two sets per queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is measured.

    Attributes:
        queues: how many queues the worker serves.
        queue_format: their format.
        cpu_lane: whether the worker has a job for the cpu lane.
        seconds: how long the idle worker is measured, in seconds.
        lone: how many jobs are enqueued, one after the other.
        swallowed: how many are enqueued that wake no worker.
        away: whether Redis is stopped as well.
    """

    queues: int
    queue_format: Format
    cpu_lane: bool
    seconds: float
    lone: int
    swallowed: int
    away: bool

    @property
    def names(self) -> list[str]:
        """The names of the queues."""
        return [f"q{number}" for number in range(self.queues)]

    def queue(self, number: int) -> Queue:
        """A queue; numbers beyond the last queue start again at the first."""
        return Queue(f"q{number % self.queues}", format=self.queue_format)


FEW: Final = Setup(queues=20, queue_format="native", cpu_lane=False, seconds=1.0, lone=2, swallowed=0, away=True)


class Pool:
    """A supervisor and its one worker."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._supervisor = psutil.Process(process.pid)
        workers = [each for each in self._supervisor.children() if "monarq.workers.process" in each.cmdline()]
        self._worker = workers[0]

    def used_s(self) -> tuple[float, float, float]:
        """The current time, and the processor time of worker and supervisor so far, in seconds."""
        return time.perf_counter(), _used_s(self._worker), _used_s(self._supervisor)

    def shares(self, before: tuple[float, float, float]) -> Rows:
        """The share of a core that they have used since `used_s` returned this value."""
        passed_s, worker_s, supervisor_s = (now - then for now, then in zip(self.used_s(), before, strict=True))
        return [("worker", _share(worker_s / passed_s)), ("supervisor", _share(supervisor_s / passed_s))]

    def memory_bytes(self) -> int:
        """The memory that only the worker uses."""
        return int(self._worker.memory_full_info().uss)

    async def stop(self) -> None:
        """Stops it, and waits until it has exited."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()


def _used_s(process: psutil.Process) -> float:
    used = process.cpu_times()
    return float(used.user + used.system)


def _share(of_a_core: float) -> str:
    return f"{of_a_core:.2%} of a core"


async def measure(setup: Setup) -> Rows:
    """All rows of the table."""
    with EmbeddedRedis(port=0) as server:
        url, meter = server.url, Meter(server.url)
        begun_s, before = time.perf_counter(), meter.read()
        async with pool_of(setup, url) as pool:
            await _await_listed(setup, meter)
            took = meter.read() - before
            rows = [("start", f"{time.perf_counter() - begun_s:.1f} s, {took.calls:,} commands")]
            await asyncio.sleep(SETTLE_S)
            rows.append(("worker's memory", f"{pool.memory_bytes() / 2**20:.0f} MB"))
            rows += await _idle(setup, meter, pool)
            rows += await _busy(setup, url)
            if setup.away:
                server.stop()
                rows += await _away(setup, url, pool)
            else:
                rows.append(await _stop(meter, pool))
    return rows


@asynccontextmanager
async def pool_of(setup: Setup, url: str) -> AsyncIterator[Pool]:
    """The pool, during the block."""
    option = "MONARQ_WORKER_QUEUES" if setup.queue_format == "native" else "MONARQ_WORKER_ARQ_QUEUES"
    environment = os.environ | {option: " ".join(setup.names)} | ({CPU_LANE: "1"} if setup.cpu_lane else {})
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monarq", "worker", "benchmarks.idle", "-w", "1", "--redis", url),
        env=environment,
        stderr=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    assert process.stderr is not None
    output = b""
    while b"serving" not in output:
        line = await process.stderr.readline()
        assert line, output.decode()
        output += line
    listening, pool = asyncio.create_task(process.stderr.read()), Pool(process)
    try:
        yield pool
    finally:
        await pool.stop()
        await listening


async def _await_listed(setup: Setup, meter: Meter) -> None:
    """Waits until the worker has looked into each of its queues."""
    if setup.queue_format == "arq":
        await asyncio.sleep(SETTLE_S)
        return
    async with asyncio.timeout(LONGEST_START_S):
        while not all(_idle_workers(meter, name) for name in setup.names[-1:]):  # noqa: ASYNC110 - only Redis can tell
            await asyncio.sleep(PAUSE_S)


def _idle_workers(meter: Meter, queue: str) -> int:
    return int(cast("Any", meter.redis).zcard(NativeKeys.of(queue).key("idle")))


async def _idle(setup: Setup, meter: Meter, pool: Pool) -> Rows:
    used_s, read = pool.used_s(), meter.read()
    begun_s = time.perf_counter()
    sent, _ = await asyncio.to_thread(meter.count_commands, setup.seconds)
    passed_s = time.perf_counter() - begun_s
    read, shares = meter.read() - read, pool.shares(used_s)
    connections = len(cast("list[Any]", meter.redis.client_list())) - 1  # without the meter's own
    return [
        ("connections", f"{connections}"),
        ("commands a second", f"{sent / passed_s:.1f}; with those that scripts make {read.calls / passed_s:.0f}"),
        ("bytes a second", f"{read.bytes_in / passed_s:,.0f} in, {read.bytes_out / passed_s:,.0f} out"),
        ("Redis", _share(read.cpu_s / passed_s)),
        *shares,
    ]


async def _busy(setup: Setup, url: str) -> Rows:
    rows = []
    if setup.lone:
        waits_ms = await _lone_jobs(setup, url, setup.lone)
        rows.append(
            ("a lone job's wait", f"p50 {quantile(waits_ms, 0.5):.2f} ms, p99 {quantile(waits_ms, 0.99):.2f} ms")
        )
    if setup.swallowed:
        waits_s = await _swallowed(setup, url)
        rows.append(("where nobody is woken", f"p50 {quantile(waits_s, 0.5):.1f} s, at most {max(waits_s):.1f} s"))
    return rows


async def _lone_jobs(setup: Setup, url: str, count: int) -> list[float]:
    """How long each job waits, in ms; they are enqueued one after the other, each into a different queue."""
    waits_ms = []
    async with Producer(url) as producer:
        for number in range(count):
            begun_ns = time.monotonic_ns()
            handle = await producer.enqueue(started.options(queue=setup.queue(number * 7)))
            waits_ms.append((await handle.result(timeout=600) - begun_ns) / 1e6)
            await asyncio.sleep(PAUSE_S)
    return waits_ms


async def _swallowed(setup: Setup, url: str) -> list[float]:
    """The same in seconds, for jobs enqueued together whose wake-ups were taken by a frozen worker."""
    redis: Any = Meter(url).redis
    (worker,) = redis.hgetall(FLEET_RECORDS)

    async def wait_of(producer: Producer, number: int) -> float:
        queue = setup.queue(number * 7)
        redis.zrem(NativeKeys.of(queue.name).key("idle"), worker)
        begun_ns = time.monotonic_ns()
        handle = await producer.enqueue(started.options(queue=queue))
        return float((await handle.result(timeout=600) - begun_ns) / 1e9)

    async with Producer(url) as producer:
        return await asyncio.gather(*[wait_of(producer, number) for number in range(setup.swallowed)])


async def _away(setup: Setup, url: str, pool: Pool) -> Rows:
    """What the pool costs while Redis is away, and how it recovers."""
    await asyncio.sleep(SETTLE_S)
    used_s = pool.used_s()
    await asyncio.sleep(setup.seconds)
    rows = [(f"{name}, Redis away", share) for name, share in pool.shares(used_s)]
    with EmbeddedRedis(port=urlsplit(url).port):
        waits_ms = await _lone_jobs(setup, url, 1)
        rows.append(("first job after that", f"{waits_ms[0] / 1000:.1f} s"))
        rows.append(await _stop(Meter(url), pool))
    return rows


async def _stop(meter: Meter, pool: Pool) -> tuple[str, str]:
    """How long a stop takes, and how many commands it sends."""
    begun_s, before = time.perf_counter(), meter.read()
    await pool.stop()
    used: Reading = meter.read() - before
    return "stop", f"{time.perf_counter() - begun_s:.1f} s, {used.calls:,} commands"


@click.command()
@click.option("--queues", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--format", "queue_format", type=click.Choice(FORMATS), default="native", show_default=True)
@click.option("--cpu-lane", is_flag=True, help="The worker has a job for the cpu lane, too.")
@click.option("--seconds", type=click.FloatRange(1), default=20.0, show_default=True, help="Idle time to measure.")
@click.option("--lone", type=click.IntRange(0), default=100, show_default=True, help="Lone jobs.")
@click.option("--swallow", type=click.IntRange(0), default=0, show_default=True, help="Lone jobs that wake no worker.")
@click.option("--away", is_flag=True, help="Also stop and restart Redis.")
def main(
    queues: int, queue_format: Format, cpu_lane: bool, seconds: float, lone: int, swallow: int, away: bool
) -> None:
    """Measure what one worker with many idle queues costs."""
    about = machine.describe()
    setup = Setup(
        queues=queues,
        queue_format=queue_format,
        cpu_lane=cpu_lane,
        seconds=seconds,
        lone=lone,
        swallowed=swallow,
        away=away,
    )
    table = Table(box=None, pad_edge=False, show_header=False)
    for name, value in uvloop.run(measure(setup)):
        table.add_row(name, value)
    console = Console()
    console.print(f"{queues:,} queues, {queue_format}; load {about['load_before']}")
    console.print(table)


if __name__ == "__main__":
    main()
