"""The workers page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from monarq.monitor.admin.admin import cancel
from monarq.monitor.queues.workers import read_workers
from tests.monitor.metrics.test_prometheus import scrape, value
from tests.monitor.web.site import Site
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import Recorder, make_worker, put, result_of, running
from tests.workers.jobs.runner import unruly_jobs as jobs
from tests.workers.support.worker_jobs import ALL, wait

pytestmark = OF_ARQ


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a worker's next record."""
    async with in_time(20):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_jobs_that_were_cancelled_are_counted_apart_from_those_that_failed(
    redis: Redis, redis_url: str, site: Site
) -> None:
    async def is_counted() -> bool:
        return [worker.cancelled for worker in await read_workers(redis, [ARQ_QUEUE])] == [2]

    recorder = Recorder()
    async with running(make_worker(redis_url, ALL, recorder)) as worker:
        await put(redis, wait, 30, job_id="runs")
        await recorder.until("job_started")
        await put(redis, wait, 30, job_id="waits", delay_ms=60_000)
        for job_id in ("runs", "waits"):
            await cancel(redis, ARQ_QUEUE, job_id)
            await result_of(redis, job_id)
        await until(is_counted)
        assert (worker.counters.failed, worker.counters.cancelled) == (0, 2)
        assert columns(await site.text("/workers"), "Failed", "Cancelled") == ["0", "2"]
        # Of the jobs by name, and of the workers.
        assert columns(await site.text("/"), "Failed", "Cancelled") == ["0", "2", "0", "2"]


def columns(page: str, *wanted: str) -> list[str]:
    """The first cells of these columns, of each table that has them."""
    found = []
    for table in re.findall(r"<table.*?</table>", page, re.DOTALL):
        heads = re.findall(r"<th[^>]*>(.*?)</th>", table)
        cells = re.findall(r"<td[^>]*>(.*?)</td>", table, re.DOTALL)
        if set(wanted) <= set(heads):
            found += [cells[heads.index(name)].strip() for name in wanted]
    return found


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
