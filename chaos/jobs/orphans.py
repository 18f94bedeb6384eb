"""Jobs that leave processes behind: ``monarq worker chaos.jobs.orphans``."""

from __future__ import annotations

import asyncio

from chaos.checks.attempt import attempt
from chaos.jobs.plain import work
from monarq import Context, job

SLEEPER = "sleep"
"""The program that is left running."""

__all__ = ["work"]


@job
async def leave_behind(ctx: Context, ms: int) -> str:
    """Starts a process whose parent exits at once, so that nobody waits for it."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        shell = await asyncio.create_subprocess_exec("/bin/sh", "-c", f"{SLEEPER} {ms / 1000} >/dev/null 2>&1 &")
        await shell.wait()
    return run
