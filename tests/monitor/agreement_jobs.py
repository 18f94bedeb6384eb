"""The target of a pool whose numbers must agree with what it ran."""

from __future__ import annotations

import asyncio

from monarq import Retry, job
from monarq.shared.calls.context import Context


@job(name="agree_done")
async def done(seconds: float) -> None:
    await asyncio.sleep(seconds)


@job(name="agree_failed")
async def failed() -> None:
    raise ValueError("as it should")


@job(name="agree_again", max_tries=3)
async def again(ctx: Context) -> None:
    if ctx.job_try < 3:
        raise Retry(defer=0.1)


@job(name="agree_cpu")
def count(upto: int) -> int:
    return sum(range(upto))
