"""Tries: a stop or a kill of the worker costs a running job a try where it costs one with arq."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

import arq
import pytest
from redis.asyncio import Redis

from monarq.shared.formats.arq import keys as names
from tests.arq.jobs import Ctx
from tests.arq.workers import ours, theirs, until
from tests.support.slowness import in_time

BEGUN, OPEN = "test:begun", "test:open"


async def wait_once(ctx: Ctx) -> int:
    """Runs until somebody opens the way; notes which try each run was told that it is."""
    await ctx["redis"].rpush(f"{BEGUN}:{ctx['job_id']}", ctx["job_try"])
    while not await ctx["redis"].exists(OPEN):
        await asyncio.sleep(0.01)
    return int(ctx["job_try"])


async def again_and_wait(ctx: Ctx) -> int:
    """Asks for a second try, in which it waits."""
    if ctx["job_try"] == 1:
        raise arq.Retry
    return await wait_once(ctx)


FUNCTIONS: list[Any] = [
    arq.func(wait_once, name="once", max_tries=1),
    arq.func(wait_once, name="twice", max_tries=2),
    arq.func(wait_once, name="five", max_tries=5),
    arq.func(again_and_wait, name="asks", max_tries=2),
    arq.func(again_and_wait, name="asks_more", max_tries=3),
    arq.cron(wait_once, name="by_cron", month=2, day=29),
]
JOBS: dict[str, dict[str, Any]] = {
    **{name: {} for name in ("once", "twice", "five", "asks", "asks_more", "by_cron")},
    "from_third": {"_job_try": 3},
}

PROGRAM = """
import importlib, sys
from arq.connections import RedisSettings
from tests.arq.compatibility.test_same_tries import FUNCTIONS

kind, path, retry_jobs, lease_s = sys.argv[1:]
own = {"lease_s": float(lease_s)} if kind == "monarq.arq" else {}
importlib.import_module(kind).Worker(
    [function for function in FUNCTIONS if not hasattr(function, "next_run")],
    cron_jobs=[function for function in FUNCTIONS if hasattr(function, "next_run")],
    redis_settings=RedisSettings(unix_socket_path=path), poll_delay=0.02, retry_jobs=retry_jobs == "True", **own,
).run()
"""


async def enqueue_all(pool: arq.ArqRedis) -> None:
    for job_id, options in JOBS.items():
        name = "five" if job_id == "from_third" else job_id
        assert await pool.enqueue_job(name, _job_id=job_id, **options) is not None


async def begun(redis: Redis) -> dict[str, list[int]]:
    """Which tries each job was told of."""
    keys = [key async for key in redis.scan_iter(f"{BEGUN}:*")]
    tries: dict[str, Any] = {key.decode().rpartition(":")[2]: redis.lrange(key, 0, -1) for key in keys}
    return {job_id: [int(job_try) for job_try in await told] for job_id, told in tries.items()}


async def came_to(pool: arq.ArqRedis) -> dict[str, Any]:
    """What a client of arq's sees of each job, and which tries its runs were."""
    told = await begun(pool)
    results = {result.job_id: result for result in await pool.all_job_results()}
    return {job_id: (told.get(job_id), *fields_of(results.get(job_id))) for job_id in JOBS}


def fields_of(result: arq.jobs.JobResult | None) -> tuple[Any, ...]:
    return () if result is None else (result.job_try, result.success, repr(result.result))


async def interrupted(stock: arq.ArqRedis, kind: str, number: signal.Signals, *, retry_jobs: bool) -> dict[str, Any]:
    """Lets a process of this kind begin all jobs, ends it by a signal, and lets another worker of the kind go on."""
    await stock.flushall()
    await enqueue_all(stock)
    path = str(stock.connection_pool.connection_kwargs["path"])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, kind, path, str(retry_jobs), "1")
    try:
        await until(lambda: all_begun(stock))
        os.kill(process.pid, number)
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    await stock.set(OPEN, 1)
    await forget_stock_leases(stock)
    await go_on(stock, kind, retry_jobs=retry_jobs)
    ended = await came_to(stock)
    await stock.flushall()
    return ended


async def all_begun(redis: Redis) -> bool:
    """Whether each waits in its function, or has failed before, as one that asks for a try which it does not get."""
    ended = [job_id for job_id in JOBS if await redis.exists(names.result(job_id))]
    return len(set(ended) | set(await begun(redis))) == len(JOBS)


async def forget_stock_leases(redis: Redis) -> None:
    """arq's keys of running jobs last for five minutes after a kill; played here as over."""
    for job_id in JOBS:
        if await redis.get(names.in_progress(job_id)) == b"1":
            await redis.delete(names.in_progress(job_id))


async def go_on(pool: arq.ArqRedis, kind: str, *, retry_jobs: bool) -> None:
    crons = [function for function in FUNCTIONS if hasattr(function, "next_run")]
    plain = [function for function in FUNCTIONS if function not in crons]
    settings = {"cron_jobs": crons, "burst": True, "retry_jobs": retry_jobs}
    worker = ours(pool, plain, **settings) if kind == "monarq.arq" else theirs(pool, plain, **settings)
    async with in_time(30):
        await worker.main()


@pytest.mark.parametrize("retry_jobs", [True, False])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_worker_that_ends_costs_what_it_costs_with_arq(
    stock: arq.ArqRedis, number: signal.Signals, retry_jobs: bool
) -> None:
    expected = await interrupted(stock, "arq", number, retry_jobs=retry_jobs)
    seen = await interrupted(stock, "monarq.arq", number, retry_jobs=retry_jobs)
    assert seen == expected
    assert seen["once"][0] == [1]
