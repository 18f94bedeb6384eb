"""The recycler: workers that have reached a limit are replaced, and no job notices."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
from redis.asyncio import Redis

from monarq.producer import Producer
from tests.support.queues import NATIVE_QUEUE
from tests.support.slowness import in_time, patience_s
from tests.workers.jobs.runner import unruly_jobs
from tests.workers.supervisor.test_supervisor_jobs import begun, pool_of, stop
from tests.workers.support import supervised_jobs as jobs
from tests.workers.support.supervised_queues import NativeSupervisedQueue
from tests.workers.support.supervisor_process import SupervisorProcess, running_supervisor

SOON_S = 0.1


async def ran_elsewhere(pool: SupervisorProcess, producer: Producer, pid: int) -> int:
    """The process that took over from this one: the first other one in which a job runs.

    What the jobs print is read: a pool whose output nobody reads blocks.
    """
    async with in_time(20):
        while True:
            await producer.enqueue(jobs.say_so)
            found = int((await pool.line(r"pid (\d+) try 1: ends"))[1])
            if found != pid:
                return found


async def test_a_worker_that_has_run_enough_goes_when_its_last_job_has_ended(redis_url: str, redis: Redis) -> None:
    """However long that takes: its grace is for those who stop it."""
    async with pool_of(redis_url, recycle_limits={"jobs": 3}, grace_s=SOON_S) as pool, Producer(redis_url) as producer:
        slow = await producer.enqueue(jobs.wait_until_let, "let")
        _, pid, _ = await begun(pool)
        for _ in range(2):
            assert await (await producer.enqueue(jobs.say_so)).result(timeout=patience_s(10)) == pid
        await pool.line(f"worker 0 .*{pid}.* is replaced once its successor is ready: it has run 3 jobs")
        await ran_elsewhere(pool, producer, pid)
        await asyncio.sleep(3 * SOON_S)
        os.kill(pid, 0)
        await redis.rpush("let", "go")
        await slow.result(timeout=patience_s(10))
        await pool.line("has ended: drained")
        await stop(pool)
    assert pool.count(f"job {slow.job_id} pid {pid} try 1: ends") == 1
    assert pool.count("is lost") == 0


async def test_a_worker_that_takes_too_much_memory(redis_url: str) -> None:
    async with (
        pool_of(redis_url, recycle_limits={"memory_bytes": 200 * 2**20}) as pool,
        Producer(redis_url) as producer,
    ):
        pid = await (await producer.enqueue(jobs.say_so)).result(timeout=patience_s(10))
        await (await producer.enqueue(jobs.hoard, 200)).result(timeout=patience_s(10))
        assert int((await pool.line(r"is replaced once its successor is ready: it uses (\d+) MiB"))[1]) > 200
        await ran_elsewhere(pool, producer, pid)
        await pool.line("has ended: drained")
        await stop(pool)


async def test_memory_that_workers_take_empty_is_no_limit_and_that_is_logged_once(redis_url: str) -> None:
    async with (
        pool_of(redis_url, workers=2, recycle_limits={"memory_bytes": 20 * 2**20}) as pool,
        Producer(redis_url) as producer,
    ):
        logged = await pool.line(
            r"no worker is replaced for its memory: worker \d .* used (\d+) MiB .* limit is 20 MiB"
        )
        await pool.line("is ready")
        ran = [await (await producer.enqueue(jobs.take_a_second)).result(timeout=patience_s(20)) for _ in range(3)]
        await stop(pool)
    assert len(ran) == 3
    assert int(logged[1]) > 20
    assert pool.count("is replaced for its memory") == 1
    assert pool.count("is replaced once") == 0


async def test_a_worker_of_whose_threads_too_many_hang(redis_url: str, redis: Redis) -> None:
    """It goes although they never end."""
    recycle_limits = {"abandoned_threads": 2}
    async with (
        pool_of(redis_url, "tests.workers.jobs.runner.unruly_jobs", recycle_limits=recycle_limits) as pool,
        Producer(redis_url) as producer,
    ):
        [pid] = {int((await pool.line(r"worker 0 \(pid (\d+)\) is ready"))[1])}
        for _ in range(2):
            handle = await producer.enqueue(unruly_jobs.hang_in_thread)
            with pytest.raises(TimeoutError):
                await handle.result(timeout=patience_s(20))
        await pool.line(f"{pid}.* is replaced once .*: 2 of its threads still run although their jobs have ended")
        await pool.line(rf"worker 0 \(pid {pid}\) has ended: drained")
        assert await (await producer.enqueue(unruly_jobs.answer_in_thread)).result(timeout=patience_s(20)) == 42
        await stop(pool)
    assert pool.count("is lost") == 0


async def test_a_stop_does_not_wait_for_a_worker_that_finishes_its_jobs(redis_url: str, redis: Redis) -> None:
    async with pool_of(redis_url, recycle_limits={"jobs": 1}, grace_s=SOON_S) as pool, Producer(redis_url) as producer:
        slow = await producer.enqueue(jobs.wait_for_ever)
        _, pid, _ = await begun(pool)
        await ran_elsewhere(pool, producer, pid)
        await stop(pool)
    assert await NativeSupervisedQueue(NATIVE_QUEUE.name).waits_unharmed(redis, slow.job_id)


async def test_one_that_is_slow_to_finish_holds_up_no_other(redis_url: str) -> None:
    async with (
        pool_of(redis_url, workers=2, recycle_limits={"jobs": 1}, grace_s=SOON_S) as pool,
        Producer(redis_url) as producer,
    ):
        await producer.enqueue(jobs.wait_for_ever)
        _, pid, _ = await begun(pool)
        slow = int((await pool.line(f"worker (\\d) .*{pid}.* is replaced"))[1])
        while pool.count(f"worker {1 - slow} .* is replaced") == 0:
            await producer.enqueue(jobs.say_so)
            await pool.line("job .* ends")
        os.kill(pid, 0)
        await stop(pool)


async def test_a_worker_whose_successor_does_not_start_goes_on(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running_supervisor("refuse-if-flag", flag=str(flag), recycle_limits={"jobs": 3}) as pool:
        [pid] = await pool.runs()
        flag.touch()
        await pool.line("worker 0 .* continues for now because its successor did not become ready")
        os.kill(pid, 0)
        flag.unlink()
        assert await pool.runs() != [pid]
        await pool.line(f"{pid}: stop claiming")
        await pool.line(f"{pid}: is done")
        await stop(pool)


async def test_none_is_replaced_where_no_limit_is_set(redis_url: str) -> None:
    async with pool_of(redis_url) as pool, Producer(redis_url) as producer:
        ran = [
            await handle.result(timeout=patience_s(10))
            for handle in await producer.enqueue_many(jobs.say_so, [()] * 50)
        ]
        await stop(pool)
    assert len(set(ran)) == 1
    assert pool.count("is replaced") == 0


@pytest.mark.parametrize("recycle_limits", [{"jobs": 3}, {"memory_bytes": 2**20}])
async def test_a_rolling_restart_meanwhile(recycle_limits: dict[str, int]) -> None:
    """Both ask for a new worker: none is left over, and none is missing."""
    async with running_supervisor(
        "refuse-if-flag", workers=2, flag="/nonexistent", recycle_limits=recycle_limits
    ) as pool:
        await pool.runs(2)
        pool.signal(signal.SIGHUP)
        await pool.line("rolling restart: done")
        await stop(pool)
    assert pool.count(": is up") == pool.count(": is done")
    assert pool.count("is lost") == 0
