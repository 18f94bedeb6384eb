"""Jobs of three queues, which lie on three nodes where the test has chosen their names so."""

from __future__ import annotations

import os

from monarq import Context, Queue, Retry, cron, job

FIRST, SECOND, THIRD = (Queue(name) for name in os.environ.get("CLUSTER_QUEUES", "a b c").split())


@job(name="cluster.add", queue=FIRST)
async def add(a: int, b: int) -> int:
    """In the loop."""
    return a + b


@job(name="cluster.square", queue=SECOND)
def square(number: int) -> int:
    """In the cpu lane."""
    return number * number


@job(name="cluster.count", queue=THIRD)
async def count(ctx: Context, to: int) -> int:
    """Reports how far it is, and asks for another try the first time."""
    for number in range(to):
        await ctx.progress(number, to)
    if ctx.job_try == 1:
        raise Retry(defer=0.01)
    return to


@job(name="cluster.fail", queue=FIRST)
async def fail() -> None:
    """Becomes a dead letter."""
    raise ValueError("no")


@job(name="cluster.tick", queue=SECOND)
async def tick() -> None:
    """Each second."""


every_second = cron(tick, "* * * * * *")
