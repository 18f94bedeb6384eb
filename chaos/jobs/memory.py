"""The jobs of `chaos.jobs.plain`, and jobs that take all memory: ``monarq worker chaos.jobs.memory``."""

from __future__ import annotations

import asyncio
import time

from chaos.checks.attempt import attempt
from chaos.jobs.plain import work
from monarq import Context, SyncContext, job

MIB = 1 << 20
LIMIT_BYTES = 160 * MIB
"""How much memory a process may use before its lane's guard, or the driver in place of the kernel, kills it."""

__all__ = ["work"]


@job
async def grow(ctx: Context, ms: int) -> str:
    """Allocates more and more memory in the worker itself, until the process is killed."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        held = []
        for _ in range(2 * LIMIT_BYTES // MIB):
            held.append(b"x" * MIB)
            await asyncio.sleep(ms / 1000 / 100)
        await asyncio.sleep(60)
    return run


@job(memory=LIMIT_BYTES)
def grow_apart(ctx: SyncContext, ms: int) -> str:
    """The same in the cpu lane, whose guard kills only the child process."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        held = []
        for _ in range(2 * LIMIT_BYTES // MIB):
            held.append(b"x" * MIB)
            time.sleep(ms / 1000 / 100)
        time.sleep(60)
    return run
