"""An application of arq's, as its users have them: nothing in it knows of monarq."""

from __future__ import annotations

from typing import Any, ClassVar

from arq import cron, func

from tests.arq import jobs
from tests.arq.jobs import Ctx


async def parent(ctx: Ctx, a: int) -> str:
    """Enqueues another job, as arq's jobs do."""
    child = await ctx["redis"].enqueue_job("add", a, ctx["step"])
    return str(child.job_id)


async def at_start(ctx: Ctx) -> None:
    await ctx["redis"].hincrby("test:seen", "at_start", 1)


async def startup(ctx: Ctx) -> None:
    ctx["step"] = 100
    await ctx["redis"].hincrby("test:seen", "startup", 1)


async def shutdown(ctx: Ctx) -> None:
    await ctx["redis"].hincrby("test:seen", "shutdown", ctx["step"])


class WorkerSettings:
    functions: ClassVar[list[Any]] = [jobs.add, func(parent, name="parent", max_tries=1)]
    cron_jobs: ClassVar[list[Any]] = [cron(at_start, month=1, day=1, run_at_startup=True)]
    on_startup = startup
    on_shutdown = shutdown
    burst = True
