"""The supervisor with real workers and a real Redis: what becomes of jobs when their processes die, hang or stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis

from monarq import JobCancelledError
from monarq.producer import Producer
from monarq.shared.protocol.queue_ref import FORMATS
from monarq.shared.queue import Queue
from tests.support.slowness import patience_s
from tests.workers.support import supervised_jobs as jobs
from tests.workers.support.supervised_queues import SupervisedQueue, supervised_queue
from tests.workers.support.supervisor_process import SupervisorProcess, running_supervisor

TARGET = "tests.workers.support.supervised_jobs"
LONG_LEASE_S = 600.0  # whatever runs again in these tests does so because it was recovered


PoolAt = Callable[..., AbstractAsyncContextManager[SupervisorProcess]]


@pytest.fixture(params=FORMATS)
def queue(request: pytest.FixtureRequest) -> SupervisedQueue:
    return supervised_queue(request.param)


@pytest.fixture
async def producer(redis_url: str, queue: SupervisedQueue) -> AsyncIterator[Producer]:
    async with Producer(redis_url, queue=Queue(queue.ref.name, format=queue.ref.format)) as producer:
        yield producer


@pytest.fixture
def pool_at(queue: SupervisedQueue) -> PoolAt:
    """Starts a pool that serves the queue."""
    return partial(pool_of, queues=[queue.ref])


def pool_of(url: str, target: str = TARGET, **changes: Any) -> AbstractAsyncContextManager[SupervisorProcess]:
    options = {"lease_s": LONG_LEASE_S, "redis_url": url, **changes}
    return running_supervisor(target, fake=False, env={"TEST_REDIS_URL": url}, **options)


async def begun(pool: SupervisorProcess, what: str = "begins") -> tuple[str, int, int]:
    """Job id, process id and try of the next job that does so."""
    found = await pool.line(rf"job (\S+) pid (\d+) try (\d+): {what}")
    return found[1], int(found[2]), int(found[3])


async def process_of_next(pool: SupervisorProcess) -> psutil.Process:
    """The process of the next job that begins."""
    return psutil.Process((await begun(pool))[1])


async def stop(pool: SupervisorProcess) -> None:
    pool.signal(signal.SIGTERM)
    assert await pool.ends() == 0


async def test_jobs_of_a_killed_worker_run_again_at_once(
    redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt, queue: SupervisedQueue
) -> None:
    async with pool_at(redis_url) as pool:
        handles = [await producer.enqueue(jobs.wait_for_first_run, f"runs:{number}") for number in range(3)]
        first = [await begun(pool) for _ in handles]
        os.kill(first[0][1], signal.SIGKILL)
        await asyncio.gather(*(handle.result(timeout=patience_s(10)) for handle in handles))
        notes = [await queue.crash_note(redis, handle.job_id) for handle in handles]
        await pool.line("3 jobs of .* are back in their queues")
        await stop(pool)
    again = [line for line in pool.lines if line.endswith(": ends")]
    assert len(again) == 3
    assert all(" try 1: " in line for line in again)
    assert len({pid for _, pid, _ in first}) == 1
    assert notes == ["", "", ""]  # an end in order clears the count


async def test_the_crash_note_says_what_happened(
    redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt, queue: SupervisedQueue
) -> None:
    async with pool_at(redis_url) as pool:
        handle = await producer.enqueue(jobs.wait_for_ever)
        _, pid, _ = await begun(pool)
        os.kill(pid, signal.SIGKILL)
        await begun(pool)
        note = await queue.crash_note(redis, handle.job_id)
        assert note.startswith(f"1 its worker process was killed by SIGKILL (pid {pid} on ")
        pool.signal(signal.SIGTERM)
        await pool.line("draining: 1 running job")
        await stop(pool)


async def test_sigterm_lets_jobs_end(
    redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt, queue: SupervisedQueue
) -> None:
    async with pool_at(redis_url, workers=2) as pool:
        for _ in range(2):
            await pool.line("is ready")
        handle = await producer.enqueue(jobs.take_a_second)
        await begun(pool)
        await stop(pool)
        await handle.result(timeout=patience_s(1))
    assert pool.count("has ended: drained") == 2
    assert await queue.workers(redis) == 0


async def test_second_sigterm_hands_jobs_back(
    redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt, queue: SupervisedQueue
) -> None:
    async with pool_at(redis_url) as pool:
        handle = await producer.enqueue(jobs.wait_for_ever)
        await begun(pool)
        pool.signal(signal.SIGTERM)
        await pool.line("draining: 1 running job")
        await stop(pool)
    assert await queue.waits_unharmed(redis, handle.job_id)


async def test_a_killed_supervisor_loses_nothing(
    redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt, queue: SupervisedQueue
) -> None:
    async with pool_at(redis_url, workers=2) as pool:
        handle = await producer.enqueue(jobs.take_a_second)
        await begun(pool)
        pool.signal(signal.SIGKILL)
        await pool.ends()
        await handle.result(timeout=patience_s(1))
    assert await queue.workers(redis) == 0


async def test_hung_worker_is_replaced_and_its_jobs_run(
    redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt
) -> None:
    async with pool_at(redis_url, limits={"hang_timeout_s": 2.0}) as pool:
        handle = await producer.enqueue(jobs.block_the_loop_once, "runs")
        await begun(pool)
        await pool.line("in block_the_loop_once")
        await pool.line("is lost: its event loop hung for 2 s")
        await handle.result(timeout=patience_s(10))
        await stop(pool)


async def test_rolling_restart_drops_no_job(redis_url: str, producer: Producer, pool_at: PoolAt) -> None:
    async with pool_at(redis_url, workers=2) as pool:
        slow = await producer.enqueue(jobs.take_a_second)
        await begun(pool)
        pool.signal(signal.SIGHUP)
        handles = [await producer.enqueue(jobs.take_a_second) for _ in range(5)]
        await pool.line("rolling restart: done")
        await asyncio.gather(*(handle.result(timeout=patience_s(10)) for handle in [slow, *handles]))
        await stop(pool)
    assert pool.count("has ended: drained") == 4
    assert pool.count("is lost") == 0


async def test_runs_of_a_worker_that_was_frozen_for_longer_than_its_lease_are_lost_and_not_written(
    redis_url: str, producer: Producer, pool_at: PoolAt
) -> None:
    async with pool_at(redis_url, workers=2, lease_s=2.0) as pool:
        for _ in range(2):
            await pool.line("is ready")
        handle = await producer.enqueue(jobs.return_when_cancelled, "runs")
        _, frozen, _ = await begun(pool)
        os.kill(frozen, signal.SIGSTOP)
        assert await handle.result(timeout=patience_s(15)) == 2  # once its lease is over
        os.kill(frozen, signal.SIGCONT)
        await pool.line(f"pid {frozen} try 1: returns 1")
        await pool.line("was cancelled: its lease was lost")
        await stop(pool)
        assert await handle.result(timeout=patience_s(1)) == 2
    assert pool.count("is lost") == 0  # the worker itself goes on


async def test_cpu_jobs_are_killed_at_their_timeout_and_when_they_are_cancelled(
    redis_url: str, producer: Producer, pool_at: PoolAt
) -> None:
    async with pool_at(redis_url, workers=2) as pool:
        late = await producer.enqueue(jobs.spin_for_a_moment)
        late_process = await process_of_next(pool)
        with pytest.raises(TimeoutError, match="exceeded its timeout"):
            await late.result(timeout=patience_s(10))
        unwanted = await producer.enqueue(jobs.spin_in_pool)
        unwanted_process = await process_of_next(pool)
        assert await unwanted.cancel(timeout=patience_s(10))
        with pytest.raises(JobCancelledError):
            await unwanted.result(timeout=patience_s(1))
        killed = [late_process, unwanted_process]
        _, alive = await asyncio.to_thread(psutil.wait_procs, killed, timeout=patience_s(5))
        assert alive == []
        await stop(pool)


async def test_a_worker_that_has_run_enough_jobs_is_replaced_without_a_loss(
    redis_url: str, producer: Producer, pool_at: PoolAt
) -> None:
    async with pool_at(redis_url, workers=2, recycle_limits={"jobs": 5}) as pool:
        handles = await producer.enqueue_many(jobs.say_so, [()] * 30)
        pids = {await handle.result(timeout=patience_s(20)) for handle in handles}
        await pool.line("has ended: drained")
        await stop(pool)
    assert pids
    assert pool.count("is lost") == 0


async def test_recovery_waits_for_redis(redis_url: str, producer: Producer, redis: Redis, pool_at: PoolAt) -> None:
    async with pool_at(redis_url, workers=2) as pool:
        handle = await producer.enqueue(jobs.wait_for_first_run, "runs")
        _, pid, _ = await begun(pool)
        await redis.config_set("maxclients", 1)  # whoever connects now is turned away
        try:
            os.kill(pid, signal.SIGKILL)
            await pool.line("cannot return the jobs")
        finally:
            await redis.config_set("maxclients", 10_000)
        await handle.result(timeout=patience_s(15))
        await stop(pool)


async def test_without_a_url_another_worker_recovers_the_jobs(
    redis_url: str, producer: Producer, pool_at: PoolAt
) -> None:
    target = "tests.workers.support.supervised_arq_settings.Settings"
    async with pool_at(redis_url, target, redis_url=None, workers=2) as pool:
        handle = await producer.enqueue(jobs.wait_for_first_run, "runs")
        _, pid, _ = await begun(pool)
        os.kill(pid, signal.SIGKILL)
        await handle.result(timeout=patience_s(15))
        await stop(pool)


async def test_burst_ends_when_the_queue_is_empty(redis_url: str, producer: Producer, pool_at: PoolAt) -> None:
    handles = [await producer.enqueue(jobs.take_a_second) for _ in range(3)]
    async with pool_at(redis_url, workers=2, burst=True) as pool:
        assert await pool.ends() == 0
    await asyncio.gather(*(handle.result(timeout=patience_s(1)) for handle in handles))


async def test_files_beside_the_target_do_not_stand_in_for_modules(redis_url: str, tmp_path: Path) -> None:
    """`import queue` must not find a user's queue.py, though app.py beside it is to be found."""
    (tmp_path / "app.py").write_text(
        "from monarq.shared.jobs.decorators import job\n@job\nasync def hello() -> None: ...\n"
    )
    (tmp_path / "queue.py").write_text("raise RuntimeError('the wrong queue')\n")
    async with pool_of(redis_url, "app", cwd=tmp_path, burst=True) as pool:
        assert await pool.ends() == 0
    assert pool.count("with 1 job: hello") == 1


async def test_without_redis_the_pool_waits_and_one_worker_says_so(tmp_path: Path) -> None:
    async with pool_of(f"unix://{tmp_path}/nobody.sock", workers=2) as pool:
        await pool.line("waiting for Redis")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count("waiting for Redis: ") == 1
    assert pool.count("Traceback") == 0
