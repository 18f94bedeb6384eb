"""The workers page."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from monarq.monitor.queues.workers import read_workers
from tests.monitor.metrics.test_prometheus import scrape, value
from tests.monitor.web.site import Site
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, result_of, running
from tests.workers.jobs.runner import unruly_jobs as jobs

pytestmark = OF_ARQ


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a worker's next record."""
    async with in_time(20):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_abandoned_threads_are_counted_while_they_run(redis: Redis, redis_url: str, site: Site) -> None:
    async def count() -> int:
        return sum(worker.abandoned_threads for worker in await read_workers(redis, [ARQ_QUEUE]))

    async def is_two() -> bool:
        return await count() == 2

    async def is_none() -> bool:
        return await count() == 0

    jobs.LET_GO.clear()
    try:
        async with running(make_worker(redis_url, jobs.ALL)) as worker:
            for number in range(2):
                await put(redis, jobs.hang_in_thread, job_id=f"hang{number}")
                assert isinstance((await result_of(redis, f"hang{number}")).value, TimeoutError)
            await until(is_two)
            assert "2 abandoned" in await site.text("/workers")
            labels = {"worker": worker.worker_id, "host": worker.worker_id.split(":")[0]}
            assert value(await scrape(redis), "monarq_worker_abandoned_threads", **labels) == 2
            assert worker.heartbeat().abandoned_threads == 2
            jobs.LET_GO.set()
            await until(is_none)
            assert "abandoned" not in await site.text("/workers")
    finally:
        jobs.LET_GO.set()
