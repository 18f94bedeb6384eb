"""Runs that have ended leave nothing behind."""

from __future__ import annotations

import gc

from redis.asyncio import Redis

from monarq.workers.runs.run import Run
from tests.support.workers import put, run_burst
from tests.workers.support import worker_jobs as jobs


async def test_runs_are_gone_without_the_garbage_collector(redis: Redis, redis_url: str) -> None:
    """At thousands of jobs a second rings of objects would cost as much as the jobs."""
    for number in range(50):
        await put(redis, jobs.plus, number, 1, job_id=str(number))
    gc.collect()
    gc.disable()
    try:
        await run_burst(redis_url, jobs.ALL)
        left = sum(type(thing) is Run for thing in gc.get_objects())
    finally:
        gc.enable()
    assert left == 0
