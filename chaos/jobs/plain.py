"""The jobs that scenarios run, for monarq's workers: ``monarq worker chaos.jobs.plain``."""

from __future__ import annotations

import asyncio
import ctypes
import time

from chaos.checks.attempt import attempt
from monarq import Context, Retry, job


@job
async def work(ctx: Context, ms: int) -> str:
    """Waits, like a job that calls a network service."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        await asyncio.sleep(ms / 1000)
    return run


@job
async def carry(ctx: Context, ms: int, data: bytes) -> str:  # noqa: ARG001 - a load
    """The same with a payload."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        await asyncio.sleep(ms / 1000)
    return run


@job
async def retried(ctx: Context, ms: int) -> str:
    """Asks for a retry the first time."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        await asyncio.sleep(ms / 1000)
        if ctx.job_try == 1:
            raise Retry(defer=0.1)
    return run


@job
async def generation(ctx: Context, ms: int, number: int) -> str:
    """Returns to which enqueue of its id it belongs."""
    with attempt(ctx.job_id, ctx.job_try, note=f"generation={number}") as run:
        await asyncio.sleep(ms / 1000)
    return f"{run} generation={number}"


@job
async def retry_generation(ctx: Context, ms: int, number: int) -> str:
    """Asks for a retry, unless it is one."""
    with attempt(ctx.job_id, ctx.job_try, note=f"generation={number}") as run:
        await asyncio.sleep(ms / 1000)
        if ctx.job_try == 1:
            raise Retry(defer=0.1)
    return f"{run} generation={number}"


@job
async def block_loop(ctx: Context, ms: int) -> str:
    """Blocks the event loop, like a job that calls a blocking driver."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        time.sleep(ms / 1000)  # noqa: ASYNC251 - on purpose
    return run


@job
async def burn(ctx: Context, ms: int) -> str:
    """Keeps the interpreter busy with Python code."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        end = time.monotonic() + ms / 1000
        while time.monotonic() < end:
            sum(range(1000))
    return run


@job
async def hold_interpreter(ctx: Context, ms: int) -> str:
    """Holds the GIL in C code, which stops every thread of the process."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        ctypes.PyDLL(None).usleep(ms * 1000)
    return run
