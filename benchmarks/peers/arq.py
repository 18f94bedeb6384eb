"""arq: `ArqRedis.enqueue_job`, gathered for many jobs, as it has no documented bulk call.

CPU jobs run in a `ProcessPoolExecutor`, as in its documentation of synchronous jobs. It starts one process per worker.
"""

# The peer is not installed where types are checked.
# mypy: disable-error-code="import-not-found,untyped-decorator,no-untyped-call"

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from arq import create_pool
from arq.connections import RedisSettings

from benchmarks.protocol import tasks
from benchmarks.protocol.launch import concurrency, in_environment, redis_url, run_each

TOGETHER = 100


async def noop(ctx: dict[Any, Any], number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    tasks.noop(number)


async def wait(ctx: dict[Any, Any], number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await tasks.wait(number)


async def burn(ctx: dict[Any, Any], number: int, data: str = "") -> None:
    """See `benchmarks.protocol.tasks`."""
    await asyncio.get_running_loop().run_in_executor(ctx["pool"], tasks.burn, number)


async def start_pool(ctx: dict[Any, Any]) -> None:
    """One process beside each worker."""
    ctx["pool"] = ProcessPoolExecutor(max_workers=1)


class WorkerSettings:
    """Defaults except the concurrency."""

    functions = [noop, wait, burn]  # noqa: RUF012 - as in arq's documentation
    on_startup = start_pool
    max_jobs = concurrency()
    redis_settings = RedisSettings.from_dsn(redis_url())


class Feeder:
    """See `benchmarks.protocol.feeding.Feeder`."""

    async def start(self) -> None:
        self._pool = await create_pool(RedisSettings.from_dsn(redis_url()))

    async def enqueue(self, job: str, number: int, data: str) -> None:
        await self._pool.enqueue_job(job, number, data)

    async def enqueue_many(self, job: str, numbers: range, data: str) -> None:
        for at in range(0, len(numbers), TOGETHER):
            part = numbers[at : at + TOGETHER]
            await asyncio.gather(*[self._pool.enqueue_job(job, number, data) for number in part])

    async def stop(self) -> None:
        await self._pool.aclose()


def work(processes: int) -> None:
    """Runs the pool."""
    run_each(processes, in_environment("arq"), "benchmarks.peers.arq.WorkerSettings")
