"""An application of arq's, as its users have them: nothing in it knows of monarq."""

from __future__ import annotations

import asyncio
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


async def tell_rows(ctx: Ctx, rows: int) -> int:
    for row in range(1, rows + 1):
        if tell := ctx.get("progress"):
            tell(row, rows, f"row {row}")
        await asyncio.sleep(0.02)
    return rows


async def tell_and_hold(ctx: Ctx) -> None:
    """Tells from a thread, as arq's jobs run what blocks, and then runs until somebody sets a key."""
    await asyncio.to_thread(ctx["progress"], 1, 4, "a quarter")
    while not await ctx["redis"].exists("test:let-go"):
        await asyncio.sleep(0.02)


async def tell_never(ctx: Ctx) -> None: ...


async def show_own(ctx: Ctx) -> Any:
    """What the application itself has put at this key."""
    return ctx["progress"]


async def tell_early(ctx: Ctx) -> None:
    """A hook that tells, and too late."""
    if tell := ctx.get("progress"):
        tell(0, None, "in a hook")


class ProgressSettings:
    """Jobs that report their progress where the worker takes reports, and run on arq's own workers as well."""

    functions: ClassVar[list[Any]] = [tell_rows, tell_and_hold, tell_never]
