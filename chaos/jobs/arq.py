"""The same jobs for stock arq's workers, the control: ``arq chaos.jobs.arq.WorkerSettings``.

arq keeps a dead worker's job in progress for its timeout plus 10 s, so the timeout is as short as the jobs allow.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any, ClassVar

from arq import Retry, func
from arq.connections import RedisSettings

from chaos.checks.attempt import attempt


async def work(ctx: dict[str, Any], ms: int) -> str:
    """See `chaos.jobs.plain.work`."""
    with attempt(ctx["job_id"], ctx["job_try"], "arq") as run:
        await asyncio.sleep(ms / 1000)
    return run


async def retried(ctx: dict[str, Any], ms: int) -> str:
    """See `chaos.jobs.plain.retried`."""
    with attempt(ctx["job_id"], ctx["job_try"], "arq") as run:
        await asyncio.sleep(ms / 1000)
        if ctx["job_try"] == 1:
            raise Retry(defer=0.1)
    return run


async def generation(ctx: dict[str, Any], ms: int, number: int) -> str:
    """See `chaos.jobs.plain.generation`."""
    with attempt(ctx["job_id"], ctx["job_try"], "arq", f"generation={number}") as run:
        await asyncio.sleep(ms / 1000)
    return f"{run} generation={number}"


async def retry_generation(ctx: dict[str, Any], ms: int, number: int) -> str:
    """See `chaos.jobs.plain.retry_generation`."""
    with attempt(ctx["job_id"], ctx["job_try"], "arq", f"generation={number}") as run:
        await asyncio.sleep(ms / 1000)
        if ctx["job_try"] == 1:
            raise Retry(defer=0.1)
    return f"{run} generation={number}"


JOBS = (work, retried, generation, retry_generation)


class WorkerSettings:
    """arq's settings for the control."""

    functions: ClassVar[list[Any]] = [func(each, name=each.__name__) for each in JOBS]
    redis_settings = RedisSettings.from_dsn(os.environ.get("REDIS_URL", "redis://localhost"))
    max_jobs = int(os.environ.get("CHAOS_CONCURRENCY", "20"))
    job_timeout = float(os.environ.get("CHAOS_ARQ_TIMEOUT", "5"))
    job_completion_wait = round(float(os.environ.get("CHAOS_ARQ_GRACE", "0")))
    poll_delay = 0.1
