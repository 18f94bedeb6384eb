"""An application of arq's after nothing but its imports was changed: type checkers find no fault. Never run."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import monarq.arq.jobs
import monarq.arq.worker
from monarq.arq import ArqRedis, Retry, Worker, create_pool, cron, func, run_worker
from monarq.arq.connections import RedisSettings
from monarq.arq.cron import CronJob
from monarq.arq.jobs import Job, JobDef, JobResult, JobStatus
from monarq.arq.typing import SecondsTimedelta, StartupShutdown, WorkerCoroutine, WorkerSettingsType
from monarq.arq.worker import Function, async_check_health, check_health, create_worker, get_kwargs


async def download(ctx: dict[Any, Any], url: str) -> int:
    redis: ArqRedis = ctx["redis"]
    job: Job | None = await redis.enqueue_job("download", url, _defer_by=timedelta(seconds=1), _queue_name="x")
    if job is None:
        raise Retry(defer=5)
    status: JobStatus = await job.status()
    info: JobDef | None = await job.info()
    result: JobResult | None = await job.result_info()
    aborted: bool = await job.abort(timeout=1)
    print(status, info, result, aborted, await job.result(timeout=5, poll_delay=0.1))
    return 1


async def startup(ctx: dict[Any, Any]) -> None:
    ctx["a"] = 1


class WorkerSettings:
    functions = [download, func(download, name="d2", timeout=timedelta(seconds=3), keep_result=0)]  # noqa: RUF012
    cron_jobs = [cron(download, hour={1, 2}, minute=5, run_at_startup=True)]  # noqa: RUF012
    on_startup = startup
    redis_settings = RedisSettings.from_dsn("redis://localhost")


async def main() -> None:
    pool = await create_pool(RedisSettings(host="localhost"), default_queue_name="q", job_serializer=lambda _: b"")
    queue: list[JobDef] = await pool.queued_jobs(queue_name="x")
    results: list[JobResult] = await pool.all_job_results()
    await pool.zadd("x", {"a": 1})
    worker = Worker([download], redis_pool=pool, on_startup=startup, job_timeout=timedelta(seconds=3), burst=True)
    count: int = await worker.run_check(max_burst_jobs=2)
    await worker.close()
    again: ArqRedis = worker.pool
    tasks: dict[str, asyncio.Task[Any]] = worker.tasks
    functions: dict[str, Function | CronJob] = worker.functions
    worker.on_stop = lambda _: None
    job = Job("x", pool, _queue_name="y")
    named: monarq.arq.jobs.Job = job
    made: monarq.arq.worker.Worker = create_worker(WorkerSettings, burst=True)
    run_worker({"functions": [download]})
    code: int = check_health(WorkerSettings) + await async_check_health(RedisSettings())
    print(queue, results, count, again, tasks, functions, named, made, code, get_kwargs(WorkerSettings))
    redis = ArqRedis(host="localhost", default_queue_name="x")
    async with redis.pipeline(transaction=True) as pipe:
        pipe.get("a")
        await pipe.execute()


def run(settings: WorkerSettingsType, job: WorkerCoroutine, hook: StartupShutdown, wait: SecondsTimedelta) -> None:
    worker = Worker(functions=[job], on_shutdown=hook, cron_jobs=[cron(job, minute=3)], poll_delay=wait)
    worker.run()
    run_worker(settings)


class OwnRedis(ArqRedis):
    async def enqueue_job(self, function: str, *args: Any, **kwargs: Any) -> Job | None:
        return await super().enqueue_job(function, *args, **kwargs)
