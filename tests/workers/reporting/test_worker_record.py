"""The worker's record: counts and running jobs as monitors read them, limited in size, and restarts of its slot."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from redis.asyncio import Redis

from monarq.monitor.queues.workers import WorkerStats, read_workers
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from monarq.workers.reporting.worker_record import MOST_JOBS
from tests.support.formats import OF_ARQ
from tests.support.queues import ARQ_QUEUE
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, running
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.supervisor_process import running_supervisor

pytestmark = OF_ARQ


async def worker_that(redis: Redis, fits: Any) -> WorkerStats:
    """The one worker, as soon as it tells this of itself."""
    async with in_time(15):
        while True:
            for worker in await read_workers(redis, [ARQ_QUEUE]):
                if fits(worker):
                    return worker
            await asyncio.sleep(0.02)


async def test_the_record_counts_runs_by_how_they_ended(redis: Redis, redis_url: str) -> None:
    await put(redis, jobs.plus, 1, 2, job_id="returns")
    await put(redis, jobs.break_down, "as asked", job_id="fails")
    await put(redis, jobs.retry_once, job_id="retries")
    async with running(make_worker(redis_url, jobs.ALL)) as worker:
        read = await worker_that(redis, lambda read: read.succeeded == 2 and read.failed == 1)
        assert read.worker_id == worker.worker_id
        assert (read.retried, read.running, read.queues) == (1, 0, (DEFAULT_QUEUE,))
        assert (worker.counters.started, worker.counters.succeeded, worker.counters.crashed) == (4, 2, 0)


async def test_the_record_has_running_jobs_and_a_blocked_loop(redis: Redis, redis_url: str) -> None:
    async with running(make_worker(redis_url, jobs.ALL, lease_s=3.0)):
        for number in range(MOST_JOBS + 5):
            await put(redis, jobs.wait, 8, job_id=f"waits-{number}")
        await worker_that(redis, lambda worker: worker.running == MOST_JOBS + 5)
        await put(redis, jobs.block, 1.2, job_id="blocks")
        told = await worker_that(redis, lambda worker: worker.loop_lag_s > 0.8)
    assert len(told.running_jobs) == MOST_JOBS
    assert {job.name for job in told.running_jobs} == {"wait"}
    assert {job.queue for job in told.running_jobs} == {DEFAULT_QUEUE}
    assert all(0 <= job.age_s < 20 for job in told.running_jobs)
    assert told.memory_bytes > 20 * 2**20
    assert told.loop_lag_s < 5


async def test_a_worker_knows_how_often_its_slot_was_restarted(redis: Redis, redis_url: str) -> None:
    env = {"TEST_REDIS_URL": redis_url}
    target = "tests.workers.support.supervised_jobs"
    async with running_supervisor(target, fake=False, env=env, redis_url=redis_url, queues=[ARQ_QUEUE]) as pool:
        for restarts in range(2):
            os.kill((await worker_that(redis, lambda worker, n=restarts: worker.restarts == n)).pid, signal.SIGKILL)
        second = await worker_that(redis, lambda worker: worker.restarts == 2)
        pool.signal(signal.SIGHUP)
        await pool.line("rolling restart: done")
        third = await worker_that(redis, lambda worker: worker.pid != second.pid and worker.alive)
        assert third.restarts == 2  # nothing went wrong: that it is another one was asked for
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
