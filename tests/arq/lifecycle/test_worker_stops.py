"""The stop of arq's `Worker`: by signals, by `close`, by cancelling; and its start as a program."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import Any, ClassVar

import arq
import pytest
from arq.connections import RedisSettings
from redis.asyncio import Redis
from redis.exceptions import RedisError

import monarq.arq
from monarq.arq.worker import Worker, create_worker, get_kwargs, run_worker
from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import counts, ours, running, until
from tests.support.slowness import in_time, patience_s


async def test_a_signal_hands_running_jobs_back(pool: arq.ArqRedis) -> None:
    """Each time as a try, which is what arq counts."""
    stopped: list[signal.Signals] = []
    await pool.enqueue_job("sleep", 60, _job_id="long")
    for used in (1, 2, 3):
        worker = ours(pool)
        worker.on_stop = stopped.append
        run = asyncio.create_task(worker.async_run())
        async with in_time(15):
            while not worker.tasks:
                await asyncio.sleep(0.01)
        assert list(worker.tasks) == list(worker.job_tasks) == ["long"]
        worker.handle_sig(signal.SIGTERM)
        await asyncio.wait([run])
        assert run.cancelled()
        assert worker.tasks == {}
        assert counts(worker) == (0, 0, 1)
        assert await pool.exists(names.in_progress("long")) == 0
        assert await pool.get(names.retry("long")) == str(used).encode()
    assert stopped == [signal.SIGTERM] * 3
    assert [job.job_id for job in await pool.queued_jobs()] == ["long"]


async def test_a_signal_may_let_jobs_end_first(pool: arq.ArqRedis) -> None:
    await pool.enqueue_job("sleep", 0.2, _job_id="short")
    await pool.enqueue_job("sleep", 60, _job_id="long")
    worker = ours(pool, job_completion_wait=0.6)
    run = asyncio.create_task(worker.async_run())
    await until(lambda: asyncio.sleep(0, len(worker.tasks) == 2))
    worker.handle_sig_wait_for_completion(signal.SIGTERM)
    assert worker.allow_pick_jobs is False
    await pool.enqueue_job("add", 1, 2, _job_id="later")
    await until(lambda: pool.exists(names.result("short")))
    await asyncio.wait([run])
    assert run.cancelled()
    assert counts(worker) == (1, 0, 1)
    assert {job.job_id for job in await pool.queued_jobs()} == {"long", "later"}


async def test_a_wait_ends_with_the_last_job(pool: arq.ArqRedis) -> None:
    await pool.enqueue_job("sleep", 0.1)
    worker = ours(pool, job_completion_wait=30)
    run = asyncio.create_task(worker.async_run())
    await until(lambda: asyncio.sleep(0, len(worker.tasks) == 1))
    worker.handle_sig_wait_for_completion(signal.SIGTERM)
    await asyncio.wait([run], timeout=patience_s(5))
    assert run.cancelled()
    assert counts(worker) == (1, 0, 0)


async def test_close_stops_a_worker_that_handles_no_signals(redis_settings: RedisSettings, pool: arq.ArqRedis) -> None:
    ended: list[str] = []

    async def shutdown(ctx: Ctx) -> None:
        assert await ctx["redis"].ping()
        ended.append("shutdown")

    worker = Worker([jobs.sleep], redis_settings=redis_settings, handle_signals=False, on_shutdown=shutdown)
    run = asyncio.create_task(worker.async_run())
    await pool.enqueue_job("sleep", 60)
    await until(lambda: asyncio.sleep(0, len(worker.tasks) == 1))
    assert await pool.exists("arq:queue:health-check")
    await worker.close()
    assert run.done()
    assert ended == ["shutdown"]
    assert await pool.exists("arq:queue:health-check") == 0
    await worker.close()
    assert ended == ["shutdown"]


async def test_a_cancelled_main_hands_back(pool: arq.ArqRedis) -> None:
    await pool.enqueue_job("sleep", 60, _job_id="long")
    async with running(ours(pool)):
        await until(lambda: pool.exists(names.in_progress("long")))
    assert await pool.exists(names.in_progress("long")) == 0


async def test_a_startup_hook_that_hangs_can_be_cancelled(pool: arq.ArqRedis) -> None:
    async def hang(ctx: Ctx) -> None:
        await asyncio.sleep(3600)

    async with in_time(10), running(ours(pool, on_startup=hang)):
        await asyncio.sleep(0.2)


async def test_a_startup_hook_that_raises_ends_main(pool: arq.ArqRedis) -> None:
    async def broken(ctx: Ctx) -> None:
        raise ValueError("no database")

    with pytest.raises(ValueError, match="no database"):
        await ours(pool, on_startup=broken).main()


async def test_without_a_server_main_raises_redis_pys_error() -> None:
    settings = RedisSettings("127.0.0.1", 1, conn_retries=0)
    with pytest.raises(RedisError):
        await Worker([jobs.add], redis_settings=settings, handle_signals=False).main()


class Settings:
    functions: ClassVar[list[Any]] = [jobs.add]
    burst = True
    poll_delay = 0
    max_payload = 5000


def test_run_worker_in_a_program_without_a_loop(redis_server: Any) -> None:
    class Here(Settings):
        redis_settings = RedisSettings(unix_socket_path=redis_server.url.removeprefix("unix://").partition("?")[0])

    async def enqueue() -> None:
        pool = await monarq.arq.create_pool(Here.redis_settings)
        await pool.flushall()
        await pool.enqueue_job("add", 1, 2)
        await pool.aclose(close_connection_pool=True)

    asyncio.run(enqueue())
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    worker = run_worker(Here)
    assert worker.loop is loop
    assert worker.jobs_complete == 1
    assert get_kwargs(Here)["burst"] is True
    assert create_worker(Here, burst=False).burst is False
    loop.close()
    asyncio.set_event_loop(None)


PROGRAM = """
import sys
from monarq.arq import run_worker
from monarq.arq.connections import RedisSettings
from tests.arq import jobs

