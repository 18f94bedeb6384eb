"""What an open page costs: processor time of its process and of Redis, and no-op jobs per second with and without it.

`python -m benchmarks.watched [--rounds N] [--jobs N]` prints them. `monarq web` serves the page in a process of its
own, and its live stream is read as by a browser. Jobs per second are measured in turn on one Redis, and vary between
rounds by far more than a page can cost; the processor time, measured with an idle pool, shows the real cost.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import psutil
from redis.asyncio import Redis

from monarq import Producer, job
from monarq.embedded import EmbeddedRedis
from monarq.monitor.admin import admin
from monarq.shared.formats.choice.monitors import monitor_queue
from monarq.shared.protocol.queue_ref import DEFAULT_QUEUES
from monarq.shared.redis.connection import open_redis

QUEUE = DEFAULT_QUEUES[0]

BATCH = 1000
IDLE_S = 6.0
"""How long the processor time with an idle pool is measured, in seconds."""


@job(name="benchmarks.watched.nothing")
async def nothing() -> None:
    """Does nothing."""


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=60_000)
    given = parser.parse_args()
    with EmbeddedRedis(port=0) as server:
        costs, rates = asyncio.run(measure(server.url, given.rounds, given.jobs))
    alone, watched = (statistics.median(rates[kind]) for kind in (False, True))
    for what in ("page", "redis"):
        taken = [statistics.median(getattr(cost, what) for cost in costs[kind]) for kind in (False, True)]
        print(f"{what:8} {taken[0]:.2%} of a core with nobody looking, {taken[1]:.2%} with the page open")
    print(f"alone    {alone:9,.0f} jobs/s   {', '.join(f'{rate:,.0f}' for rate in rates[False])}")
    print(f"watched  {watched:9,.0f} jobs/s   {', '.join(f'{rate:,.0f}' for rate in rates[True])}")
    print(f"with the page open: {watched / alone - 1:+.1%}")


@dataclass(frozen=True)
class Cost:
    """Costs as shares of a core."""

    page: float
    redis: float


async def measure(url: str, rounds: int, count: int) -> tuple[dict[bool, list[Cost]], dict[bool, list[float]]]:
    """Costs and rates of each round, by whether the page was open; every second round begins with the other case."""
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    rates: dict[bool, list[float]] = {False: [], True: []}
    async with (
        command(url, "worker", "benchmarks.watched", "-w", "1", said="serving"),
        command(url, "web", "--port", "0", said="the page is at") as (output, pid),
    ):
        found = re.search(r"http://\S+", output)
        assert found is not None
        await drain(url, count)
        for turn in range(rounds):
            for is_watched in (False, True) if turn % 2 else (True, False):
                async with looking(found[0]) if is_watched else nobody():
                    rates[is_watched].append(await drain(url, count))
                    costs[is_watched].append(await take_cost(url, psutil.Process(pid)))
    return costs, rates


async def take_cost(url: str, page: psutil.Process) -> Cost:
    """Measures what the page and Redis use with an idle pool."""
    redis = open_redis(url)
    try:
        before = await _used_s(redis, page)
        await asyncio.sleep(IDLE_S)
        after = await _used_s(redis, page)
        page_s, redis_s, passed_s = (late - early for early, late in zip(before, after, strict=True))
        return Cost(page_s / passed_s, redis_s / passed_s)
    finally:
        await redis.aclose()


async def _used_s(redis: Redis, page: psutil.Process) -> tuple[float, float, float]:
    of_redis, of_page = await redis.info("cpu"), page.cpu_times()
    used_s = of_redis["used_cpu_sys"] + of_redis["used_cpu_user"]
    return of_page.user + of_page.system, used_s, time.perf_counter()


async def drain(url: str, count: int) -> float:
    """Jobs per second of a worker with this many jobs to run."""
    redis = open_redis(url)
    try:
        await redis.flushdb()  # old results would make Redis slower
        await admin.pause(redis, QUEUE)
        async with Producer(url) as producer:
            for _ in range(count // BATCH):
                await producer.enqueue_many(nothing, [()] * BATCH)
        started_s = time.perf_counter()
        await admin.resume(redis, QUEUE)
        while await _has_jobs(redis):  # noqa: ASYNC110 - only Redis can tell
            await asyncio.sleep(0.01)
        return count / (time.perf_counter() - started_s)
    finally:
        await redis.aclose()


async def _has_jobs(redis: Redis) -> bool:
    now = await monitor_queue(QUEUE).read_counts(redis)
    return now.queued + now.running > 0


@asynccontextmanager
async def looking(page: str) -> AsyncIterator[None]:
    """A reader with the overview open."""
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream("GET", f"{page}live", params={"of": "/"}) as answer,
    ):
        reading = asyncio.create_task(read(answer))
        await asyncio.sleep(1)
        yield
        reading.cancel()
        await asyncio.wait([reading])


async def read(answer: httpx.Response) -> None:
    """Reads the stream endlessly."""
    async for _ in answer.aiter_bytes():
        pass


@asynccontextmanager
async def nobody() -> AsyncIterator[None]:
    """The same wait without a reader."""
    await asyncio.sleep(1)
    yield


@asynccontextmanager
async def command(url: str, *arguments: str, said: str) -> AsyncIterator[tuple[str, int]]:
    """Runs a monarq command during the block; yields its first output and its process id."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monarq", *arguments, "--redis", url, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    output = ""
    while said not in output:
        line = await process.stderr.readline()
        assert line, output
        output += line.decode()
    listening = asyncio.create_task(process.stderr.read())
    try:
        yield output, process.pid
    finally:
        process.terminate()
        await process.wait()
        listening.cancel()


if __name__ == "__main__":
    main()
