"""The usage of the io and cpu lanes is shown apart, by stats, metrics and page."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from redis.asyncio import Redis

from monarq.monitor.health.overview import read_brief_overview
from monarq.monitor.health.queue_health import assess_health
from monarq.monitor.queues.stats import QueueStats, read_stats
from tests.cli.command import monarq
from tests.monitor.metrics.test_prometheus import scrape, value
from tests.monitor.web.site import Site
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, running
from tests.workers.support import worker_jobs as jobs

pytestmark = OF_ARQ

WAITING = 3


async def stats_once_full(redis: Redis) -> QueueStats:
    """How the queue stands once its worker tells that it runs one job in each lane."""
    async with in_time(30):
        while True:
            [stats] = await read_stats(redis, [ARQ_QUEUE])
            if any((worker.cpu_running, worker.running) == (1, 2) for worker in stats.workers):
                return stats
            await asyncio.sleep(0.05)


async def test_a_full_cpu_lane_beside_idle_io_places(redis: Redis, redis_url: str, site: Site) -> None:
    busy_worker = make_worker(redis_url, jobs.ALL, concurrency=50, grace_s=0.1)
    async with running(busy_worker):
        await put(redis, jobs.spin_on, 60, job_id="first")
        await put(redis, jobs.wait, 60, job_id="waits")
        await stats_once_full(redis)
        for number in range(WAITING):
            await put(redis, jobs.spin_on, 60, job_id=f"behind-{number}")
        [stats] = await read_stats(redis, [ARQ_QUEUE])
        assert (stats.queued, stats.queued_cpu) == (WAITING, WAITING)
        assert "1/50 io · 1/1 cpu" in await site.text("/")
        assert "50 io</span> 1<span" in await site.text("/workers")
        labels = {"worker": busy_worker.worker_id, "host": busy_worker.worker_id.split(":")[0]}
        samples = await scrape(redis)
        for lane, places in (("io", 50), ("cpu", 1)):
            assert value(samples, "monarq_worker_busy_places", lane=lane, **labels) == 1
            assert value(samples, "monarq_worker_places", lane=lane, **labels) == places
        told = json.loads((await monarq("stats", "--json", url=redis_url)).out)["queues"][0]
        assert told["queued_cpu"] == WAITING
        [shown] = told["workers"]
        assert [shown[name] for name in ("running", "concurrency", "cpu_running", "cpu_places")] == [2, 50, 1, 1]
        # As it is a minute later.
        glance = await read_brief_overview(redis, replace(stats, oldest_s=60.0))
        assert "3 wait for the cpu lane, where the only slot is busy" in assess_health([glance]).reason
        busy_worker.hand_back()


async def test_a_job_that_is_not_due_does_not_wait_for_the_cpu_lane(redis: Redis) -> None:
    await put(redis, jobs.squared, 7, job_id="later", delay_ms=60_000)
    await put(redis, jobs.squared, 7, job_id="now")
    await put(redis, jobs.plus, 1, 1, job_id="io")
    [stats] = await read_stats(redis, [ARQ_QUEUE])
    assert (stats.queued, stats.queued_cpu, stats.deferred) == (2, 1, 1)
