"""arq's cron jobs: as entries of the scheduler, and as workers of both kinds run them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import arq
from redis.asyncio import Redis

from monarq.arq.settings.crons import arq_entries
from monarq.shared.formats.arq.keys import DEFAULT_QUEUE
from tests.arq import jobs
from tests.arq.jobs import Ctx
from tests.arq.workers import burst, ours, running, theirs, until


async def test_ours_and_arqs_workers_run_each_tick_once(stock: arq.ArqRedis, redis: Redis) -> None:
    """arq's worker and our scheduler give a tick the same id."""
    started: list[str] = []

    async def tick(ctx: Ctx) -> None:
        started.append(ctx["job_id"])

    every = [arq.cron(tick, name="tick", second=set(range(60)))]
    workers = [theirs(stock, [], cron_jobs=every), ours(stock, [], cron_jobs=every), ours(stock, [], cron_jobs=every)]
    async with running(workers[0]), running(workers[1]), running(workers[2]):
        await until(lambda: asyncio.sleep(0, len(started) >= 4))
    assert len(set(started)) == len(started)
    assert all(job_id.startswith("tick:") and job_id.endswith("123") for job_id in started)
    await redis.delete(DEFAULT_QUEUE, *await redis.keys("arq:job:tick:*"))


async def test_jobs_at_startup_run_in_a_burst(stock: arq.ArqRedis) -> None:
    seen: list[str] = []

    async def first(ctx: Ctx) -> None:
        seen.append("first")

    async def second(ctx: Ctx) -> None:
        seen.append("second")

    yearly = {"month": 1, "day": 1, "run_at_startup": True}
    crons = [
        arq.cron(first, **yearly),
        arq.cron(second, **yearly, job_id="one"),
        arq.cron(jobs.add, **yearly, job_id="one"),
    ]
    worker = await burst(stock, [], cron_jobs=crons)
    assert (worker.jobs_complete, worker.jobs_failed) == (2, 0)
    assert sorted(seen) == ["first", "second"]


async def test_a_cron_job_has_arqs_own_limits(stock: arq.ArqRedis) -> None:
    """One try, and no result."""

    async def broken(ctx: Ctx) -> None:
        raise arq.Retry

    crons = [arq.cron(broken, name="broken", month=1, day=1, run_at_startup=True, job_id="one")]
    worker = await burst(stock, [], cron_jobs=crons)
    assert (worker.jobs_complete, worker.jobs_failed, worker.jobs_retried) == (0, 1, 1)
    found = await arq.jobs.Job("one", stock).result_info()
    assert found is not None
    assert str(found.result) == "max 1 retries exceeded"


def test_arqs_cron_jobs_become_entries() -> None:
    made = arq.cron(jobs.add, name="x", weekday={"mon", "fri"}, hour=3, unique=False, job_id="i", run_at_startup=True)
    (one,) = arq_entries([made], UTC)
    assert (one.job_name, one.name, one.unique, one.job_id, one.run_at_startup) == ("x", "x", False, "i", True)
    assert not one.remembers
    friday = one.schedule.next_after(datetime(2026, 3, 3, tzinfo=UTC))
    assert friday == datetime(2026, 3, 6, 3, 0, 0, 123_456, tzinfo=UTC)
