"""The jobs of `chaos.jobs.plain`, and jobs that do not stop when cancelled: ``monarq worker chaos.jobs.stubborn``."""

from __future__ import annotations

import asyncio

from chaos.checks.attempt import attempt
from chaos.jobs.plain import work
from monarq import Context, job

TIMEOUT_S = 1.0
__all__ = ["work"]


@job(timeout=TIMEOUT_S)
async def swallow(ctx: Context, ms: int) -> str:
    """Catches the cancellation and goes on for as long as it likes."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        await _wait_regardless(ms)
    return run


@job(timeout=TIMEOUT_S)
async def shield(ctx: Context, ms: int) -> str:
    """Shields its work from cancellation; the work goes on after the job has ended."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        await asyncio.shield(asyncio.sleep(ms / 1000))
    return run


@job(timeout=TIMEOUT_S)
async def cancel_itself(ctx: Context, ms: int) -> str:  # noqa: ARG001 - all jobs of scenarios take the same arguments
    """Raises CancelledError itself, and never returns."""
    with attempt(ctx.job_id, ctx.job_try):
        raise asyncio.CancelledError


@job(timeout=TIMEOUT_S)
async def nest(ctx: Context, ms: int) -> str:
    """Waits for tasks of its own, one of which ignores its cancellation."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        async with asyncio.TaskGroup() as group:
            group.create_task(_wait_regardless(ms))
            group.create_task(asyncio.sleep(ms / 1000))
    return run


async def _wait_regardless(ms: int) -> None:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + ms / 1000
    while (left_s := end_s - loop.time()) > 0:
        try:
            await asyncio.sleep(left_s)
        except asyncio.CancelledError:
            continue
