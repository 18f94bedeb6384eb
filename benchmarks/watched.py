"""What an open page costs: no-op jobs a second with the overview open, and without it, in turns on one Redis.

`python -m benchmarks.watched [--rounds N] [--jobs N]` prints both medians and their ratio. The page is served by
`monarq web` in a process of its own, and read over its live stream as a browser does.
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

import httpx

from monarq import Producer, job
from monarq.embedded import EmbeddedRedis
from monarq.monitor import steering
from monarq.shared.connection import open_redis
from monarq.shared.keys import DEFAULT_QUEUE

BATCH = 1000


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
        rates = asyncio.run(measure(server.url, given.rounds, given.jobs))
    alone, watched = (statistics.median(rates[kind]) for kind in (False, True))
    print(f"alone    {alone:9,.0f} jobs/s   {', '.join(f'{rate:,.0f}' for rate in rates[False])}")
    print(f"watched  {watched:9,.0f} jobs/s   {', '.join(f'{rate:,.0f}' for rate in rates[True])}")
    print(f"with the page open: {watched / alone - 1:+.1%}")


async def measure(url: str, rounds: int, count: int) -> dict[bool, list[float]]:
    """The rates of each round, by whether the page was open; each second round begins with the other."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    async with (
        command(url, "worker", "benchmarks.watched", "-w", "1", said="serving"),
        command(url, "web", "--port", "0", said="the page is at") as told,
    ):
        found = re.search(r"http://\S+", told)
        assert found is not None
        await drain(url, count)
        for turn in range(rounds):
            for is_watched in (False, True) if turn % 2 else (True, False):
                async with looking(found[0]) if is_watched else nobody():
                    rates[is_watched].append(await drain(url, count))
    return rates


async def drain(url: str, count: int) -> float:
    """Jobs a second of a worker that has so many to run."""
    redis = open_redis(url)
    try:
        await steering.pause(redis, DEFAULT_QUEUE)
        async with Producer(url) as producer:
            for _ in range(count // BATCH):
                await producer.enqueue_many(nothing, [()] * BATCH)
        started_s = time.perf_counter()
        await steering.resume(redis, DEFAULT_QUEUE)
        while await redis.zcard(DEFAULT_QUEUE):  # noqa: ASYNC110 - only Redis knows
            await asyncio.sleep(0.01)
        return count / (time.perf_counter() - started_s)
    finally:
        await redis.aclose()


@asynccontextmanager
async def looking(page: str) -> AsyncIterator[None]:
    """Somebody who has the overview open."""
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
    """Reads on and on."""
    async for _ in answer.aiter_bytes():
        pass


@asynccontextmanager
async def nobody() -> AsyncIterator[None]:
    """The same wait, and nobody who looks."""
    await asyncio.sleep(1)
    yield


@asynccontextmanager
async def command(url: str, *arguments: str, said: str) -> AsyncIterator[str]:
    """A command of monarq for the life of the block; gives its first words."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monarq", *arguments, "--redis", url, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    told = ""
    while said not in told:
        line = await process.stderr.readline()
        assert line, told
        told += line.decode()
    listening = asyncio.create_task(process.stderr.read())
    try:
        yield told
    finally:
        process.terminate()
        await process.wait()
        listening.cancel()


if __name__ == "__main__":
    main()
