"""The job of cluster scenarios, whose queue is spread over shards: ``monarq worker chaos.jobs.sharded``."""

from __future__ import annotations

import asyncio
from typing import Final

from chaos.checks.attempt import attempt
from chaos.queues.native import SHARDED, SHARDS
from monarq import Context, Queue, job

QUEUE: Final = Queue(SHARDED, shards=SHARDS)


@job(queue=QUEUE)
async def work(ctx: Context, ms: int) -> str:
    """Waits, like a job that calls a network service."""
    with attempt(ctx.job_id, ctx.job_try) as run:
        await asyncio.sleep(ms / 1000)
    return run
