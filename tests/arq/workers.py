"""Workers of both kinds inside the test's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import arq.worker
from redis.asyncio import Redis

import monarq.arq.worker
from tests.arq import jobs
from tests.support.slowness import in_time

FUNCTIONS = [jobs.add, jobs.fail, jobs.sleep, jobs.again, jobs.count_run]


def ours(pool: arq.ArqRedis, functions: Sequence[Any] = FUNCTIONS, **settings: Any) -> monarq.arq.worker.Worker:
    """A worker of monarq's, on the server of this client."""
    return monarq.arq.worker.Worker(
        functions, **{"redis_pool": pool, "handle_signals": False, "poll_delay": 0.02, "lease_s": 3.0, **settings}
    )


def theirs(pool: arq.ArqRedis, functions: Sequence[Any] = FUNCTIONS, **settings: Any) -> arq.worker.Worker:
    """A worker of arq's."""
    return arq.worker.Worker(functions, redis_pool=pool, handle_signals=False, poll_delay=0.02, **settings)


async def burst(pool: arq.ArqRedis, functions: Sequence[Any] = FUNCTIONS, **settings: Any) -> monarq.arq.worker.Worker:
    """Runs a worker of monarq's until the queue is empty; the client stays open."""
    worker = ours(pool, functions, burst=True, **settings)
    async with in_time(30):
        await worker.main()
    return worker


def counts(worker: monarq.arq.worker.Worker) -> tuple[int, int, int]:
    """Complete, failed and retried."""
    return worker.jobs_complete, worker.jobs_failed, worker.jobs_retried


@asynccontextmanager
async def running(worker: monarq.arq.worker.Worker | arq.worker.Worker) -> AsyncIterator[Any]:
    """The worker at work, until the end of the block."""
    task = asyncio.create_task(worker.main())
    try:
        yield worker
    finally:
        if not isinstance(worker, monarq.arq.worker.Worker):
            # Cancelled, it would leave a pipeline of redis-py's unclosed now and then.
            worker.burst, worker.max_burst_jobs = True, 0
        else:
            task.cancel()
        await asyncio.wait([task])


async def until(true: Callable[[], Awaitable[Any]]) -> None:
    """Waits until it is so."""
    async with in_time(15):
        while not await true():
            await asyncio.sleep(0.01)


async def runs_of(redis: Redis) -> dict[str, int]:
    """How often each job of `jobs.count_run` ran."""
    return {name.decode(): int(times) for name, times in (await redis.hgetall("test:runs")).items()}
