"""The target of a pool that serves a queue of several shards: each run is counted in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from redis.asyncio import Redis

from monarq import Context, Queue, job
from monarq.shared.redis.connection import open_redis, redis_url

RUNS = "runs-of-sharded-jobs"


@cache
def _redis() -> Redis:
    return open_redis(redis_url())


@asynccontextmanager
async def counted(job_id: str) -> AsyncIterator[None]:
    """Counts a run when it begins."""
    client = _redis()
    await client.hincrby(RUNS, job_id, 1)  # type: ignore[misc]
    await client.expire(RUNS, 600)
    yield


@job(name="sharded_run", queue=Queue("big"))
async def run(ctx: Context, seconds: float) -> float:
    async with counted(ctx.job_id):
        await ctx.progress(1, 2)
        await asyncio.sleep(seconds)
    return seconds


@job(name="sharded_cpu", queue=Queue("big"))
def compute(number: int) -> int:
    return number * 2
