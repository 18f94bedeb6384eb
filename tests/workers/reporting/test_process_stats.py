"""The process statistics of a worker and its record: processor time, memory, loop lag, running jobs, restarts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis

from monarq.monitor.queues.workers import WorkerStats, read_workers
from monarq.shared.redis.keys import DEFAULT_QUEUE
from monarq.workers.reporting import process_stats
from monarq.workers.reporting.process_stats import LoopLag, ProcessSampler
from monarq.workers.reporting.record import MOST_JOBS
from tests.support.slowness import in_time
from tests.support.workers import make_worker, put, running
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.supervisor_process import running_supervisor


async def worker_that(redis: Redis, fits: Any) -> WorkerStats:
    """The one worker, as soon as it tells this of itself."""
    async with in_time(15):
        while True:
            for worker in await read_workers(redis, [DEFAULT_QUEUE]):
                if fits(worker):
                    return worker
            await asyncio.sleep(0.02)


async def test_a_blocked_loop_is_seen_by_each_reader_once() -> None:
    lag = LoopLag()
    lag.start()
    await asyncio.sleep(0.25)
    time.sleep(0.4)
    await asyncio.sleep(0.15)
    assert 0.25 <= lag.take("record") < 10
    assert 0.25 <= lag.take("heartbeat") < 10
    assert lag.take("heartbeat") < 0.2
    lag.stop()
    assert lag.take("heartbeat") <= 0


async def test_a_loop_that_hangs_now_is_seen_from_another_thread() -> None:
    lag = LoopLag()
    lag.start()
    asker = asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.5), lag.take("record"))[1])
    time.sleep(1)
    assert await asker >= 0.3
    lag.stop()


def test_the_child_is_measured_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_stats, "MIN_INTERVAL_S", 0.0)
    child = subprocess.Popen(
        [sys.executable, "-c", "x = b'x' * 50_000_000\nprint(flush=True)\nwhile True: pass"], stdout=-1
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        sampler = ProcessSampler()
        alone = sampler.sample()
        sampler._child_pid = lambda: child.pid
        sampler.sample()
        until_s = psutil.Process(child.pid).cpu_times().user + 0.3
        while psutil.Process(child.pid).cpu_times().user < until_s:
            time.sleep(0.02)
        both = sampler.sample()
        assert both.memory_bytes > alone.memory_bytes + 45_000_000
        assert both.cpu_percent > 5
    finally:
        child.kill()
        child.communicate()
    assert sampler.sample().memory_bytes < both.memory_bytes - 45_000_000


async def test_the_record_tells_of_running_jobs_and_of_a_blocked_loop(redis: Redis, redis_url: str) -> None:
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
    async with running_supervisor(target, fake=False, env=env, redis_url=redis_url) as pool:
        for restarts in range(2):
            os.kill((await worker_that(redis, lambda worker, n=restarts: worker.restarts == n)).pid, signal.SIGKILL)
        second = await worker_that(redis, lambda worker: worker.restarts == 2)
        pool.signal(signal.SIGHUP)
        await pool.line("rolling restart: done")
        third = await worker_that(redis, lambda worker: worker.pid != second.pid and worker.alive)
        assert third.restarts == 2  # nothing went wrong: that it is another one was asked for
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