class WorkerSettings:
    functions = [jobs.sleep]
    redis_settings = RedisSettings(unix_socket_path=sys.argv[1])
    job_completion_wait = float(sys.argv[2])

print(run_worker(WorkerSettings))
"""


@pytest.mark.parametrize(("wait", "told"), [("0", "j_retried=1"), ("5", "j_complete=1")])
async def test_a_real_signal_stops_a_real_process(
    pool: arq.ArqRedis, redis: Redis, redis_settings: RedisSettings, wait: str, told: str
) -> None:
    made = await pool.enqueue_job("sleep", 0.5)
    assert made is not None
    command = [sys.executable, "-c", PROGRAM, str(redis_settings.unix_socket_path), wait]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    try:
        await until(lambda: pool.exists(names.in_progress(made.job_id)))
        os.kill(process.pid, signal.SIGTERM)
        async with in_time(20):
            shown, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0
    assert told in shown.decode()
    assert await pool.zcard(DEFAULT_QUEUE) == (1 if wait == "0" else 0)
    assert await pool.exists("arq:queue:health-check", names.in_progress(made.job_id)) == 0


@pytest.mark.parametrize("seconds", [0.4, 3.0])
async def test_running_jobs_survive_who_deletes_their_keys(pool: arq.ArqRedis, redis: Redis, seconds: float) -> None:
    """As programs do when they start, against what arq leaves behind; one ends before its lease is renewed."""
    await pool.enqueue_job("sleep", seconds, _job_id="one")
    async with running(ours(pool, lease_s=1.5)) as first, running(ours(pool, lease_s=1.5)) as second:
        await until(lambda: pool.exists(names.in_progress("one")))
        await redis.delete(*[key async for key in redis.scan_iter(names.in_progress("*"))])
        await until(lambda: pool.exists(names.result("one")))
        assert sorted((counts(first), counts(second))) == [(0, 0, 0), (1, 0, 0)]
    result = await arq.jobs.Job("one", pool).result_info()
    assert result is not None
    assert (result.success, result.job_try) == (True, 1)
