"""Jobs of every lane, that do what a job can do."""

from __future__ import annotations

import asyncio
from datetime import UTC

from monarq import Context, Retry, cron, job


@job
async def in_loop() -> str:
    return "in_loop"


@job
def in_child() -> str:
    return "in_child"


@job(lane="thread")
def in_thread() -> str:
    return "in_thread"


@job
async def again(ctx: Context) -> int:
    if ctx.job_try == 1:
        raise Retry(defer=0.1)
    return ctx.job_try


@job
async def for_ever(ctx: Context) -> None:
    ctx.progress(1, 2)
    await asyncio.Event().wait()


@job
async def fail() -> None:
    raise ValueError("no")


each_second = cron(in_loop, second=set(range(60)), zone=UTC)
